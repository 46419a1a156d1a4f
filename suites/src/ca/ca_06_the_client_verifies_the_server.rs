//! CA-06: the client verifies the server.
//!
//! A mounted CA proves nothing: under `prefer` libpq falls back to plaintext when verification fails, and some drivers
//! never read PGSSLROOTCERT. So the rendered lane looks for a mode that verifies, which can only refute, and the live
//! lane gives the application a CA that did not sign the server's certificate: no session may appear, on a server that
//! would also accept plaintext.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty, one_of};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Fact, SslMode};
use harness::record::{AFTER, BEFORE, DURING, Experiment, PodState, Record, Records, Snapshot};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::wiring::clients_with_ca;

/// The client verifies the server.
pub const CA_06: Requirement = Requirement {
    id: "CA-06",
    title: "The client verifies the server",
    level: Level::Must,
    source: "S0: \"Runtime relies on libpq behavior\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Ca],
    experiments: &[Experiment::ForeignCa],
    decisive: &[Lane::Live],
    remedy: "set sslmode=verify-full, in the URI or as PGSSLMODE, and use a driver that reads both it and the CA file",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for (client, _) in clients_with_ca(subject) {
        match client.ssl_mode() {
            Fact::Known(mode) => {
                check.expect(client, "sslmode", &mode, one_of(SslMode::VERIFYING));
            }
            Fact::Unknown(hint) => check.undecided(client, "sslmode", hint),
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(foreign) = records.of(Experiment::ForeignCa) else { return };
    let (before, during) = (foreign.at(BEFORE), foreign.at(DURING));
    let mut disturbed: Vec<&str> = Vec::new();
    for pod in during.pods_since(before) {
        control_foreign(pod, foreign, check);
        let sessions: Vec<String> = during.sessions_of(pod).into_iter().map(ToString::to_string).collect();
        let none = check.expect(pod, "sessions under a foreign CA", &sessions[..], empty());
        let logins: Vec<String> = during.logins_of(pod).into_iter().map(ToString::to_string).collect();
        if check.expect(pod, "logins under a foreign CA", &logins[..], empty()) && none {
            control_tried(pod, during, check);
        }
        disturbed.push(&pod.workload);
    }
    for workload in before.workloads().into_keys().filter(|workload| disturbed.contains(workload)) {
        for moment in [BEFORE, AFTER] {
            let seen = foreign.at(moment);
            let pods = seen.pods.iter().filter(|pod| pod.workload == workload);
            // A pool may be between two sessions at the moment of the look; then the log has the one before.
            let came_in = pods.flat_map(|pod| {
                let sessions = seen.sessions_of(pod).into_iter().map(ToString::to_string);
                sessions.chain(seen.logins_of(pod).into_iter().map(ToString::to_string))
            });
            let came_in: Vec<String> = came_in.collect();
            let what = format!("sessions and logins with the right CA, {moment}");
            check.control(Place::object(workload), what, &came_in[..], not_empty());
        }
    }
}

/// Whoever never dialled was never refused, and would perhaps have come in. One that ended by itself has failed.
fn control_tried(pod: &PodState, during: &Snapshot, check: &mut Check) {
    let refused = during.failures_of(pod).into_iter().chain(during.refusals_of_nobody()).map(ToString::to_string);
    let ended = (pod.restarts > 0).then(|| format!("{} restarts", pod.restarts));
    let tried: Vec<String> = refused.chain(ended).chain(pod.waiting.clone()).collect();
    check.control(pod, "attempts under a foreign CA that failed", &tried[..], not_empty());
}

/// The pod must really have been given another CA, and an address by which its sessions are known.
fn control_foreign(pod: &PodState, foreign: &Record, check: &mut Check) {
    let address = if pod.address.is_some() { "known" } else { "unknown" };
    check.control(pod, "address of the pod", &address, equal_to("known"));
    // An application that ends when it cannot connect gives no answer, and an application of somebody else never does.
    let Some(digest) = pod.ca_digest() else { return };
    let right = foreign.at(BEFORE).pods.iter().any(|known| known.ca_digest() == Some(digest));
    let file = if right { "the right one" } else { "another one" };
    check.control(pod, "CA file under a foreign CA", &file, equal_to("another one"));
}

#[cfg(test)]
mod tests {
    use harness::probe::LoggedFailure;
    use harness::record::{AFTER, BEFORE, DURING, Experiment, PodState, Record, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::CA_06;
    use crate::testing::{at, judge_live, logged, moment, pod, record, session, trusting};

    const WORKLOADS: [&str; 2] = ["deployment/agents", "deployment/agents-controllers"];

    /// New pods without a session beside the old ones.
    fn refused() -> Record {
        let old = || WORKLOADS.map(|workload| pod(workload, &format!("{workload}-old")));
        let mut during = moment(DURING, 30, old());
        during.pods.extend(WORKLOADS.map(|workload| trusting(pod(workload, &format!("{workload}-new")), "foreign")));
        during.failures = during.pods[2..].iter().map(broken_off).collect();
        record(Experiment::ForeignCa, [moment(BEFORE, 0, old()), during, moment(AFTER, 60, old())])
    }

    /// A handshake that a pod broke off.
    fn broken_off(pod: &PodState) -> LoggedFailure {
        LoggedFailure {
            at: at(31),
            role: String::new(),
            client: pod.address.clone().unwrap_or_default(),
            sqlstate: "08P01".into(),
            refused: true,
            message: "could not accept SSL connection: unknown ca".into(),
        }
    }

    fn leave_nothing(seen: &mut Snapshot) {
        seen.sessions.clear();
        seen.logins.clear();
    }

    #[rstest]
    #[case::is_refused(|_record: &mut Record| {}, Holds)]
    #[case::gets_a_session(|record: &mut Record| {
        let during = &mut record.snapshots[1];
        let mut plaintext = session(&during.pods[3], 31);
        plaintext.encrypted = false;
        during.sessions.push(plaintext);
    }, Violated)]
    #[case::logs_in_and_leaves(|record: &mut Record| {
        let during = &mut record.snapshots[1];
        during.logins.push(logged(&during.pods[2], 31));
    }, Violated)]
    #[case::never_tried(|record: &mut Record| record.snapshots[1].failures.truncate(1), Unchecked)]
    #[case::ended_by_itself(|record: &mut Record| {
        let during = &mut record.snapshots[1];
        during.failures.clear();
        during.pods[2].restarts = 1;
        during.pods[3].waiting = Some("CrashLoopBackOff".into());
    }, Holds)]
    #[case::was_turned_away_by_a_pooler(|record: &mut Record| {
        record.snapshots[1].failures.iter_mut().for_each(|failure| failure.client.clear());
    }, Holds)]
    #[case::never_came_in_before(|record: &mut Record| leave_nothing(&mut record.snapshots[0]), Unchecked)]
    #[case::is_between_two_sessions(|record: &mut Record| record.snapshots[2].sessions.clear(), Holds)]
    #[case::never_came_in_after(|record: &mut Record| leave_nothing(&mut record.snapshots[2]), Unchecked)]
    #[case::had_the_right_ca(|record: &mut Record| {
        let during = &mut record.snapshots[1];
        during.pods[2] = trusting(during.pods[2].clone(), "old");
    }, Unchecked)]
    #[case::was_never_made(|record: &mut Record| record.snapshots[1].pods.truncate(2), Unchecked)]
    #[case::cannot_be_asked(|record: &mut Record| record.snapshots[1].pods[3].inspected = None, Holds)]
    fn a_client_with_a_foreign_ca(#[case] change: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = refused();
        change(&mut record);
        assert_eq!(judge_live(&CA_06, [record]), verdict);
    }
}
