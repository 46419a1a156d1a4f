//! TLS-03: every served certificate verifies.
//!
//! CloudNativePG issues a leaf anew when it expires or its names change, never because its CA changed. After a CA was
//! replaced, the server may serve a leaf that nobody can verify any more, and every client that verifies is locked out
//! while the cluster calls itself healthy. What is on the wire decides: the leaf of each pod, against the published CA,
//! for the name that clients dial.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::experiment::SETTLED;
use harness::finding::Place;
use harness::record::{AFTER, BEFORE, Experiment, Record, Records};
use harness::requirement::{Lane, Level, Requirement};

/// Every served certificate verifies.
pub const TLS_03: Requirement = Requirement {
    id: "TLS-03",
    title: "Every served certificate verifies",
    level: Level::Must,
    source: "S3: \"self-signed certificate\" errors",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install, Experiment::RotateCa],
    decisive: &[Lane::Live],
    remedy: "after replacing the CA delete the leaves that it signed, then publish the CA that signed the new ones",
    rendered: None,
    live: Some(live),
};

fn live(records: &Records, check: &mut Check) {
    if let Some(install) = records.of(Experiment::Install) {
        judge(install, SETTLED, check);
    }
    if let Some(rotation) = records.of(Experiment::RotateCa) {
        judge(rotation, BEFORE, check);
        judge(rotation, AFTER, check);
    }
}

fn judge(record: &Record, moment: &str, check: &mut Check) {
    let served = &record.at(moment).served;
    let place = Place::object(format!("experiment {}", record.experiment)).field(moment);
    check.control(place, "endpoints that shake hands", &served[..], not_empty());
    for endpoint in served {
        let place = Place::object(&endpoint.endpoint).field(moment);
        let what = format!("certificate served for {}", endpoint.name);
        let verified = endpoint.refused.as_deref().unwrap_or("verifies");
        check.expect(place, what, &verified, equal_to("verifies"));
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::record::{AFTER, BEFORE, Experiment, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_03;
    use crate::testing::{judge_live, moment, record, served};

    fn served_at(name: &str, leaf: &str) -> Snapshot {
        Snapshot { served: vec![served("agents-db-1", leaf), served("agents-db-2", leaf)], ..moment(name, 10, []) }
    }

    #[rstest]
    #[case::verifies(|_after: &mut Snapshot| {}, Holds)]
    #[case::has_an_unknown_issuer(
        |after: &mut Snapshot| after.served[1].refused = Some("UnknownIssuer".into()),
        Violated
    )]
    #[case::cannot_be_seen(|after: &mut Snapshot| after.served.clear(), Unchecked)]
    fn what_is_served_after_a_rotation(#[case] change: fn(&mut Snapshot), #[case] verdict: Verdict) {
        let install = record(Experiment::Install, [served_at(SETTLED, "old")]);
        let mut after = served_at(AFTER, "new");
        change(&mut after);
        let rotation = record(Experiment::RotateCa, [served_at(BEFORE, "old"), after]);
        assert_eq!(judge_live(&TLS_03, [install, rotation]), verdict);
    }
}
