//! What the live checks of this area ask of an attempt to migrate.

use harness::check::Check;
use harness::expectation::not_empty;
use harness::experiment::{MIGRATED, PROVIDED, Record, Schema, Snapshot};
use harness::finding::Place;

/// How an attempt ends that did what it is for.
pub(super) const SUCCEEDED: &str = "succeeded";

/// How the attempt before a moment ended, in a word and the end of what was said.
pub(super) fn ended(after: &Snapshot, check: &mut Check) -> String {
    match &after.attempt {
        Some(attempt) if attempt.succeeded => SUCCEEDED.to_owned(),
        Some(attempt) => format!("failed: {}", last_of(&attempt.said)),
        None => {
            check.undecided(Place::object("the migration"), "how it ended", "nobody tried");
            String::new()
        }
    }
}

/// What kept the attempt from beginning that has everything: nobody provided what it needs. It counts as an end of it.
pub(super) fn ended_provided(migrate: &Record, check: &mut Check) -> String {
    match migrate.step(PROVIDED).and_then(|step| step.unmet.as_ref()) {
        Some(unmet) => format!("not begun: {unmet}"),
        None => ended(migrate.at(MIGRATED), check),
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
