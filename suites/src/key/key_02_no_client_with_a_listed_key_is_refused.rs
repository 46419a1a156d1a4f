//! KEY-02: no client with a listed key is refused while the list changes.
//!
//! Three rolls make a rotation: the new key is added, the clients switch, the old key goes. A roll that takes the last
//! pod away before its successor answers is three outages. The rendered lane sees the strategy and the readiness probe;
//! only a client that never stops asking can prove the rest.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::feature::Feature;
use harness::graph::Role;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

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
    experiments: &[],
    decisive: &[Lane::Live],
    remedy: "roll the server with maxUnavailable 0 and a readiness probe, so that a pod goes when its successor answers",
    rendered: Some(rendered),
    live: None,
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
