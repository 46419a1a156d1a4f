//! MIG-07: migrations have a role of their own.
//!
//! A migration creates and drops tables; the application reads and writes rows. With one role for both, whoever gets
//! into the application can drop the tables. Two Secrets of two roles keep that apart.

use std::collections::BTreeMap;

use harness::check::Check;
use harness::expectation::{empty, not_empty};
use harness::experiment::MIGRATED;
use harness::feature::Feature;
use harness::finding::Place;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::{migrating, migrations, secrets_of, staying};
use crate::roles::roles;

/// Migrations have a role of their own.
pub const MIG_07: Requirement = Requirement {
    id: "MIG-07",
    title: "The migration logs in as an owner that is not the application's role",
    level: Level::Should,
    source: "S1: \"only the minimum required privileges\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Migrations],
    experiments: &[Experiment::Migrate],
    decisive: &[Lane::Rendered],
    remedy: "give the migration a role that owns the schema, with a Secret of its own, and the application one that does not",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    migrations(subject.rendering(), check);
    let owners = owners(subject);
    // A Secret of which nobody says the role stands for a role by itself.
    let role = |secret: &String| owners.get(secret).cloned().unwrap_or_else(|| format!("that of Secret {secret}"));
    let runtime: Vec<String> = staying(subject).flat_map(secrets_of).map(|secret| role(&secret)).collect();
    if runtime.is_empty() {
        return check.undecided(Place::object("the application"), "its role", "no client that stays takes a Secret");
    }
    for client in migrating(subject) {
        let own = secrets_of(client);
        if own.is_empty() {
            check.undecided(client, "the role with which it migrates", "it takes no Secret that is known here");
            continue;
        }
        let mut shared: Vec<String> = own.iter().map(role).filter(|role| runtime.contains(role)).collect();
        shared.dedup();
        check.expect(client, "roles that it shares with the application", &shared[..], empty());
    }
}

/// What migrations made stands in schemas in which no role of an application may make anything.
fn live(records: &Records, check: &mut Check) {
    let Some(migrate) = records.of(Experiment::Migrate) else { return };
    let mut looked = Vec::new();
    for schema in &migrate.at(MIGRATED).schemas {
        for name in schema.applied.keys().filter_map(|table| table.split('.').next()) {
            looked.push(format!("{name} in {}", schema.database));
            let creators = schema.creators.get(name).map(Vec::as_slice).unwrap_or_default();
            let what = format!("roles of applications that may make tables in schema {name}");
            check.expect(schema, what, creators, empty());
        }
    }
    check.control(Place::object("the migration"), "schemas with a history of migrations", &looked[..], not_empty());
}

/// The roles by their Secrets, as far as the subject or the Cluster says.
fn owners(subject: &Rendered) -> BTreeMap<String, String> {
    let declared = subject.subject().database().credentials.iter();
    let declared = declared.map(|credential| (credential.secret.clone(), credential.role.clone()));
    let managed = roles(subject).into_iter().filter_map(|role| Some((role.secret?, role.name)));
    declared.chain(managed).collect()
}

#[cfg(test)]
mod tests {
    use harness::record::Record;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::MIG_07;
    use crate::mig::attempt::testing::{DONE, migrated, schema};
    use crate::testing::{judge_live, judge_manifests};

    fn client(version: &str, kind: &str, name: &str, secret: &str) -> String {
        format!(
            "{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGPASSWORD, valueFrom: {{secretKeyRef: {{name: {secret}, key: password}}}}}}]}}]}}}}}}}}\n---\n"
        )
    }

    const TWO_SECRETS: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {managed: {roles: [{name: shop, passwordSecret: {name: owner}}, {name: shop, passwordSecret: {name: app}}]}}}";

    #[rstest]
    #[case::of_its_own("owner", "", Holds)]
    #[case::of_the_application("app", "", Violated)]
    #[case::of_the_application_in_another_secret("owner", TWO_SECRETS, Violated)]
    fn a_migration_has_a_role(#[case] secret: &str, #[case] cluster: &str, #[case] verdict: Verdict) {
        let both = [client("batch/v1", "Job", "migrate", secret), client("apps/v1", "Deployment", "a", "app")];
        assert_eq!(judge_manifests(&MIG_07, &format!("{}{cluster}", both.concat())), verdict);
    }

    #[test]
    fn without_an_application_there_is_nothing_to_compare() {
        assert_eq!(judge_manifests(&MIG_07, &client("batch/v1", "Job", "migrate", "owner")), Unchecked);
    }

    #[rstest]
    #[case::the_owner_alone(|_record: &mut Record| {}, Holds)]
    #[case::the_application_too(|record: &mut Record| drop(record.snapshots[DONE].schemas[0].creators.insert("app".into(), vec!["graph".into()])), Violated)]
    #[case::elsewhere(|record: &mut Record| drop(record.snapshots[DONE].schemas[0].creators.insert("public".into(), vec!["graph".into()])), Holds)]
    #[case::without_a_history(|record: &mut Record| record.snapshots[DONE].schemas = vec![schema(&[])], Unchecked)]
    fn who_may_make_tables(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = migrated();
        spoil(&mut record);
        assert_eq!(judge_live(&MIG_07, [record]), verdict);
    }
}
