//! KEY-01: the server accepts a list of keys.
//!
//! Between the first client with a new key and the last with an old one, both have to be valid. A chart that keeps the
//! first entry of the list, or the last, shortens that time to nothing. The rendered lane sees that the list arrives
//! whole; the live lane asks every replica with both.

use harness::check::Check;
use harness::expectation::{equal_to, that};
use harness::experiment::{NEW_KEY, OLD_KEY};
use harness::feature::Feature;
use harness::finding::Place;
use harness::record::{DURING, Experiment, Records};
use harness::rendered::{Change, Rendered, renders};
use harness::requirement::{Lane, Level, Requirement};

use super::live::{control_asked, expect_served};
use super::{FIRST, SECOND, brings_the_list, listed, plan, servers};

/// The server accepts a list of keys.
pub const KEY_01: Requirement = Requirement {
    id: "KEY-01",
    title: "The server accepts a list of keys",
    level: Level::Must,
    source: "S4: \"accepts a comma-separated list\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::ApiKeys],
    experiments: &[Experiment::RotateApiKey],
    decisive: &[Lane::Rendered],
    remedy: "hand the whole list over to the server, and let it accept each entry",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let change = Change::set(plan.value.as_str(), format!("{FIRST},{SECOND}"));
    let Some(attempt) = subject.with(&change, check) else { return };
    let Some(rendering) = attempt.rendering() else {
        check.expect(&change, "a list of two keys", &attempt, renders());
        return;
    };
    let secret = Place::object(format!("secret/{}", plan.secret)).field(format!("data.{}", plan.key));
    let Some(listed) = listed(rendering, plan) else {
        let hint = "the release does not make that Secret; correct `apiKeys` in the subject file";
        return check.undecided(secret, "the list that the server finds", hint);
    };
    check.expect(secret, "entries of a list of two", &listed, equal_to(vec![FIRST.to_owned(), SECOND.to_owned()]));
    for server in servers(rendering, plan, check) {
        let brought = server.references().iter().filter(|reference| brings_the_list(reference, plan)).count();
        check.expect(server, "references to the list", &brought, that("at least one", |count: &usize| *count > 0));
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateApiKey) else { return };
    let overlap = rotation.at(DURING);
    control_asked(overlap, check);
    expect_served(overlap, OLD_KEY, check);
    expect_served(overlap, NEW_KEY, check);
}
