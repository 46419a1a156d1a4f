//! RENDER: what Helm makes of the values, before any cluster sees it.
//!
//! A render is the first door that a mistake passes, and the cheapest one to stop it at: whatever Helm lets through
//! costs a rollout to find. The area asks what is refused, what appears, and whether what people set has an effect.

mod render_01_a_named_ca_secret_needs_its_key;
mod render_05_an_upgrade_keeps_every_credential;
mod render_07_no_credential_stands_in_the_open;
mod render_13_every_reference_has_a_producer;

pub use self::render_01_a_named_ca_secret_needs_its_key::RENDER_01;
pub use self::render_05_an_upgrade_keeps_every_credential::RENDER_05;
pub use self::render_07_no_credential_stands_in_the_open::RENDER_07;
pub use self::render_13_every_reference_has_a_producer::RENDER_13;

use harness::check::Check;
use harness::finding::Place;
use harness::helm::{Package, ValuePath};
use harness::plaintext::is_password_path;
use harness::rendered::{Change, Rendered, Rendering};
use serde_json::Value;

/// A password of the values that nothing but a check can have put there.
const PLAIN_PASSWORD: &str = "holdfast0Plain0Mark7Kq";

/// Says for a subject without a file that only such a file can tell; whether that is so.
fn undeclared(subject: &Rendered, check: &mut Check, what: &str, field: &str) -> bool {
    let bare = !subject.subject().is_declared();
    if bare {
        check.undecided(Place::object("the subject"), what, format!("a subject file tells, in its field `{field}`"));
    }
    bare
}

/// A change under which the CA Secret has a name; the subject's own, where it has one.
fn ca_with(subject: &Rendered, name_value: &str, change: Change) -> Change {
    if subject.value_text(name_value).is_some() { change } else { change.and_set(name_value, "holdfast-ca") }
}

/// The files of a chart that are text.
fn text_files(chart: &Package) -> impl Iterator<Item = (&str, &str)> {
    chart.files.iter().filter_map(|file| Some((file.path.as_str(), file.text()?)))
}

/// The values of the first release that are passwords, set or not.
fn password_values(subject: &Rendered) -> Vec<ValuePath> {
    let leaves = subject.values().map(ValuePath::leaves).unwrap_or_default();
    let fitting =
        leaves.into_iter().filter(|(path, value)| is_password_path(path) && (value.is_string() || value.is_null()));
    fitting.map(|(path, _)| path).collect()
}

/// What is rendered when every password of the values is this one; each by itself where Helm refuses them together.
fn with_passwords(subject: &Rendered, password: &str, check: &mut Check) -> Vec<(Change, harness::rendered::Attempt)> {
    let paths = password_values(subject);
    if paths.is_empty() {
        return Vec::new();
    }
    let together = paths.iter().fold(Change::none(), |change, path| change.and_set(path, password));
    let attempt = subject.many(vec![together], check);
    if paths.len() == 1 || attempt.iter().all(|(_, attempt)| attempt.rendering().is_some()) {
        return attempt;
    }
    subject.many(paths.iter().map(|path| Change::set(path, password)).collect(), check)
}

/// The same, as far as Helm renders it.
fn renderings_with_passwords(subject: &Rendered, password: &str, check: &mut Check) -> Vec<(Change, Rendering)> {
    let attempts = with_passwords(subject, password, check);
    attempts.into_iter().filter_map(|(change, attempt)| Some((change, attempt.rendering()?.clone()))).collect()
}

/// The paths at which two values differ.
fn differing_paths(first: &Value, second: &Value) -> Vec<ValuePath> {
    let (first, second) = (ValuePath::leaves(first), ValuePath::leaves(second));
    let changed = first
        .iter()
        .filter(|(path, value)| second.iter().find(|(other, _)| other == path).is_none_or(|(_, other)| other != value));
    let added = second.iter().filter(|(path, _)| first.iter().all(|(known, _)| known != path));
    changed.chain(added).map(|(path, _)| path.clone()).collect()
}

/// The paths of the strings within a value that pass a test.
fn strings(value: &Value, test: &dyn Fn(&Value) -> bool) -> Vec<String> {
    fn walk(path: &str, value: &Value, test: &dyn Fn(&Value) -> bool, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(&format!("{path}{dot}{}", key.replace('.', "\\.")), value, test, found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(&format!("{path}[{index}]"), item, test, found);
                }
            }
            _ if test(value) => found.push(path.to_owned()),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", value, test, &mut found);
    found
}
