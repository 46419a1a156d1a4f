//! OWN-02: every application has a role of its own.
//!
//! Two applications on one role cannot be told apart in the database's log, are rotated together or not at all, and own
//! each other's tables. It begins with a Secret that was at hand when the second one was set up. The operator refuses a
//! Secret whose user name is not the role's, so which role a Secret belongs to can be read from the roles that name it.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::SETTLED;
use harness::finding::Place;
use harness::graph::{Fact, KeyRef, RefKind};
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::roles::{roles, users};

/// Every application has a role of its own.
pub const OWN_02: Requirement = Requirement {
    id: "OWN-02",
    title: "Every application has a role and a Secret of its own, and the Secret names that role",
    level: Level::Must,
    source: "S1: \"One Secret per app, managed in-cluster\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "give each application a role, a Secret that only it reads, and that role's name as the Secret's user name",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let declared = &subject.subject().database().credentials;
    let roles = roles(subject);
    let users = users(subject);
    let mut secrets: BTreeSet<&str> = declared.iter().map(|credential| credential.secret.as_str()).collect();
    secrets.extend(roles.iter().filter_map(|role| role.secret.as_deref()));
    for secret in &secrets {
        let place = Place::object(format!("secret/{secret}"));
        let of_roles = roles.iter().filter(|role| role.secret.as_deref() == Some(secret)).map(|role| &*role.name);
        let of_subject = declared.iter().filter(|one| one.secret == *secret).map(|one| &*one.role);
        let named: BTreeSet<&str> = of_roles.chain(of_subject).collect();
        let others: Vec<&str> = named.iter().skip(1).copied().collect();
        check.expect(&place, "roles that it is for, beyond one", &others[..], empty());
        let key = declared.iter().find(|one| one.secret == *secret).and_then(|one| one.keys.username.clone());
        let key =
            KeyRef { kind: RefKind::Secret, name: (*secret).to_owned(), key: key.unwrap_or_else(|| "username".into()) };
        if let (Fact::Known(user), Some(role)) = (subject.graph().store().content(&key).fact(), named.first()) {
            let at = place.clone().field(key.key);
            check.expect(at, "the user name that it holds", &user, equal_to(*role));
        }
    }
    for (index, one) in declared.iter().enumerate() {
        let same = declared[..index].iter().filter(|other| other.role == one.role && other.secret != one.secret);
        let same: Vec<&str> = same.map(|other| &*other.secret).collect();
        let at = Place::object(format!("secret/{}", one.secret));
        check.expect(at, format!("other Secrets of role {}", one.role), &same[..], empty());
    }
    // A credential that nobody takes beside one that several do: one of them has the wrong name in its hands.
    let idle = declared.iter().map(|one| &*one.secret).filter(|secret| !users.contains_key(*secret));
    // Where one is declared, there is one application, whatever it is made of.
    let idle: Vec<&str> = idle.filter(|_| declared.len() > 1).collect();
    for (secret, workloads) in &users {
        let shared = if idle.is_empty() { Vec::new() } else { workloads.iter().skip(1).collect::<Vec<_>>() };
        let at = Place::object(format!("secret/{secret}"));
        let what = format!("workloads that share it while nobody takes {}", listed(&idle));
        check.expect(at, what, &shared[..], empty());
    }
    if secrets.is_empty() && users.is_empty() {
        check.not_applicable("no role and no Secret with a credential is declared or used");
    }
}

fn listed(idle: &[&str]) -> String {
    if idle.is_empty() { "another".into() } else { idle.join(", ") }
}

fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    for credential in &installed.at(SETTLED).authority {
        let named = credential.username.as_deref().unwrap_or("no user name");
        check.expect(credential, "the user name that it holds", &named, equal_to(credential.role.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use super::OWN_02;
    use crate::testing::judge_manifests;

    #[rstest]
    #[case::of_its_own("[{name: a, passwordSecret: {name: a-auth}}, {name: b, passwordSecret: {name: b-auth}}]", Holds)]
    #[case::shared("[{name: a, passwordSecret: {name: a-auth}}, {name: b, passwordSecret: {name: a-auth}}]", Violated)]
    #[case::of_the_cluster("[{name: a, passwordSecret: {name: db-app}}]", Violated)]
    fn a_role_with_a_secret(#[case] roles: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}, spec: {{managed: {{roles: {roles}}}}}}}"
        );
        assert_eq!(judge_manifests(&OWN_02, &text), verdict);
    }

    #[rstest]
    #[case::the_roles_own("a", Holds)]
    #[case::of_another_role("b", Violated)]
    fn a_secret_that_names(#[case] user: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}, spec: {{managed: {{roles: [{{name: a, passwordSecret: {{name: a-auth}}}}]}}}}}}\n---\n{{apiVersion: v1, kind: Secret, metadata: {{name: a-auth}}, stringData: {{username: {user}}}}}"
        );
        assert_eq!(judge_manifests(&OWN_02, &text), verdict);
    }

    #[test]
    fn without_a_database_there_is_nothing_to_own() {
        let text = "{apiVersion: v1, kind: Namespace, metadata: {name: a}}";
        assert_eq!(judge_manifests(&OWN_02, text), NotApplicable);
    }
}
