//! TLS-07: the prior CA restores service.
//!
//! A rotation that went wrong is taken back by putting the prior content into the CA's Secret. That fails where the
//! Secret cannot be changed, and where clients that had to be started anew to take up the wrong CA are not started
//! anew on the way back. So every pod starts with a wrong CA, is seen to be turned away, and has to log in again after
//! the prior one is back, by itself.

use harness::check::Check;
use harness::expectation::{empty, not_empty, that};
use harness::experiment::{OLD_PODS_GONE, PRIOR_CA_BACK};
use harness::feature::Feature;
use harness::finding::Place;
use harness::record::{AFTER, DURING, Experiment, Records};
use harness::requirement::{Lane, Level, Requirement};

use crate::clients::clients_of;

/// The prior CA restores service.
pub const TLS_07: Requirement = Requirement {
    id: "TLS-07",
    title: "The prior CA restores service",
    level: Level::Must,
    source: "S0: rollback, \"revert Secret to prior version\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca, Feature::CaRotation],
    experiments: &[Experiment::RollBackCa],
    decisive: &[Lane::Live],
    remedy: "keep the CA Secret mutable, and let its clients follow it on the way back as on the way there",
    rendered: None,
    live: Some(live),
};

fn live(records: &Records, check: &mut Check) {
    let Some(rollback) = records.of(Experiment::RollBackCa) else { return };
    let (during, after) = (rollback.at(DURING), rollback.at(AFTER));
    let (Some(anew), Some(back)) = (rollback.over(OLD_PODS_GONE), rollback.over(PRIOR_CA_BACK)) else { return };
    for workload in clients_of(rollback, check) {
        let place = Place::object(&workload);
        let of_workload = |pod: &&_| is_of(pod, &workload);
        let failures = during.pods.iter().filter(of_workload).flat_map(|pod| during.failures_of(pod));
        // Behind a pooler nobody knows whose they were; those of before are gone by then.
        let of_nobody = during.refusals_of_nobody().filter(|failure| failure.at > anew);
        let failures: Vec<String> = failures.chain(of_nobody).map(ToString::to_string).collect();
        check.control(&place, "logins that failed under the wrong CA", &failures[..], not_empty());
        let own = during.pods.iter().filter(of_workload).flat_map(|pod| during.sessions_of(pod));
        let own: Vec<String> = own.map(ToString::to_string).collect();
        check.control(&place, "sessions under the wrong CA", &own[..], empty());

        let pods: Vec<_> = after.pods.iter().filter(of_workload).collect();
        if pods.is_empty() {
            check.expect(&place, "pods after the prior CA is back", &pods[..], not_empty());
        }
        for pod in pods {
            let logins = after.logins_of(pod).into_iter().map(|login| login.at);
            let first = logins
                .chain(after.sessions_of(pod).into_iter().map(|session| session.began))
                .filter(|at| *at > back)
                .min();
            let told = match first {
                Some(at) => format!("{:.1} s after it", at.duration_since(back).as_secs_f64()),
                None => "none".into(),
            };
            let some = that("one within the budget", |told: &str| told != "none");
            check.expect(pod, "the first login after the prior CA was back", told.as_str(), some);
        }
    }
}

fn is_of(pod: &harness::record::PodState, workload: &str) -> bool {
    pod.workload == workload
}

#[cfg(test)]
mod tests {
    use harness::experiment::{OLD_PODS_GONE, PRIOR_CA_BACK};
    use harness::probe::LoggedFailure;
    use harness::record::{AFTER, BEFORE, DURING, Experiment, Record};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_07;
    use crate::testing::{at, judge_live, moment, pod, record, step};

    fn taken_back() -> Record {
        let pods = || [pod("deployment/agents", "a"), pod("deployment/agents-controllers", "b")];
        let mut during = moment(DURING, 10, pods());
        during.sessions.clear();
        during.failures = ["address-of-a", "address-of-b"]
            .map(|client| LoggedFailure {
                at: at(12),
                role: String::new(),
                client: client.into(),
                sqlstate: "08P01".into(),
                refused: true,
                message: String::new(),
            })
            .into();
        let snapshots = [moment(BEFORE, 0, pods()), during, moment(AFTER, 60, pods())];
        Record {
            steps: vec![step(OLD_PODS_GONE, 11), step(PRIOR_CA_BACK, 30)],
            ..record(Experiment::RollBackCa, snapshots)
        }
    }

    #[rstest]
    #[case::restores_service(|_record: &mut Record| {}, Holds)]
    #[case::reaches_only_one_workload(
        |record: &mut Record| {
            record.snapshots[2].logins.retain(|login| login.client != "address-of-b");
            record.snapshots[2].sessions.retain(|session| session.client != "address-of-b");
        },
        Violated
    )]
    #[case::loses_a_workload(|record: &mut Record| { record.snapshots[2].pods.pop(); }, Violated)]
    #[case::is_told_of_by_a_pooler(|record: &mut Record| {
        record.snapshots[1].failures.iter_mut().for_each(|failure| failure.client.clear());
    }, Holds)]
    #[case::turned_the_pods_of_before_away_and_nobody_knows_whom(|record: &mut Record| {
        record.snapshots[1].failures.iter_mut().for_each(|failure| (failure.at, failure.client) = (at(10), String::new()));
    }, Unchecked)]
    #[case::let_one_in_under_the_wrong_ca(|record: &mut Record| {
        record.snapshots[1].sessions = vec![record.snapshots[0].sessions[0].clone()];
    }, Unchecked)]
    #[case::was_not_needed(|record: &mut Record| record.snapshots[1].failures.clear(), Unchecked)]
    fn the_way_back(#[case] change: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = taken_back();
        change(&mut record);
        assert_eq!(judge_live(&TLS_07, [record]), verdict);
    }
}
