//! KEY-05: blanks and duplicates in the list are handled, and an empty list fails closed.
//!
//! A list is edited by people: a blank behind a comma, a comma at the end, a key twice. A server that takes the empty
//! text between two commas for a key lets everybody in who sends none. The chart sees the list first, so it refuses one
//! without a key, and whatever it hands on untidily the server has to tidy, which no manifest shows; in the live lane the
//! server is asked with an empty key, and without one.

use harness::check::Check;
use harness::expectation::that;
use harness::experiment::{EMPTY_KEY, NEW_KEY, NO_KEY};
use harness::feature::Feature;
use harness::finding::Place;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::{Change, Rendered, refused_naming, renders};
use harness::requirement::{Lane, Level, Requirement};

use super::live::{control_asked, expect_refused, expect_served};
use super::{FIRST, SECOND, plan, written};

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
    let Some(list) = attempt.rendering().and_then(|rendering| written(rendering, plan)) else {
        return check.undecided(secret, "the untidy list", "the release does not make the Secret of `apiKeys`");
    };
    let both =
        that("both keys", |list: &str| [FIRST, SECOND].iter().all(|key| list.split(',').any(|one| one.trim() == *key)));
    check.expect(&secret, "the entries of an untidy list", list.as_str(), both);
    if !is_tidy(&list) {
        let hint = "the chart hands them on, so that the server has to drop them; nobody sees here whether it does";
        check.undecided(secret, "blanks, empty entries and duplicates of a list", hint);
    }
}

/// Whether every server reads the same keys out of a list, also one that takes each text between commas for a key.
fn is_tidy(list: &str) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    list.split(',').all(|key| {
        let is_new = !key.is_empty() && key.trim() == key && !seen.contains(&key);
        seen.push(key);
        is_new
    })
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_tidy;

    #[rstest]
    #[case::tidy("a,b", true)]
    #[case::one("a", true)]
    #[case::blanks(" a, b", false)]
    #[case::an_empty_entry("a,,b", false)]
    #[case::a_comma_at_the_end("a,b,", false)]
    #[case::a_duplicate("a,b,a", false)]
    fn a_list_is(#[case] list: &str, #[case] tidy: bool) {
        assert_eq!(is_tidy(list), tidy);
    }
}
