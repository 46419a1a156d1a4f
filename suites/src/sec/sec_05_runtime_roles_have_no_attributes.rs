//! SEC-05: runtime roles have no attributes.
//!
//! A role that may create roles gives itself any role; a superuser reads the files of the server and runs its programs.
//! An application needs none of this, gets it for one migration, and keeps it. The superuser's own Secret is the matter
//! of ROT-10; here it is about what the manifests give to the roles that applications log in with.

use harness::check::Check;
use harness::expectation::empty;
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::roles::{roles, users};
use crate::tls::cluster::clusters;

/// Runtime roles have no attributes.
pub const SEC_05: Requirement = Requirement {
    id: "SEC-05",
    title: "A runtime role is no superuser and has no attribute that leads out of its database",
    level: Level::Must,
    source: "S1: \"Grant the app's role only the minimum required privileges\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "drop superuser, createrole, createdb, replication and bypassrls from the role, and give what needs them a \
             role of its own",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    clusters(subject, check, "the attributes of its roles");
    let declared = &subject.subject().database().credentials;
    let users = users(subject);
    let mut examined = false;
    for role in roles(subject) {
        let of_client = role.secret.as_ref().is_some_and(|secret| users.contains_key(secret));
        if of_client || declared.iter().any(|credential| credential.role == role.name) {
            check.expect(&role, format!("attributes of role {}", role.name), &role.attributes[..], empty());
            examined = true;
        }
    }
    if !examined {
        check.not_applicable("no client logs in with a role that the manifests declare");
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    for credential in &installed.at(SETTLED).authority {
        match &credential.attributes {
            None => check.undecided(credential, "the attributes of its role", "the database has no such role"),
            Some(attributes) => {
                check.expect(credential, "attributes of its role", &attributes[..], empty());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use super::SEC_05;
    use crate::testing::judge_manifests;

    #[rstest]
    #[case::plain("shop-auth", "login: true", Holds)]
    #[case::superuser("shop-auth", "superuser: true", Violated)]
    #[case::creates_roles("shop-auth", "createrole: true", Violated)]
    #[case::says_no("shop-auth", "createdb: false", Holds)]
    #[case::of_nobody("other-auth", "superuser: true", NotApplicable)]
    fn a_role_that_a_client_logs_in_with(#[case] secret: &str, #[case] attribute: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}, spec: {{managed: {{roles: [{{name: shop, {attribute}, passwordSecret: {{name: {secret}}}}}]}}}}}}\n---\n{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, env: [{{name: PGPASSWORD, valueFrom: {{secretKeyRef: {{name: shop-auth, key: password}}}}}}]}}]}}}}"
        );
        assert_eq!(judge_manifests(&SEC_05, &text), verdict);
    }
}
