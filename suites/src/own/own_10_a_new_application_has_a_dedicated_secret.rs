//! OWN-10: a new application has a dedicated Secret.
//!
//! A name that follows a pattern tells whose Secret it is, who may read it, and what a rotation will hit. The cluster's
//! default Secret tells none of this, and is the one that the next application borrows.

use harness::check::Check;
use harness::expectation::that;
use harness::finding::Place;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::roles::users;

/// A new application has a dedicated Secret.
pub const OWN_10: Requirement = Requirement {
    id: "OWN-10",
    title: "Each application's Secret is called by the subject's pattern",
    level: Level::Should,
    source: "S1: \"always use a dedicated `<app>-db-auth` Secret and role\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "give the application a Secret of its own, called by the pattern that the subject file declares",
    rendered: Some(rendered),
    live: None,
};

/// What stands for the application in a pattern.
const APP: &str = "<app>";

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(pattern) = subject.subject().database().secret_pattern.clone() else {
        return check.not_applicable("the subject declares no pattern (database.secretPattern)");
    };
    if pattern.matches(APP).count() != 1 {
        let hint = format!("`{pattern}` does not say with one `{APP}` where the application stands");
        return check.undecided(Place::object("the subject"), "database.secretPattern", hint);
    }
    let users = users(subject);
    for secret in users.keys() {
        let at = Place::object(format!("secret/{secret}"));
        let fits = that("a name by the pattern", |name: &str| follows(&pattern, name));
        check.expect(at, format!("the name of an application's Secret ({pattern})"), secret.as_str(), fits);
    }
    if users.is_empty() {
        check.not_applicable("no client takes a credential from a Secret");
    }
}

fn follows(pattern: &str, name: &str) -> bool {
    let parts = pattern.split_once(APP);
    parts.is_some_and(|(before, after)| {
        name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).is_some_and(|app| !app.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::NotApplicable;
    use rstest::rstest;

    use super::{OWN_10, follows};
    use crate::testing::judge_manifests;

    #[rstest]
    #[case::dedicated("shop-db-auth", true)]
    #[case::of_the_cluster("db-app", false)]
    #[case::of_nobody("-db-auth", false)]
    #[case::with_more_behind("shop-db-auth-2", false)]
    fn a_name_follows_the_pattern(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(follows("<app>-db-auth", name), expected);
    }

    #[test]
    fn without_a_pattern_every_name_will_do() {
        let client = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, env: [{name: PGPASSWORD, valueFrom: {secretKeyRef: {name: x, key: password}}}]}]}}";
        assert_eq!(judge_manifests(&OWN_10, client), NotApplicable);
    }
}
