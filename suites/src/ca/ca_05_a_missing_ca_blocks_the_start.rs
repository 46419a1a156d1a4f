//! CA-05: a missing CA blocks the start.
//!
//! A Secret reference that is optional starts the pod with an empty folder. The driver then fails at the first
//! connection, or worse, goes on without verifying, and nothing names the cause. A reference that insists keeps the old
//! pods serving and leaves an event that says which Secret or key is missing.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, that};
use harness::experiment::{MISSING_SECRET, MISSING_SECRET_NAME, WRONG_KEY, WRONG_KEY_NAME};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Container, RefKind, Reference, Role, Workload};
use harness::record::{AFTER, Experiment, PodState, Records, Snapshot};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::wiring::{ca_secrets, clients_with_ca, unless_given};

/// A missing CA blocks the start.
pub const CA_05: Requirement = Requirement {
    id: "CA-05",
    title: "A missing CA blocks the start",
    level: Level::Must,
    source: "S0: \"Wrong key name causes connection failures\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Ca],
    experiments: &[Experiment::MissingCa],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "drop `optional: true` from the CA's volume, and name the key under `items` so that a wrong one is noticed",
    rendered: Some(rendered),
    live: Some(live),
};

/// Looks at every reference of a client's pods to the CA's Secret, also those of containers that are no clients.
fn rendered(subject: &Rendered, check: &mut Check) {
    unless_given(subject, check);
    let secrets = ca_secrets(subject);
    let mut seen: Vec<String> = Vec::new();
    for (client, _) in clients_with_ca(subject) {
        let workload = client.workload();
        if seen.contains(&workload.reference()) {
            continue;
        }
        seen.push(workload.reference());
        let references = workload.references();
        let to_the_ca = |one: &&Reference| one.kind == RefKind::Secret && secrets.contains(&one.name);
        for reference in references.iter().filter(to_the_ca).filter(|one| !only_looks(subject, workload, one)) {
            let insists = if reference.optional { "optional" } else { "required" };
            check.expect(reference, format!("the reference to {reference}"), &insists, equal_to("required"));
        }
    }
}

/// Whether a reference is of a container that starts before the others whatever is missing, to say so, and is no client
/// itself: what MIG-04 asks for.
fn only_looks(subject: &Rendered, workload: &Workload, reference: &Reference) -> bool {
    let Some(name) = reference.place.container.as_deref() else { return false };
    let is_client = subject
        .database_clients()
        .iter()
        .any(|client| client.workload().reference() == workload.reference() && client.container().name() == name);
    let prepares = |container: &Container| container.role() == Role::Init && container.name() == name;
    !is_client && workload.containers().iter().any(prepares)
}

fn live(records: &Records, check: &mut Check) {
    let Some(missing) = records.of(Experiment::MissingCa) else { return };
    for (moment, absent) in [(WRONG_KEY, WRONG_KEY_NAME), (MISSING_SECRET, MISSING_SECRET_NAME)] {
        let (before, during) = (missing.preceding(moment), missing.at(moment));
        for (workload, pods) in before.workloads() {
            if pods.iter().all(|pod| pod.inspected.is_some() && pod.ca().is_none()) {
                continue; // It trusts no CA file, so that nothing is missing.
            }
            let place = Place::object(workload);
            let ready: Vec<_> = pods.iter().filter(|pod| pod.ready).collect();
            check.control(&place, format!("ready pods before {moment}"), &ready[..], not_empty());
            let new: Vec<_> = during.pods_since(before).filter(|pod| pod.workload == workload).collect();
            check.control(&place, format!("new pods while {moment}"), &new[..], not_empty());
            for pod in new {
                let readiness = if pod.ready { "ready" } else { "not ready" };
                check.expect(pod, format!("the pod while {moment}"), &readiness, equal_to("not ready"));
                let told = told_of(pod, during);
                let named = that("one that names what is missing", |told: &str| told.contains(absent));
                check.expect(pod, format!("warning while {moment}"), told.as_str(), named);
            }
        }
    }
    let ready: Vec<_> = missing.at(AFTER).pods.iter().filter(|pod| pod.ready).collect();
    check.control(Place::object("the workloads"), "ready pods with the right CA again", &ready[..], not_empty());
}

/// What events and the container's state say of a pod.
fn told_of(pod: &PodState, snapshot: &Snapshot) -> String {
    let events = snapshot.warnings.get(&pod.name).into_iter().flatten();
    events.chain(&pod.waiting).map(String::as_str).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use harness::experiment::{MISSING_SECRET, MISSING_SECRET_NAME, WRONG_KEY, WRONG_KEY_NAME};
    use harness::record::{AFTER, BEFORE, Experiment, PodState, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::CA_05;
    use crate::testing::{judge_live, moment, pod, record};

    fn blocked(name: &str, absent: &str) -> Snapshot {
        let new = PodState { ready: false, inspected: None, ..pod("deployment/agents", name) };
        let mut during = moment("", 30, [pod("deployment/agents", "a"), new.clone()]);
        during.warnings.insert(new.name, vec![format!("FailedMount: no such thing: {absent}")]);
        during
    }

    #[rstest]
    #[case::blocks_and_says_why(|_during: &mut Snapshot| {}, Holds)]
    #[case::starts_all_the_same(|during: &mut Snapshot| during.pods[1].ready = true, Violated)]
    #[case::says_nothing(|during: &mut Snapshot| during.warnings.clear(), Violated)]
    #[case::was_not_started(|during: &mut Snapshot| { during.pods.pop(); }, Unchecked)]
    fn a_pod_without_its_ca(#[case] spoil: fn(&mut Snapshot), #[case] verdict: Verdict) {
        let before = || moment(BEFORE, 0, [pod("deployment/agents", "a")]);
        let mut missing_secret = Snapshot { moment: MISSING_SECRET.into(), ..blocked("c", MISSING_SECRET_NAME) };
        spoil(&mut missing_secret);
        let wrong_key = Snapshot { moment: WRONG_KEY.into(), ..blocked("b", WRONG_KEY_NAME) };
        let after = moment(AFTER, 90, [pod("deployment/agents", "a")]);
        let record = record(Experiment::MissingCa, [before(), wrong_key, before(), missing_secret, after]);
        assert_eq!(judge_live(&CA_05, [record]), verdict);
    }
}
