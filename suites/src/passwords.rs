//! Passwords that checks put into the values, to see where they go and what follows them.

use harness::check::Check;
use harness::helm::ValuePath;
use harness::plaintext::is_password_path;
use harness::rendered::{Attempt, Change, Rendered, Rendering};

/// How the passwords begin that nothing but a check can have put into the values.
pub(crate) const PLAIN_PASSWORD: &str = "holdfast0Plain0Mark7Kq";

/// Such a password, one for each value, so that whoever repeats it tells which.
pub(crate) fn plain_password(number: usize) -> String {
    format!("{PLAIN_PASSWORD}{number:03}")
}

/// The values of the first release that are passwords, set or not.
pub(crate) fn password_values(subject: &Rendered) -> Vec<ValuePath> {
    let leaves = subject.values().map(ValuePath::leaves).unwrap_or_default();
    let fitting =
        leaves.into_iter().filter(|(path, value)| is_password_path(path) && (value.is_string() || value.is_null()));
    fitting.map(|(path, _)| path).collect()
}

/// What is rendered when every password of the values is another one; each by itself where Helm refuses them together.
pub(crate) fn with_passwords(
    subject: &Rendered,
    password: impl Fn(usize) -> String,
    check: &mut Check,
) -> Vec<(Change, Attempt)> {
    let paths = password_values(subject);
    if paths.is_empty() {
        return Vec::new();
    }
    let numbered = || paths.iter().enumerate().map(|(number, path)| (path, password(number)));
    let together = numbered().fold(Change::none(), |change, (path, password)| change.and_set(path, password));
    let attempt = subject.many(vec![together], check);
    if paths.len() == 1 || attempt.iter().all(|(_, attempt)| attempt.rendering().is_some()) {
        return attempt;
    }
    subject.many(numbered().map(|(path, password)| Change::set(path, password)).collect(), check)
}

/// The same with plain passwords, as far as Helm renders it.
pub(crate) fn renderings_with_passwords(subject: &Rendered, check: &mut Check) -> Vec<(Change, Rendering)> {
    let attempts = with_passwords(subject, plain_password, check);
    attempts.into_iter().filter_map(|(change, attempt)| Some((change, attempt.rendering()?.clone()))).collect()
}
