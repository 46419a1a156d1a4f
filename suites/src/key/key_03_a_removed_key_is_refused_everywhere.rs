//! KEY-03: a removed key is refused everywhere.
//!
//! A key is removed because somebody has it who must not. One replica that still takes it is enough for them. That each
//! replica answers 401 only a question to each of them can prove. The rendered lane sees what keeps the shorter list
//! away from some: a Secret that cannot be changed, a rollout that stops half-way, a key that the chart adds by itself.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::experiment::{NEW_KEY, OLD_KEY};
use harness::feature::Feature;
use harness::finding::Place;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::{Change, Rendered, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::live::{control_asked, control_rotated, expect_refused, expect_served};
use super::{SECOND, listed, plan, servers};
use crate::pods::{REACHES_ALL, reach_of};

/// A removed key is refused everywhere.
pub const KEY_03: Requirement = Requirement {
    id: "KEY-03",
    title: "A removed key is refused by every replica",
    level: Level::Must,
    source: "S4: \"Remove the old key\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::ApiKeys],
    experiments: &[Experiment::RotateApiKey],
    decisive: &[Lane::Live],
    remedy: "keep the list in a Secret that can be changed, roll every replica on a change, and add no key by yourself",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let change = Change::set(plan.value.as_str(), SECOND);
    let Some(attempt) = subject.with(&change, check) else { return };
    let Some(rendering) = attempt.rendering() else {
        check.expect(&change, "a list of one key", &attempt, renders());
        return;
    };
    let secret = Place::object(format!("secret/{}", plan.secret));
    match listed(rendering, plan) {
        Some(left) => {
            let at = secret.clone().field(format!("data.{}", plan.key));
            check.expect(at, "entries once all keys but one are removed", &left, equal_to(vec![SECOND.to_owned()]));
        }
        None => check.undecided(secret.clone(), "the list", "the release does not make the Secret of `apiKeys`"),
    }
    let object = rendering.manifests().find("Secret", &plan.secret);
    let sealed = object.and_then(|secret| secret.get("immutable")).and_then(Value::as_bool) == Some(true);
    let state = if sealed { "immutable" } else { CHANGEABLE };
    check.expect(secret.field("immutable"), "whether the list can be changed", &state, equal_to(CHANGEABLE));
    for server in servers(rendering, plan, check) {
        check.expect(server, "whom another list reaches", &reach_of(server), equal_to(REACHES_ALL));
    }
}

const CHANGEABLE: &str = "it can";

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateApiKey) else { return };
    let after = rotation.at(AFTER);
    control_rotated(rotation, AFTER, check);
    control_asked(after, check);
    expect_served(after, NEW_KEY, check);
    expect_refused(after, OLD_KEY, check);
}
