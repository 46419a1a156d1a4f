//! What the live checks of this area ask of an attempt to migrate.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::experiment::{MIGRATED, PROVIDED};
use harness::finding::Place;
use harness::record::{Record, Schema, Snapshot};

const SUCCEEDED: &str = "succeeded";

/// Expects that the attempt before a moment succeeded; says whether it did.
pub(super) fn expect_success(after: &Snapshot, place: &Place, what: &str, check: &mut Check) -> bool {
    let Some(attempt) = &after.attempt else {
        check.undecided(place, what, "nobody tried");
        return false;
    };
    let ended = if attempt.succeeded { SUCCEEDED.to_owned() } else { format!("failed: {}", last_of(&attempt.said)) };
    check.expect(place, what, &ended, equal_to(SUCCEEDED))
}

/// Expects that the attempt with everything there succeeded: that what comes before it had provided all that it needs.
pub(super) fn expect_success_provided(migrate: &Record, what: &str, check: &mut Check) {
    let migration = Place::object("the migration");
    match migrate.step(PROVIDED).and_then(|step| step.unmet.as_ref()) {
        Some(unmet) => {
            check.expect(&migration, what, &format!("not begun: {unmet}"), equal_to(SUCCEEDED));
        }
        None => {
            expect_success(migrate.at(MIGRATED), &migration, what, check);
        }
    }
}

/// The last lines of what was said, which is where a reason stands.
fn last_of(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}

/// That the migration changes something where nothing was migrated before: else what stays the same proves nothing.
pub(super) fn control_migrates(before: &Snapshot, after: &Snapshot, check: &mut Check) {
    let made = made_since(&before.schemas, &after.schemas);
    check.control(Place::object("the migration"), "what it makes in the databases", &made[..], not_empty());
}

/// What databases hold that they did not hold before.
pub(super) fn made_since(before: &[Schema], after: &[Schema]) -> Vec<String> {
    let mut made = Vec::new();
    for schema in after {
        let known = before.iter().find(|one| one.database == schema.database);
        let is_new = |object: &&String| known.is_none_or(|known| !known.objects.contains(*object));
        made.extend(schema.objects.iter().filter(is_new).map(|object| format!("{object} in {}", schema.database)));
    }
    made
}

/// Whether nothing of the subject ran beside the migration, so that rows are its own doing.
pub(super) fn ran_alone(record: &Record) -> bool {
    record.snapshots.iter().all(|snapshot| snapshot.pods.is_empty())
}

#[cfg(test)]
pub(super) mod testing {
    use harness::experiment::{AMID_A_ROTATION, BACK, MIGRATED, OFF, TAKEN, UNPROVIDED};
    use harness::record::{AFTER, Attempt, BEFORE, Experiment, Record, Schema, Snapshot};

    use crate::testing::{moment, record};

    /// The moments of the experiment, in the order of [`migrated`].
    pub(crate) const EMPTY: usize = 0;
    pub(crate) const WITHOUT: usize = 1;
    pub(crate) const AMID: usize = 2;
    pub(crate) const DONE: usize = 3;
    pub(crate) const AGAIN: usize = 4;

    /// What a database holds in which this was applied.
    pub(crate) fn schema(applied: &[&str]) -> Schema {
        let made = applied.iter().map(|version| format!("table app.t{version}"));
        let history = (!applied.is_empty()).then(|| "table app.schema_history".to_owned());
        let versions: Vec<String> = applied.iter().map(|&version| version.to_owned()).collect();
        let rows = u64::try_from(versions.len()).unwrap();
        Schema {
            database: "graph".into(),
            objects: made.chain(history).collect(),
            rows: [("app.schema_history".to_owned(), rows)].into(),
            applied: if versions.is_empty() { [].into() } else { [("app.schema_history".to_owned(), versions)].into() },
            creators: [].into(),
        }
    }

    fn after(name: &str, began: i64, succeeded: bool, said: &str, applied: &[&str]) -> Snapshot {
        let attempt = Attempt { succeeded, seconds: Some(4.0), said: said.to_owned() };
        Snapshot { attempt: Some(attempt), schemas: vec![schema(applied)], ..moment(name, began, []) }
    }

    /// A migration that does everything right.
    pub(crate) fn migrated() -> Record {
        let mut before = Snapshot { schemas: vec![schema(&[])], ..moment(BEFORE, 0, []) };
        before.answers.insert(OFF.into(), "services.graph.enabled".into());
        let mut without = after(UNPROVIDED, 10, false, "missing are graph-db-owner; threads-db-owner", &[]);
        without.answers.insert(TAKEN.into(), "graph-db-owner, threads-db-owner".into());
        without.answers.insert(BACK.into(), String::new());
        record(
            Experiment::Migrate,
            [
                before,
                without,
                after(AMID_A_ROTATION, 20, false, "28P01", &[]),
                after(MIGRATED, 30, true, "", &["1", "2"]),
                after(AFTER, 40, true, "", &["1", "2"]),
            ],
        )
    }
}
