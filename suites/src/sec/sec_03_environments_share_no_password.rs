//! SEC-03: environments share no password.
//!
//! A password that staging and production share is production's password on every developer's desk. It gets there by a
//! file of values that both read. So what each overlay renders is compared with what the others render.

use std::collections::BTreeMap;

use harness::check::Check;
use harness::expectation::empty;
use harness::finding::Place;
use harness::rendered::{Rendered, Rendering};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

/// Environments share no password.
pub const SEC_03: Requirement = Requirement {
    id: "SEC-03",
    title: "No two environments render the same password",
    level: Level::Must,
    source: "S1: \"Each environment (dev/staging/prod) has unique database credentials\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "take the password out of what the environments share, and let each make its own",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let stubs: Vec<&str> = subject.subject().stubs().values().filter_map(Value::as_str).collect();
    let own = passwords(subject.rendering(), &stubs);
    let others = subject.siblings(check);
    for (name, other) in &others {
        let theirs = passwords(other, &stubs);
        let shared: Vec<&String> =
            own.iter().filter(|(value, _)| theirs.contains_key(*value)).map(|(_, holder)| holder).collect();
        let at = Place::object(format!("overlay {}", subject.overlay().name));
        check.expect(at, format!("passwords that overlay {name} renders too"), &shared[..], empty());
    }
    if others.is_empty() {
        check.not_applicable("the subject has one overlay");
    }
}

/// Values with who holds them. A stub stands in for what each environment has of its own, and an id opens nothing.
fn passwords(rendering: &Rendering, stubs: &[&str]) -> BTreeMap<String, String> {
    let found = rendering.credentials().into_iter().filter(|(_, value)| {
        let public = value.contains("BEGIN CERTIFICATE") && !value.contains("PRIVATE KEY");
        !public && !stubs.iter().any(|stub| value.contains(stub))
    });
    let found = found.filter(|(holder, _)| !is_an_id(holder));
    found.map(|(holder, value)| (value, holder)).collect()
}

/// Whether the key of a Secret holds the id of something, `secret/env[GITHUB_APP_ID]`.
fn is_an_id(holder: &str) -> bool {
    let key = holder.rsplit('[').next().unwrap_or_default().trim_end_matches(']');
    key.ends_with("Id") || key.to_lowercase().rsplit(['-', '_', '.']).next() == Some("id")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_an_id;

    #[rstest]
    #[case::of_an_app("secret/env[GITHUB_APP_ID]", true)]
    #[case::in_camel_case("secret/env[clientId]", true)]
    #[case::a_word_that_ends_so("secret/env[GRID]", false)]
    #[case::a_password("secret/env[DB_PASSWORD]", false)]
    #[case::in_a_url("the password in secret/env[DATABASE_URL]", false)]
    fn an_id_is_no_password(#[case] holder: &str, #[case] expected: bool) {
        assert_eq!(is_an_id(holder), expected);
    }
}
