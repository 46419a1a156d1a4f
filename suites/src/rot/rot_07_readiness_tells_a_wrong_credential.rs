//! ROT-07: readiness tells a wrong credential.
//!
//! Sessions of before go on after the password changed, so that a probe that asks one of them is content, and so is one
//! that asks nothing. Under load the pool opens a session and fails; nothing restarts the pod, and nothing takes it out
//! of the Service. The live lane makes the Secret wrong and expects every client to say so, once the refresh of a file
//! cannot be the reason any more.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, that};
use harness::experiment::BROKEN_ROLE;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::Role;
use harness::record::{AFTER, BEFORE, DURING, Experiment, PodState, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

/// Readiness tells a wrong credential.
pub const ROT_07: Requirement = Requirement {
    id: "ROT-07",
    title: "Readiness tells a wrong credential",
    level: Level::Must,
    source: "S4: \"failed to ping database\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PasswordRotation],
    experiments: &[Experiment::BreakCredential],
    decisive: &[Lane::Live],
    remedy: "let the readiness probe open a session of its own, or validate one with the present credential",
    rendered: Some(rendered),
    live: Some(live),
};

/// What a probe does behind its path, only the application knows; that it is another one than the liveness probe's is
/// the least.
fn rendered(subject: &Rendered, check: &mut Check) {
    let long_lived = subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end());
    for client in long_lived.filter(|client| client.container().role() == Role::Main) {
        let probe = |name: &str| client.container().get(name);
        let Some(readiness) = probe("readinessProbe") else {
            check.expect(client, "its readiness probe", &"missing", equal_to("there"));
            continue;
        };
        let path = |probe: &serde_json::Value| probe.pointer("/httpGet/path").cloned();
        let own = path(readiness).is_none_or(|own| probe("livenessProbe").and_then(path) != Some(own));
        let asks = if own { "a question of its own" } else { "what the liveness probe asks" };
        check.expect(client, "its readiness probe", &asks, equal_to("a question of its own"));
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(broken) = records.of(Experiment::BreakCredential) else { return };
    let (before, during, after) = (broken.at(BEFORE), broken.at(DURING), broken.at(AFTER));
    let clients = during.answers.get(BROKEN_ROLE).map(|role| before.client_workloads_of(role)).unwrap_or_default();
    let ready = |ready: bool| if ready { "ready" } else { "not ready" };
    let named: Vec<&String> = clients.iter().collect();
    check.control(Place::object("the bench"), "workloads that connected as that role before", &named[..], not_empty());
    for workload in &clients {
        let pods: Vec<&PodState> = during.pods.iter().filter(|pod| pod.workload == *workload).collect();
        check.control(Place::object(workload), "pods while the credential was broken", &pods[..], not_empty());
    }
    for pod in before.pods.iter().filter(|pod| clients.contains(&pod.workload)) {
        check.control(pod, "before the credential was broken", &ready(pod.ready), equal_to("ready"));
    }
    for pod in during.pods.iter().filter(|pod| clients.contains(&pod.workload)) {
        let refused = during.failures_of(pod).into_iter().filter(|failure| failure.sqlstate == "28P01").count();
        check.control(
            pod,
            "logins of it that the database refused",
            &refused,
            that("some", |count: &usize| *count > 0),
        );
        check.expect(pod, "while no session can be opened", &ready(pod.ready), equal_to("not ready"));
    }
    for pod in after.pods.iter().filter(|pod| clients.contains(&pod.workload)) {
        check.expect(pod, "after the credential was right again", &ready(pod.ready), equal_to("ready"));
    }
}
