//! ROT-06: no pod gets into trouble.
//!
//! A pod that starts with the new Secret before the database has taken it, or with the old one afterwards, ends in
//! CrashLoopBackOff, and the back-off lasts long after the cause is gone. A look at the end does not show that; so the
//! pods are watched for as long as the rotation lasts.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty};
use harness::feature::Feature;
use harness::graph::Role;
use harness::record::{BEFORE, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::{ROTATIONS, control_rotated, in_rotation};

/// No pod gets into trouble.
pub const ROT_06: Requirement = Requirement {
    id: "ROT-06",
    title: "No pod gets into trouble",
    level: Level::Must,
    source: "S1: \"Coordinates app restart / connection pool drain where necessary\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::PasswordRotation],
    experiments: ROTATIONS,
    decisive: &[Lane::Live],
    remedy: "let the application wait and try again instead of ending, and roll it after the database took the password",
    rendered: Some(rendered),
    live: Some(live),
};

/// Without a readiness probe a pod counts as ready before it has logged in, and a rollout goes on over it.
fn rendered(subject: &Rendered, check: &mut Check) {
    let long_lived = subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end());
    for client in long_lived.filter(|client| client.container().role() == Role::Main) {
        let probe = if client.container().get("readinessProbe").is_some() { "there" } else { "missing" };
        check.expect(client, "its readiness probe", &probe, equal_to("there"));
    }
}

fn live(records: &Records, check: &mut Check) {
    for rotation in records.all_of(ROTATIONS) {
        control_rotated(rotation, check);
        let seen: Vec<String> = rotation.changes.iter().map(ToString::to_string).collect();
        check.control(in_rotation("the pods", rotation), "what the watch saw of them", &seen[..], not_empty());
        for (workload, pods) in rotation.at(BEFORE).workloads() {
            let of_workload = || rotation.changes.iter().filter(|change| change.workload == workload);
            let place = || in_rotation(workload, rotation);
            let troubles: Vec<String> = of_workload().filter_map(|change| change.trouble.clone()).collect();
            check.expect(place(), "trouble at any moment of the rotation", &troubles[..], empty());
            let known = |uid: &str| pods.iter().find(|pod| pod.uid == uid).map_or(0, |pod| pod.restarts);
            let restarts = of_workload().filter(|change| change.restarts > known(&change.uid));
            let restarts: Vec<String> = restarts.map(ToString::to_string).collect();
            check.expect(place(), "restarts of its containers meanwhile", &restarts[..], empty());
        }
    }
}
