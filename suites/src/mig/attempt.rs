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

/// Whether what was said names something by its whole name: `shop-db` is not named by `shop-db-owner`, and not by
/// `job shop-db-prerequisites failed`.
pub(super) fn is_named(said: &str, name: &str) -> bool {
    let said = without_escapes(said);
    let goes_on = |one: char| one.is_ascii_alphanumeric() || one == '-';
    said.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&said[..at], &said[at + name.len()..]);
        // Names have full stops too; one that no name follows ends a sentence.
        !before.ends_with(|one: char| goes_on(one) || one == '.')
            && !behind.trim_start_matches('.').starts_with(goes_on)
    })
}

/// A log without its colours, and with the ends of lines that are escaped within it.
fn without_escapes(log: &str) -> String {
    let log = ["\\n", "\\r", "\\t"].iter().fold(log.replace("\\u001b", "\u{1b}"), |log, end| log.replace(end, " "));
    let mut parts = log.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        let behind = part.trim_start_matches(|one: char| one.is_ascii_digit() || one == ';');
        plain + behind.strip_prefix('m').unwrap_or(behind)
    })
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
mod tests {
    use rstest::rstest;

    use super::is_named;

    #[rstest]
    #[case::by_itself("shop-db", true)]
    #[case::in_quotes("secret \"shop-db\" not found", true)]
    #[case::in_a_list("missing: shop-db, shop-db-owner", true)]
    #[case::at_the_end_of_a_sentence("There is no Secret shop-db.", true)]
    #[case::before_a_colon("shop-db: not found", true)]
    #[case::with_its_namespace("shop/shop-db", true)]
    #[case::with_its_key("shop-db/password", true)]
    #[case::in_colour("\u{1b}[1;31mshop-db\u{1b}[0m is missing", true)]
    #[case::in_a_line_that_is_escaped(r#"{"msg":"missing\nshop-db\nother"}"#, true)]
    #[case::as_the_beginning_of_another("missing: shop-db-owner", false)]
    #[case::as_the_end_of_another("missing: web-shop-db", false)]
    #[case::as_a_part_of_another("shop-db.owner is missing", false)]
    #[case::in_the_name_of_a_job("job shop-db-prerequisites failed: BackoffLimitExceeded", false)]
    fn a_whole_name_is_said(#[case] said: &str, #[case] expected: bool) {
        assert_eq!(is_named(said, "shop-db"), expected);
    }
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
