//! KEY-02: no client with a listed key is refused while the list changes.
//!
//! Three rolls make a rotation: the new key is added, the clients switch, the old key goes. A roll that takes the last
//! pod away before its successor answers is three outages. The rendered lane sees the strategy and the readiness probe;
//! only a client that never stops asking can prove the rest.

use harness::check::Check;
use harness::expectation::{empty, equal_to, that};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::Role;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::live::control_rotated;
use super::{plan, servers};
use crate::pods::{KEEPS_ALL, roll_of};

/// No client with a listed key is refused while the list changes.
pub const KEY_02: Requirement = Requirement {
    id: "KEY-02",
    title: "No client with a listed key is refused while the list changes",
    level: Level::Must,
    source: "S4: \"zero-downtime rotation\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::ApiKeys],
    experiments: &[Experiment::RotateApiKey],
    decisive: &[Lane::Live],
    remedy: "roll the server with maxUnavailable 0 and a readiness probe, so that a pod goes when its successor answers",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    for server in servers(subject.rendering(), plan, check) {
        check.expect(server, "a roll", &roll_of(server), equal_to(KEEPS_ALL));
        let main = |role| role == Role::Main;
        let probed = server.containers().iter().any(|one| main(one.role()) && one.get("readinessProbe").is_some());
        let state = if probed { "a readiness probe" } else { "none" };
        check.expect(server, "what tells when a successor answers", &state, equal_to("a readiness probe"));
    }
}

/// As many questions as a client asks in ten seconds; fewer see no roll.
const ENOUGH: u64 = 100;

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateApiKey) else { return };
    control_rotated(rotation, AFTER, check);
    for (client, counts) in &rotation.at(AFTER).clients {
        let place = || Place::object(format!("a client {client}"));
        let all: u64 = counts.values().sum();
        check.control(place(), "questions", &all, that("at least 100", |count: &u64| *count >= ENOUGH));
        let others = counts.iter().filter(|(outcome, _)| !outcome.starts_with('2'));
        let others: Vec<String> = others.map(|(outcome, count)| format!("{outcome}, {count} times")).collect();
        check.expect(place(), "answers that are not 2xx", &others[..], empty());
    }
}
