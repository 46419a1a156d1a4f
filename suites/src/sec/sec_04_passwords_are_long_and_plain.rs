//! SEC-04: passwords are long and plain.
//!
//! `echo` ends a line, and so does the password that went through it: PostgreSQL is told one with a line end, or the
//! operator trims it and the application does not, and both sides swear that theirs is right. A short one is guessed.
//! What a manifest generates is decoded and read; what is made on the cluster only the cluster can show. How long a
//! password is that somebody wrote into the values or into a companion is that person's choice.

use harness::check::Check;
use harness::expectation::{empty, equal_to, that};
use harness::experiment::SETTLED;
use harness::finding::Place;
use harness::graph::RefKind;
use harness::plaintext::is_password_name;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use crate::roles::roles;

/// Passwords are long and plain.
pub const SEC_04: Requirement = Requirement {
    id: "SEC-04",
    title: "A generated password has its declared length and nothing that gets lost on the way",
    level: Level::Must,
    source: "S1: \"unique 32-char passwords per namespace\"",
    since: "1.0",
    revision: 2,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "generate letters and digits of the declared length, and encode them without a line end (printf, not echo)",
    rendered: Some(rendered),
    live: Some(live),
};

/// What is asked for where the subject declares nothing.
const LENGTH: usize = 24;
/// What CloudNativePG makes: letters and digits.
const OF_THE_OPERATOR: usize = 64;

fn rendered(subject: &Rendered, check: &mut Check) {
    let length = subject.subject().database().password_length.unwrap_or(LENGTH);
    let stubs: Vec<&str> = subject.subject().stubs().values().filter_map(Value::as_str).collect();
    let store = subject.graph().store();
    let hooks = &subject.rendering().surroundings().hooks;
    let mut examined = false;
    for secret in subject.manifests().of_kind("Secret") {
        for (key, text) in store.entries(RefKind::Secret, secret.name()) {
            let Some(password) = text.known().filter(|_| is_password_name(key)) else { continue };
            // What a person chooses is not generated.
            if password.trim().is_empty() || stubs.contains(&password) || is_given(subject, password.trim()) {
                continue;
            }
            let at = secret.at(&format!("data.{key}"));
            judge(&at, password, length, check);
            examined = true;
        }
    }
    for credential in &subject.subject().database().credentials {
        let key = credential.keys.password.clone().unwrap_or_else(|| "password".into());
        let at = Place::object(format!("secret/{}", credential.secret)).field(key);
        if is_of_the_operator(subject, &credential.secret) {
            let enough = that("at least the declared length", |found: &usize| *found >= length);
            check.expect(at, "length of what CloudNativePG generates", &OF_THE_OPERATOR, enough);
            examined = true;
        } else if hooks.contains(&format!("secret/{}", credential.secret)) {
            // Nobody has it before it is made; the live lane reads it.
            check.not_applicable("a hook of the release makes the password on the cluster, where it is judged");
            examined = true;
        }
    }
    if !examined {
        check.not_applicable("nothing that is rendered or declared holds a generated password");
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    for credential in installed.at(SETTLED).authority.iter().filter(|one| one.exists) {
        if !credential.given {
            let declared = credential.declared_length.unwrap_or(LENGTH);
            let enough = that("at least the declared length", |found: &usize| *found >= declared);
            check.expect(credential, "the length of its password", &credential.length.unwrap_or(0), enough);
        }
        let ends = if credential.untidy { "white space at an end or control characters" } else { "nothing" };
        check.expect(credential, "what in it gets lost on the way", &ends, equal_to("nothing"));
    }
}

/// The length is said, and never the password.
fn judge(at: &Place, password: &str, length: usize, check: &mut Check) {
    let enough = that("at least the declared length", |found: &usize| *found >= length);
    check.expect(at, "its length in characters", &password.trim().chars().count(), enough);
    let ends = (password != password.trim()).then_some("white space at an end");
    let control = password.trim().chars().any(char::is_control).then_some("control characters");
    let lost: Vec<&str> = ends.into_iter().chain(control).collect();
    check.expect(at, "what in it gets lost on the way", &lost[..], empty());
}

/// Whether somebody wrote it into the values.
fn is_given(subject: &Rendered, password: &str) -> bool {
    fn holds(value: &Value, password: &str) -> bool {
        match value {
            Value::String(text) => text.trim() == password,
            Value::Array(items) => items.iter().any(|item| holds(item, password)),
            Value::Object(map) => map.values().any(|item| holds(item, password)),
            _ => false,
        }
    }
    subject.values().is_some_and(|values| holds(values, password))
}

fn is_of_the_operator(subject: &Rendered, secret: &str) -> bool {
    let clusters = &subject.rendering().surroundings().clusters;
    let generated = |suffix: &str| format!("{suffix}-app");
    clusters.iter().any(|cluster| cluster.app_secret.is_none() && generated(&cluster.name) == secret)
        || roles(subject)
            .iter()
            .any(|role| generated(&role.cluster) == secret && role.secret.as_deref() == Some(secret))
}

#[cfg(test)]
mod tests {
    use harness::record::CredentialState;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use super::{Experiment, SEC_04, SETTLED};
    use crate::testing::{judge_live, judge_manifests, moment, record};

    #[rstest]
    #[case::long_and_plain("{stringData: {password: Q2x5J8kLm0PzR4tV7wYb1CdE}}", Holds)]
    #[case::short("{stringData: {password: Q2x5J8kLm0PzR4tV7wYb1Cd}}", Violated)]
    #[case::with_a_line_end("{data: {password: UTJ4NUo4a0xtMFB6UjR0Vjd3WWIxQ2RFCg==}}", Violated)]
    #[case::with_a_line_end_within("{stringData: {password: \"Q2x5J8kLm0PzR4tV7wYb\\n1CdE\"}}", Violated)]
    #[case::no_password("{stringData: {host: db-rw}}", NotApplicable)]
    fn a_secret_holds(#[case] content: &str, #[case] verdict: Verdict) {
        let inner = content.trim_start_matches('{').strip_suffix('}').unwrap();
        let text = format!("{{apiVersion: v1, kind: Secret, metadata: {{name: a}}, {inner}}}");
        assert_eq!(judge_manifests(&SEC_04, &text), verdict);
    }
    #[rstest]
    #[case::long(false, 24, false, Holds)]
    #[case::short(false, 12, false, Violated)]
    #[case::short_and_given(true, 12, false, Holds)]
    #[case::given_with_a_line_end(true, 24, true, Violated)]
    fn a_password_that_stands_is(
        #[case] given: bool,
        #[case] length: usize,
        #[case] untidy: bool,
        #[case] verdict: Verdict,
    ) {
        let credential =
            CredentialState { exists: true, given, length: Some(length), untidy, ..CredentialState::default() };
        let mut seen = moment(SETTLED, 0, []);
        seen.authority = vec![credential];
        assert_eq!(judge_live(&SEC_04, [record(Experiment::Install, [seen])]), verdict);
    }
}
