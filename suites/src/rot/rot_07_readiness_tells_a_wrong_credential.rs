//! ROT-07: readiness tells a wrong credential.
//!
//! Sessions of before go on after the password changed, so that a probe that asks one of them is content, and so is one
//! that asks nothing. Under load the pool opens a session and fails; nothing restarts the pod, and nothing takes it out
//! of the Service. The live lane makes the Secret wrong and expects every client to say so, once the refresh of a file
//! cannot be the reason any more.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, that};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::Role;
use harness::record::{AFTER, BEFORE, DURING, Experiment, PodState, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use crate::clients::clients_of;

/// Readiness tells a wrong credential.
pub const ROT_07: Requirement = Requirement {
    id: "ROT-07",
    title: "Readiness tells a wrong credential",
    level: Level::Must,
    source: "S4: \"failed to ping database\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::PasswordRotation],
    experiments: &[Experiment::BreakCredential],
    decisive: &[Lane::Live],
    remedy: "let the readiness probe open a session of its own, or validate one with the present credential",
    rendered: Some(rendered),
    live: Some(live),
};

/// What a probe does behind its path, only the application knows. One that asks what the liveness probe asks is blind to
/// the database, or has the pod killed for it (ROT-06); where the name does not say that it is about life alone, the live
/// lane sees which.
fn rendered(subject: &Rendered, check: &mut Check) {
    let long_lived = subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end());
    for client in long_lived.filter(|client| client.container().role() == Role::Main) {
        let probe = |name: &str| client.container().get(name);
        let Some(readiness) = probe("readinessProbe") else {
            check.expect(client, "its readiness probe", &"missing", equal_to("there"));
            continue;
        };
        let asked = |probe: &Value| {
            let get = probe.get("httpGet")?;
            Some(["path", "port", "scheme"].map(|field| get.get(field).cloned()))
        };
        let own = asked(readiness).is_none_or(|own| probe("livenessProbe").and_then(asked) != Some(own));
        if !own && !is_about_life(readiness) {
            let hint = "it asks what the liveness probe asks; whether that asks the database, only a cluster tells";
            check.undecided(client, "its readiness probe", hint);
            continue;
        }
        let asks = if own { "a question of its own" } else { "what the liveness probe asks" };
        check.expect(client, "its readiness probe", &asks, equal_to("a question of its own"));
    }
}

/// Whether a probe asks for nothing but life, by the name of what it asks.
fn is_about_life(probe: &Value) -> bool {
    let path = probe.pointer("/httpGet/path").and_then(Value::as_str).unwrap_or_default();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    ["livez", "live", "liveness", "alive", "ping"].contains(&last.to_lowercase().as_str())
}

fn live(records: &Records, check: &mut Check) {
    let Some(broken) = records.of(Experiment::BreakCredential) else { return };
    let (before, during, after) = (broken.at(BEFORE), broken.at(DURING), broken.at(AFTER));
    let ready = |ready: bool| if ready { "ready" } else { "not ready" };
    let clients = clients_of(broken, check);
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

#[cfg(test)]
mod tests {
    use harness::feature::Feature;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::ROT_07;
    use crate::testing::judge_promised;

    #[rstest]
    #[case::of_its_own("/readyz, port: 80", "/livez, port: 80", Holds)]
    #[case::for_life_alone("/livez, port: 80", "/livez, port: 80", Violated)]
    #[case::that_may_ask_the_database("/actuator/health, port: 80", "/actuator/health, port: 80", Unchecked)]
    #[case::on_a_port_of_its_own("/, port: 81", "/, port: 80", Holds)]
    fn a_readiness_probe(#[case] readiness: &str, #[case] liveness: &str, #[case] verdict: Verdict) {
        let probes = format!(
            "readinessProbe: {{httpGet: {{path: {readiness}}}}}, livenessProbe: {{httpGet: {{path: {liveness}}}}}"
        );
        assert_eq!(judge_promised(&ROT_07, &client(&probes), Feature::PasswordRotation), verdict);
    }

    #[test]
    fn no_readiness_probe_tells_nothing() {
        assert_eq!(
            judge_promised(&ROT_07, &client("livenessProbe: {tcpSocket: {port: 80}}"), Feature::PasswordRotation),
            Violated
        );
    }

    fn client(probes: &str) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db}}], {probes}}}]}}}}}}}}"
        )
    }
}
