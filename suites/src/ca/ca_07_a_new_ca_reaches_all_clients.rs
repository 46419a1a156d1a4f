//! CA-07: a new CA reaches all clients.
//!
//! A checksum annotation sees only Secrets of the same chart; the CA of an operator or of cert-manager is not one of
//! them, so that the popular checksum never changes when the CA does. Sessions from before the rotation hide that until
//! they end. So the live lane asks each workload for a login that began when the server already served a leaf of the
//! new CA, and says whether its pods followed in place or were restarted.

use harness::check::Check;
use harness::expectation::{one_of, that};
use harness::experiment::ON_THE_WIRE;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{CaProvider, Fact};
use harness::record::{AFTER, BEFORE, Experiment, PodState, Records, Snapshot};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use jiff::Timestamp;

use super::control_new_key;
use super::wiring::{IN_PLACE, clients_given_a_ca, refresh, unless_given};
use crate::trigger::restart;

/// A new CA reaches all clients.
pub const CA_07: Requirement = Requirement {
    id: "CA-07",
    title: "A new CA reaches all clients",
    level: Level::Must,
    source: "S0: \"if using checksum rollouts, pods restart automatically\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Ca],
    experiments: &[Experiment::RotateCa],
    decisive: &[Lane::Live],
    remedy: "read the CA file anew for each connection, or restart on a change of that Secret (Reloader), or declare the restart",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    unless_given(subject, check);
    for (client, ca) in clients_given_a_ca(subject) {
        // What runs to an end reads the CA when it starts the next time.
        if client.workload().runs_to_an_end() {
            continue;
        }
        let claimed = subject.subject().claims(Feature::CaRotation);
        let way = match (
            refresh(client, ca),
            ca.secret().and_then(|secret| restart(subject, client.workload(), secret, check)),
        ) {
            (_, Some(restart)) => restart,
            (Fact::Known(read), None) if read == IN_PLACE && claimed => Fact::Known(IN_PLACE.into()),
            (Fact::Known(read), None) if matches!(ca.provider, CaProvider::Written(_)) => {
                Fact::Known(if claimed { format!("none: {read}") } else { WITH_THE_RELEASE.into() })
            }
            (_, None) if !subject.subject().is_declared() => Fact::Unknown(NOT_SAID.into()),
            (Fact::Known(read), None) if read == IN_PLACE => {
                Fact::Known("none: `ca.rotation` is not claimed, and nothing restarts the pods".into())
            }
            (Fact::Known(read), None) => Fact::Known(format!("none: {read}, and nothing restarts the pods")),
            (Fact::Unknown(hint), None) => Fact::Unknown(hint),
        };
        match way {
            Fact::Known(way) => {
                let some = that("one that ends at the client", |way: &str| !way.starts_with("none"));
                check.expect(client, "the way of a new CA", way.as_str(), some);
            }
            Fact::Unknown(hint) => check.undecided(client, "the way of a new CA", hint),
        }
    }
}

const NOT_SAID: &str = "claim `ca.rotation` in the subject file if the application reads the file anew, \
     or list under `restart` what people must do";

/// Another value changes the pod template, so that the pods are replaced.
const WITH_THE_RELEASE: &str = "with the next version of the release, which has the CA written out";

const IN_THE_POD: &str = "in the running pod";
const RESTARTED: &str = "by a restart";

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateCa) else { return };
    let (before, after) = (rotation.at(BEFORE), rotation.at(AFTER));
    control_new_key(rotation, check);
    let Some(on_the_wire) = rotation.over(ON_THE_WIRE) else { return };
    for (workload, pods) in before.workloads() {
        let now: Vec<_> = after.pods.iter().filter(|pod| pod.workload == workload).collect();
        let all = || pods.iter().copied().chain(now.iter().copied());
        if all().all(|pod| pod.ca().is_none()) && !all().any(|pod| came(pod, before) || came(pod, after)) {
            continue; // No client of the database.
        }
        if now.is_empty() {
            check.expect(Place::object(workload), HOW, &"not at all: it has no pod", one_of(WAYS));
        }
        for pod in now {
            check.expect(pod, HOW, &how(pod, before, after, on_the_wire).as_str(), one_of(WAYS));
        }
    }
}

/// Whether a pod came to the database, let in or not: between two sessions of a pool it is a client all the same.
fn came(pod: &PodState, seen: &Snapshot) -> bool {
    !seen.sessions_of(pod).is_empty() || !seen.logins_of(pod).is_empty() || !seen.failures_of(pod).is_empty()
}

const HOW: &str = "how it came to log in under the new CA";
const WAYS: &[&str] = &[IN_THE_POD, RESTARTED];

fn how(pod: &PodState, before: &Snapshot, after: &Snapshot, on_the_wire: Timestamp) -> String {
    let logins = after.logins_of(pod).into_iter().map(|login| login.at);
    let mut begins = logins.chain(after.sessions_of(pod).into_iter().map(|session| session.began));
    if !begins.any(|at| at > on_the_wire) {
        return format!("not at all: no login since {on_the_wire}");
    }
    // A client that does not verify logs in with any file, which is CA-06; but it does not have the new CA.
    if pod.ca().is_some_and(|ca| !ca.certificates.is_empty() && !trusts(pod, after)) {
        return "not at all: its CA file is not the published one".into();
    }
    if before.pod(&pod.uid).is_some() { IN_THE_POD.into() } else { RESTARTED.into() }
}

fn trusts(pod: &PodState, after: &Snapshot) -> bool {
    let trusted = pod.ca().map(|ca| ca.certificates.as_slice()).unwrap_or_default();
    after.ca_keys().iter().all(|key| trusted.iter().any(|certificate| certificate.spki_sha256 == **key))
}

#[cfg(test)]
mod tests {
    use harness::experiment::ON_THE_WIRE;
    use harness::feature::Feature;
    use harness::probe::LoggedFailure;
    use harness::record::{AFTER, BEFORE, Experiment, PodState, Record, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::CA_07;
    use crate::testing::{
        at, certificate, judge_live, judge_manifests, judge_promised, moment, pod, record, step, trusting,
    };

    #[test]
    fn a_ca_that_the_manifest_has_written_out_comes_with_the_release() {
        let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {containers: [{name: a, env: [{name: PGHOST, value: db}, {name: DB_SSL_CA, value: '-----BEGIN CERTIFICATE-----'}]}]}}}}";
        assert_eq!(judge_manifests(&CA_07, text), Holds);
        assert_eq!(judge_promised(&CA_07, text, Feature::CaRotation), Violated);
    }

    fn followed() -> Record {
        let mut before = moment(BEFORE, 0, [pod("deployment/agents", "a"), pod("deployment/agents-controllers", "b")]);
        before.published_ca = vec![certificate("old")];
        let pods = [pod("deployment/agents", "a"), pod("deployment/agents-controllers", "c")];
        let mut after = moment(AFTER, 60, pods.map(|pod| trusting(pod, "new")));
        after.published_ca = vec![certificate("new")];
        Record { steps: vec![step(ON_THE_WIRE, 30)], ..record(Experiment::RotateCa, [before, after]) }
    }

    fn forget(after: &mut Snapshot, pod: usize) {
        let client = after.pods[pod].address.clone().unwrap();
        after.sessions.retain(|session| session.client != client);
        after.logins.retain(|login| login.client != client);
    }

    /// An application of somebody else's that opens a session for each task.
    fn with_a_worker_that_is_refused(record: &mut Record) {
        let worker = PodState { inspected: None, ..pod("deployment/worker", "w") };
        let (role, client) = (String::new(), worker.address.clone().unwrap());
        let (sqlstate, message) = ("08P01".to_owned(), "tlsv1 alert unknown ca".to_owned());
        record.snapshots.iter_mut().for_each(|seen| seen.pods.push(worker.clone()));
        record.snapshots[1].failures.push(LoggedFailure { at: at(40), role, client, sqlstate, refused: true, message });
    }

    #[rstest]
    #[case::in_place_and_by_a_restart(|_record: &mut Record| {}, Holds)]
    #[case::in_one_workload_only(|record: &mut Record| forget(&mut record.snapshots[1], 1), Violated)]
    #[case::never_since_the_old_one(|record: &mut Record| record.steps = vec![step(ON_THE_WIRE, 61)], Violated)]
    #[case::without_verifying(|record: &mut Record| {
        let after = &mut record.snapshots[1];
        after.pods[0] = trusting(after.pods[0].clone(), "old");
    }, Violated)]
    #[case::and_loses_one_that_was_between_two_sessions(with_a_worker_that_is_refused, Violated)]
    #[case::and_loses_a_workload(|record: &mut Record| { record.snapshots[1].pods.pop(); }, Violated)]
    #[case::with_the_old_key(|record: &mut Record| record.snapshots[1].published_ca = vec![certificate("old")], Unchecked)]
    fn the_product_follows(#[case] change: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = followed();
        change(&mut record);
        assert_eq!(judge_live(&CA_07, [record]), verdict);
    }
}
