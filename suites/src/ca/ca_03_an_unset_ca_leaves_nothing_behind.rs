//! CA-03: an unset CA leaves nothing behind.
//!
//! Taking the CA out of the values is the documented way back when trust is broken at night. A variable or a volume
//! that stays keeps the pods from starting, or makes a driver verify against a file that is gone, and the way back is
//! none. What must stay is encryption: without a CA nothing can be verified, but nothing has to be said in the clear.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty, one_of, that};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{CaWiring, RefKind, Volume};
use harness::helm::ValuePath;
use harness::record::{BEFORE, DURING, Experiment, Records};
use harness::rendered::{Attempt, Change, Rendered};
use harness::requirement::{Lane, Level, Requirement};

use super::wiring::{ca_secrets, is_system};
use crate::named::is_there;

/// An unset CA leaves nothing behind.
pub const CA_03: Requirement = Requirement {
    id: "CA-03",
    title: "An unset CA leaves nothing behind",
    level: Level::Must,
    source: "S0: rollback, \"Remove database.caSecret.* values\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca],
    experiments: &[Experiment::WithoutCa],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "put volume, mount, variable and sslrootcert under the one condition that the CA Secret is named",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let plan = subject.subject().ca().cloned().unwrap_or_default();
    let Some(name) = &plan.name_value else {
        return check.undecided(Place::object("the subject"), "the chart without a CA", NOT_SAID);
    };
    if !is_there(subject, "database.ca.nameValue", &ValuePath::parse(name), check) {
        return;
    }
    let secrets = ca_secrets(subject);
    let change = Change::set(name.as_str(), "");
    let without = match subject.with(&change, check) {
        None => return,
        Some(Attempt::Refused(refusal)) => return check.undecided(&change, "the chart without a CA", refusal),
        Some(Attempt::Rendered(without)) => without,
    };
    for client in without.database_clients() {
        let left = client.ca().filter(|ca| !is_system(ca)).map(CaWiring::fingerprint);
        check.expect(client, "what is left of the CA without a CA Secret", &left, equal_to(None::<String>));
    }
    for workload in without.workloads() {
        let of_ca = |volume: &&Volume| {
            plan.volume.as_deref() == Some(&*volume.name)
                || volume.keys().any(|(kind, name)| kind == RefKind::Secret && secrets.iter().any(|ca| ca == name))
        };
        let left: Vec<&str> = workload.volumes().iter().filter(of_ca).map(|volume| volume.name.as_str()).collect();
        check.expect(workload, "volumes that are left without a CA Secret", &left[..], empty());
    }
    let variable = plan.variable.as_deref();
    for container in without.containers() {
        let left: Vec<&str> =
            container.env().iter().map(|known| known.name.as_str()).filter(|name| Some(*name) == variable).collect();
        check.expect(container, "variables that are left without a CA Secret", &left[..], empty());
    }
}

const NOT_SAID: &str = "say in the subject file under `database.ca.nameValue` which value names the CA Secret";

/// Modes that insist on encryption and get along without a CA.
const ENCRYPTED: &[&str] = &["require"];

fn live(records: &Records, check: &mut Check) {
    let Some(without) = records.of(Experiment::WithoutCa) else { return };
    let (before, during) = (without.at(BEFORE), without.at(DURING));
    for (workload, pods) in before.workloads() {
        if pods.iter().all(|pod| pod.ca().is_none()) {
            continue; // It trusted no CA, or cannot be asked; then the pods below cannot be asked either.
        }
        let new: Vec<_> = during.pods_since(before).filter(|pod| pod.workload == workload).collect();
        check.control(Place::object(workload), "pods that were made without a CA", &new[..], not_empty());
        for pod in new {
            let readiness = if pod.ready { "ready" } else { "not ready" };
            check.expect(pod, "the pod without a CA", &readiness, equal_to("ready"));
            let Some(inspected) = &pod.inspected else {
                check.undecided(pod, "what is left of the CA", "the application does not answer `inspect`");
                continue;
            };
            let named = pod.ca().map(|ca| ca.path.as_str());
            check.expect(pod, "the CA file that it names", &named, equal_to(None::<&str>));
            check.expect(pod, "sslmode", &inspected.dials("sslmode").unwrap_or("none"), one_of(ENCRYPTED));
            let logins = during.logins_of(pod).len() + during.sessions_of(pod).len();
            check.expect(
                pod,
                "sessions and logins without a CA",
                &logins,
                that("at least one", |count: &usize| *count > 0),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::record::{BEFORE, DURING, Experiment, PodState};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;
    use serde_json::json;

    use super::CA_03;
    use crate::testing::{judge_live, moment, pod, record, trusting};

    fn without_ca(uid: &str) -> PodState {
        let mut pod = pod("deployment/agents", uid);
        let inspected = pod.inspected.as_mut().unwrap();
        inspected.ca = None;
        inspected.database["sslmode"] = json!("require");
        pod
    }

    fn looking_at_home(pod: PodState) -> PodState {
        let mut pod = trusting(pod, "old");
        let inspected = pod.inspected.as_mut().unwrap();
        inspected.database["caPathSource"] = json!("default");
        inspected.ca.as_mut().unwrap().exists = false;
        pod
    }

    #[rstest]
    #[case::nothing(without_ca("b"), Holds)]
    #[case::what_the_driver_looks_for_by_itself(looking_at_home(without_ca("b")), Holds)]
    #[case::the_variable(trusting(without_ca("b"), "old"), Violated)]
    #[case::the_mode(PodState { inspected: pod("deployment/agents", "b").inspected, ..without_ca("b") }, Violated)]
    #[case::what_keeps_it_from_starting(PodState { ready: false, inspected: None, ..without_ca("b") }, Violated)]
    #[case::no_new_pod(without_ca("a"), Unchecked)]
    #[case::what_nobody_can_tell(PodState { inspected: None, ..without_ca("b") }, Unchecked)]
    fn what_is_left_without_a_ca(#[case] during: PodState, #[case] verdict: Verdict) {
        let before = moment(BEFORE, 0, [pod("deployment/agents", "a")]);
        let record = record(Experiment::WithoutCa, [before, moment(DURING, 60, [during])]);
        assert_eq!(judge_live(&CA_03, [record]), verdict);
    }

    #[test]
    fn a_new_pod_without_a_session_violates() {
        let before = moment(BEFORE, 0, [pod("deployment/agents", "a")]);
        let mut during = moment(DURING, 60, [without_ca("b")]);
        during.sessions.clear();
        during.logins.clear();
        assert_eq!(judge_live(&CA_03, [record(Experiment::WithoutCa, [before, during])]), Violated);
    }
}
