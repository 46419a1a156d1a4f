//! KEY-05: blanks and duplicates in the list are handled, and an empty list fails closed.
//!
//! A list is edited by people: a blank behind a comma, a comma at the end, a key twice. A server that takes the empty
//! text between two commas for a key lets everybody in who sends none. The chart sees the list first, so it refuses one
//! without a key; in the live lane the server is asked with an empty key, and without one.

use harness::check::Check;
use harness::expectation::that;
use harness::experiment::{AFTER, EMPTY_KEY, Experiment, NEW_KEY, NO_KEY, Records};
use harness::feature::Feature;
use harness::finding::Place;
use harness::rendered::{Change, Rendered, refused_naming, renders};
use harness::requirement::{Lane, Level, Requirement};

use super::live::{control_asked, expect_refused, expect_served};
use super::{FIRST, SECOND, listed, plan};

/// Blanks and duplicates in the list are handled, and an empty list fails closed.
pub const KEY_05: Requirement = Requirement {
    id: "KEY-05",
    title: "Blanks and duplicates in the list are handled, and an empty list fails closed",
    level: Level::Must,
    source: "S4: \"accepts a comma-separated list\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::ApiKeys],
    experiments: &[Experiment::RotateApiKey],
    decisive: &[Lane::Rendered],
    remedy: "refuse a list without a key by name, while rendering; drop blanks, empty entries and duplicates",
    rendered: Some(rendered),
    live: Some(live),
};

/// Lists without a key in them.
const EMPTY: &[&str] = &["", " ", ",", " , ,"];

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let changes = EMPTY.iter().map(|list| Change::set(plan.value.as_str(), *list)).collect();
    for (change, attempt) in subject.many(changes, check) {
        check.expect(&change, "a list without a key", &attempt, refused_naming(&plan.value));
    }
    let untidy = Change::set(plan.value.as_str(), format!(" {FIRST} ,, {SECOND},{FIRST},"));
    let Some(attempt) = subject.with(&untidy, check) else { return };
    if !check.expect(&untidy, "an untidy list", &attempt, renders()) {
        return;
    }
    let secret = Place::object(format!("secret/{}", plan.secret)).field(format!("data.{}", plan.key));
    match attempt.rendering().and_then(|rendering| listed(rendering, plan)) {
        None => check.undecided(secret, "the untidy list", "the release does not make the Secret of `apiKeys`"),
        Some(listed) => {
            let both = that("both keys", |listed: &Vec<String>| {
                [FIRST, SECOND].iter().all(|key| listed.iter().any(|one| one == key))
            });
            check.expect(secret, "the entries of an untidy list", &listed, both);
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateApiKey) else { return };
    let after = rotation.at(AFTER);
    control_asked(after, check);
    expect_served(after, NEW_KEY, check);
    for how in [EMPTY_KEY, NO_KEY] {
        expect_refused(after, how, check);
    }
}
