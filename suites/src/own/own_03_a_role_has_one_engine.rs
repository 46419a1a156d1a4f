//! OWN-03: a role has one engine.
//!
//! CloudNativePG sets passwords in three places, and each remembers by itself what it has set. A bootstrap owner that
//! also stands in `managed.roles` with another Secret flips between the two passwords whenever the instance starts; a
//! DatabaseRole beside an inline role is quietly never applied.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::that;
use harness::feature::Feature;
use harness::graph::{DeclaredRole, Engine};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::roles::roles;
use crate::tls::cluster::clusters;

/// A role has one engine.
pub const OWN_03: Requirement = Requirement {
    id: "OWN-03",
    title: "A role's password is declared in one engine only",
    level: Level::Must,
    source: "S1: \"The DB and Secret are always reconciled by the same operator\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Cnpg],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "declare the role once: as the bootstrap's owner, in spec.managed.roles, or as a DatabaseRole",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    clusters(subject, check, "the roles of the Cluster");
    let roles = roles(subject);
    let names: BTreeSet<(&str, &str)> = roles.iter().map(|role| (&*role.cluster, &*role.name)).collect();
    for (cluster, name) in names {
        let own: Vec<&DeclaredRole> =
            roles.iter().filter(|role| role.cluster == cluster && role.name == name).collect();
        let Some(last) = own.last() else { continue };
        let engines: Vec<String> = engines(&own).into_iter().map(describe).collect();
        let one = that("one of them", |engines: &[String]| engines.len() <= 1);
        check.expect(last, format!("what declares role {name}"), &engines[..], one);
    }
}

/// Those that do not agree. The bootstrap and an inline role agree on one Secret, and where the second has none.
fn engines<'a>(own: &[&'a DeclaredRole]) -> Vec<&'a DeclaredRole> {
    let bootstrap = own.iter().find(|role| role.engine == Engine::Bootstrap);
    let agrees = |role: &&DeclaredRole| {
        role.engine == Engine::Inline
            && bootstrap.is_some_and(|first| role.secret.is_none() || role.secret == first.secret)
    };
    own.iter().copied().filter(|role| !agrees(role)).collect()
}

fn describe(role: &DeclaredRole) -> String {
    match &role.secret {
        Some(secret) => format!("{} with Secret {secret}", role.engine),
        None => role.engine.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::OWN_03;
    use crate::testing::judge_manifests;

    const OBJECT: &str = "\n---\n{apiVersion: postgresql.cnpg.io/v1, kind: DatabaseRole, metadata: {name: r}, spec: {cluster: {name: db}, name: shop, passwordSecret: {name: shop-auth}}}";

    #[rstest]
    #[case::inline("[{name: shop, passwordSecret: {name: shop-auth}}]", "", Holds)]
    #[case::object("[]", OBJECT, Holds)]
    #[case::inline_and_object("[{name: shop, passwordSecret: {name: shop-auth}}]", OBJECT, Violated)]
    #[case::owner_with_another_secret("[{name: app, passwordSecret: {name: app-auth}}]", "", Violated)]
    #[case::owner_with_its_own_secret("[{name: app, passwordSecret: {name: db-app}}]", "", Holds)]
    #[case::owner_with_attributes_only("[{name: app, connectionLimit: 9}]", "", Holds)]
    fn a_role_that_is_declared(#[case] roles: &str, #[case] object: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}, spec: {{managed: {{roles: {roles}}}}}}}{object}"
        );
        assert_eq!(judge_manifests(&OWN_03, &text), verdict);
    }
}
