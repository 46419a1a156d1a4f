//! MIG-06: migrations follow a rotation.
//!
//! A migration runs twice a year, so that a credential which no rotation reaches is found in the night of a release. It
//! has to come the way on which the application's comes: from the Secret that sets the password. That a second run
//! changes nothing, and one in the middle of a rotation ends whole or not at all, only a database proves.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::{AMID_A_ROTATION, KILL, MIGRATED};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::DatabaseClient;
use harness::record::{AFTER, BEFORE, Experiment, Records, Schema};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::attempt::{control_migrates, expect_success, made_since, ran_alone};
use super::{migrating, migrations, secrets_of, staying};
use crate::roles::roles;

/// Migrations follow a rotation.
pub const MIG_06: Requirement = Requirement {
    id: "MIG-06",
    title: "A migration can be repeated, and follows a rotation as the application does",
    level: Level::Must,
    source: "S2: \"run migrations long before those releases\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Migrations],
    experiments: &[Experiment::Migrate],
    decisive: &[Lane::Live],
    remedy: "let the Job refer to the Secret that sets its role's password, and write migrations that run once, each in \
             a transaction",
    rendered: Some(rendered),
    live: Some(live),
};

fn live(records: &Records, check: &mut Check) {
    let Some(migrate) = records.of(Experiment::Migrate) else { return };
    let (before, amid, migrated, after) =
        (migrate.at(BEFORE), migrate.at(AMID_A_ROTATION), migrate.at(MIGRATED), migrate.at(AFTER));
    let migration = Place::object("the migration");
    control_migrates(before, migrated, check);
    expect_success(migrated, &migration, "an attempt after its password had changed", check);
    // What it left is judged by the attempts that come after it: they have to come to their end all the same.
    let unkilled = migrate.step(KILL).and_then(|step| step.unmet.clone());
    check.control(&migration, "what kept an attempt from being killed half-way", &unkilled, equal_to(None));
    match &amid.attempt {
        None => check.undecided(&migration, "an attempt amid a rotation", "no object says whose password that is"),
        // One that failed left nothing that kept the next one from its end; of one that succeeded nothing is missing.
        Some(attempt) if attempt.succeeded => {
            let missing = made_since(&amid.schemas, &migrated.schemas);
            let what = "what an attempt amid a rotation left out although it succeeded";
            check.expect(&migration, what, &missing[..], empty());
        }
        Some(_) => {}
    }
    expect_success(after, &migration, "a second run", check);
    let made = made_since(&migrated.schemas, &after.schemas);
    check.expect(&migration, "what a second run made", &made[..], empty());
    let alone = ran_alone(migrate);
    for schema in &after.schemas {
        let earlier = migrated.schemas.iter().find(|one| one.database == schema.database);
        let more: Vec<String> = earlier.map(|one| more_rows(one, schema, alone)).unwrap_or_default();
        check.expect(schema, "tables to which a second run added rows", &more[..], empty());
        let repeated: Vec<String> = schema.repeated().collect();
        check.expect(schema, "history tables that list a migration more than once", &repeated[..], empty());
    }
}

/// The tables that have more rows than before; where applications ran as well, only those of histories.
fn more_rows(before: &Schema, after: &Schema, alone: bool) -> Vec<String> {
    let counted = after.rows.iter().filter(|(table, _)| alone || after.applied.contains_key(*table));
    let more = counted.filter(|(table, rows)| before.rows.get(*table).is_some_and(|earlier| earlier < rows));
    more.map(|(table, _)| table.clone()).collect()
}

const REACHED: &str = "a Secret that a rotation changes";

fn rendered(subject: &Rendered, check: &mut Check) {
    migrations(subject.rendering(), check);
    let reached = reached_by_a_rotation(subject);
    for client in migrating(subject) {
        let secrets = secrets_of(client);
        for secret in &secrets {
            let what = format!("where its credential comes from, {secret}");
            if reached.contains(secret) {
                check.expect(client, what, &REACHED, equal_to(REACHED));
            } else if subject.subject().is_declared() {
                let other = "a Secret that neither a role, nor the subject, nor the application knows";
                check.expect(client, what, &other, equal_to(REACHED));
            } else {
                let hint = "no role and no other client refers to it; a subject file tells whose it is, in its field \
                            `database.credentials`";
                check.undecided(client, what, hint);
            }
        }
        if has_a_literal_password(client) {
            let other = "the manifest, which a rotation does not change";
            check.expect(client, "where its password comes from", &other, equal_to(REACHED));
        } else if secrets.is_empty() {
            check.undecided(client, "where its credential comes from", "no Secret and no password is seen");
        }
    }
}

/// The Secrets of roles, those that the subject declares, and those that the application takes.
fn reached_by_a_rotation(subject: &Rendered) -> BTreeSet<String> {
    let of_roles = roles(subject).into_iter().filter_map(|role| role.secret);
    let declared = subject.subject().database().credentials.iter().map(|credential| credential.secret.clone());
    of_roles.chain(declared).chain(staying(subject).flat_map(secrets_of)).collect()
}

fn has_a_literal_password(client: &DatabaseClient) -> bool {
    let in_a_string = client.dsns().iter().any(|found| found.dsn.passwords().next().is_some());
    let variable = client.container().variable("PGPASSWORD");
    in_a_string || variable.is_some_and(|variable| variable.written.is_some() && variable.value.known().is_some())
}

#[cfg(test)]
mod tests {
    use harness::record::{Record, Schema};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::MIG_06;
    use crate::mig::attempt::testing::{AGAIN, AMID, DONE, migrated, schema};
    use crate::testing::{judge_live, judge_manifests};

    fn client(kind: &str, name: &str, password: &str) -> String {
        let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        format!(
            "{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGPASSWORD, {password}}}]}}]}}}}}}}}\n---\n"
        )
    }

    fn from(secret: &str) -> String {
        format!("valueFrom: {{secretKeyRef: {{name: {secret}, key: password}}}}")
    }

    #[rstest]
    #[case::as_the_application(&from("app"), Holds)]
    #[case::as_a_role(&from("owner"), Holds)]
    #[case::as_nobody_else(&from("copy"), Unchecked)]
    #[case::from_the_manifest("value: hunter2", Violated)]
    fn a_migration_takes_its_password(#[case] password: &str, #[case] verdict: Verdict) {
        let role = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {managed: {roles: [{name: owner, passwordSecret: {name: owner}}]}}}";
        let text = [client("Job", "migrate", password), client("Deployment", "a", &from("app")), role.to_owned()];
        assert_eq!(judge_manifests(&MIG_06, &text.concat()), verdict);
    }

    fn with_rows(rows: u64) -> Schema {
        let mut schema = schema(&["1", "2"]);
        schema.rows.insert("app.t1".into(), rows);
        schema
    }

    #[rstest]
    #[case::once_and_whole(|_record: &mut Record| {}, Holds)]
    #[case::whole_amid_the_rotation(|record: &mut Record| { record.snapshots[AMID].attempt.as_mut().unwrap().succeeded = true; record.snapshots[AMID].schemas = vec![schema(&["1", "2"])]; }, Holds)]
    #[case::half_amid_the_rotation(|record: &mut Record| { record.snapshots[AMID].attempt.as_mut().unwrap().succeeded = true; record.snapshots[AMID].schemas = vec![schema(&["1"])]; }, Violated)]
    #[case::refused_after_the_rotation(|record: &mut Record| record.snapshots[DONE].attempt.as_mut().unwrap().succeeded = false, Violated)]
    #[case::refused_the_second_time(|record: &mut Record| record.snapshots[AGAIN].attempt.as_mut().unwrap().succeeded = false, Violated)]
    #[case::more_tables_the_second_time(|record: &mut Record| record.snapshots[AGAIN].schemas = vec![schema(&["1", "2", "3"])], Violated)]
    #[case::listed_twice(|record: &mut Record| record.snapshots[AGAIN].schemas = vec![schema(&["1", "2", "2"])], Violated)]
    #[case::rows_twice(|record: &mut Record| { record.snapshots[DONE].schemas = vec![with_rows(1)]; record.snapshots[AGAIN].schemas = vec![with_rows(2)]; }, Violated)]
    #[case::nothing_migrated(|record: &mut Record| for done in &mut record.snapshots { done.schemas = vec![schema(&[])]; }, Unchecked)]
    fn a_migration_is_repeated_and_rotated(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = migrated();
        spoil(&mut record);
        assert_eq!(judge_live(&MIG_06, [record]), verdict);
    }
}
