//! CA-04: the mounted CA refreshes in place.
//!
//! The kubelet swaps the content of a mounted Secret behind a symbolic link of its folder. A file that is mounted by
//! `subPath` is a bind mount of the old inode, and an environment variable is a copy from the start of the container:
//! both keep yesterday's CA until somebody restarts the pod, which an outage of this kind then reminds people of.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::feature::Feature;
use harness::graph::Fact;
use harness::record::{AFTER, BEFORE, Experiment, PodState, Records, Snapshot};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::control_new_key;
use super::wiring::{IN_PLACE, clients_given_a_ca, is_ca_key, refresh, unless_given};

/// The mounted CA refreshes in place.
pub const CA_04: Requirement = Requirement {
    id: "CA-04",
    title: "The mounted CA refreshes in place",
    level: Level::Must,
    source: "S0: \"CA rotation requires pod restart\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca, Feature::CaRotation],
    experiments: &[Experiment::RotateCa],
    decisive: &[Lane::Live],
    remedy: "mount the Secret as a folder: no subPath, no copy by an init container, no CA in an environment variable",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    unless_given(subject, check);
    for (client, ca) in clients_given_a_ca(subject) {
        match refresh(client, ca) {
            Fact::Known(way) => {
                check.expect(ca, "where the process reads the CA", &way, equal_to(IN_PLACE));
            }
            Fact::Unknown(hint) => check.undecided(ca, "where the process reads the CA", hint),
        }
        let copies = client
            .container()
            .env()
            .iter()
            .filter(|variable| variable.key().is_some_and(|key| is_ca_key(subject, key)));
        let copies: Vec<&str> = copies.map(|variable| variable.name.as_str()).collect();
        check.expect(client, "variables that hold the CA itself", &copies[..], empty());
    }
}

const REFRESHED: &str = "the published CA";

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateCa) else { return };
    let (before, after) = (rotation.at(BEFORE), rotation.at(AFTER));
    control_new_key(rotation, check);
    for pod in &before.pods {
        let what = "the CA file of the running process, after the rotation";
        match (pod.ca(), after.pod(&pod.uid)) {
            (None, _) if pod.inspected.is_some() => {} // It trusts no CA file.
            (None, _) => check.undecided(pod, what, "the application does not answer `inspect`"),
            (Some(_), None) => check.undecided(pod, what, "the pod was replaced before its file could be read again"),
            (Some(_), Some(same)) => {
                check.expect(same, what, &content_of(same, pod, after), equal_to(REFRESHED));
            }
        }
    }
}

fn content_of(pod: &PodState, earlier: &PodState, after: &Snapshot) -> &'static str {
    match pod.ca() {
        None => "no longer named",
        Some(ca) if ca.sha256.is_none() => "not there",
        Some(ca) if ca.sha256.as_deref() == earlier.ca_digest() => "as it was before",
        // Where its certificates are not told, a file that changed has to do.
        Some(ca) if ca.certificates.is_empty() => REFRESHED,
        Some(ca) => {
            let trusts = |key: &&str| ca.certificates.iter().any(|trusted| trusted.spki_sha256 == **key);
            if after.ca_keys().iter().all(trusts) { REFRESHED } else { "another CA" }
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::record::{AFTER, BEFORE, Experiment, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::CA_04;
    use crate::testing::{certificate, judge_live, moment, pod, record, trusting};

    #[rstest]
    #[case::follows(|_after: &mut Snapshot| {}, Holds)]
    #[case::stays_as_it_was(|after: &mut Snapshot| after.pods[0] = pod("deployment/agents", "a"), Violated)]
    #[case::turns_into_another(|after: &mut Snapshot| after.pods[0] = trusting(after.pods[0].clone(), "x"), Violated)]
    #[case::is_of_a_pod_that_was_replaced(|after: &mut Snapshot| after.pods[0].uid = "b".into(), Unchecked)]
    #[case::was_not_rotated(|after: &mut Snapshot| after.published_ca = vec![certificate("old")], Unchecked)]
    fn the_file_of_a_running_process(#[case] spoil: fn(&mut Snapshot), #[case] verdict: Verdict) {
        let old = pod("deployment/agents", "a");
        let mut before = moment(BEFORE, 0, [old.clone()]);
        before.published_ca = vec![certificate("old")];
        let mut after = moment(AFTER, 90, [trusting(old, "new")]);
        after.published_ca = vec![certificate("new")];
        spoil(&mut after);
        assert_eq!(judge_live(&CA_04, [record(Experiment::RotateCa, [before, after])]), verdict);
    }
}
