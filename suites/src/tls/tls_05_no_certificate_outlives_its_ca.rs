//! TLS-05: no certificate outlives its CA.
//!
//! A leaf that is valid for longer than the CA that signed it stops verifying while it still looks valid, and whoever
//! renews by the leaf's own date comes too late: a well-known sample for cert-manager has that outage built in. The
//! operator's own leaf outlives its CA by seconds and is renewed long before; so the live lane asks of all certificates
//! only that somebody renews them in time.

use harness::check::Check;
use harness::expectation::{not_empty, that};
use harness::experiment::{AFTER, Experiment, Record, Records, SETTLED};
use harness::finding::Place;
use harness::probe::Certificate;
use harness::requirement::{Lane, Level, Requirement};

/// No certificate outlives its CA.
pub const TLS_05: Requirement = Requirement {
    id: "TLS-05",
    title: "No certificate outlives its CA",
    level: Level::Must,
    source: "S0: \"Provide clear rotation and rollback guidance\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install, Experiment::RotateCa],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "let leaves live no longer than the CA's renewBefore, and renew both well before they end",
    rendered: None,
    live: Some(live),
};

/// CloudNativePG renews when less than seven days are left, and looks at least once an hour.
const LEAST_DAYS_LEFT: i64 = 6;

fn live(records: &Records, check: &mut Check) {
    for (experiment, moment) in [(Experiment::Install, SETTLED), (Experiment::RotateCa, AFTER)] {
        if let Some(record) = records.of(experiment) {
            judge(record, moment, check);
        }
    }
}

fn judge(record: &Record, moment: &str, check: &mut Check) {
    let seen = record.at(moment);
    let place = |object: &str| Place::object(object).field(moment);
    check.control(place("the database"), "endpoints that shake hands", &seen.served[..], not_empty());
    check.control(place("the published CA"), "certificates", &seen.published_ca[..], not_empty());
    let leaves = seen.served.iter().map(|served| (served.endpoint.as_str(), &served.leaf));
    let published = seen.published_ca.iter().map(|ca| ("the published CA", ca));
    for (object, certificate) in leaves.chain(published) {
        let enough = that("at least 6", |days: &i64| *days >= LEAST_DAYS_LEFT);
        check.expect(place(object), "days left", &days_left(certificate, record), enough);
    }
}

fn days_left(certificate: &Certificate, record: &Record) -> i64 {
    certificate.not_after.duration_since(record.ended).as_hours().div_euclid(24)
}

#[cfg(test)]
mod tests {
    use harness::experiment::{AFTER, Experiment, SETTLED, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_05;
    use crate::testing::{at, certificate, judge_live, moment, record, served};

    fn seen_at(name: &str) -> Snapshot {
        let (served, published_ca) = (vec![served("agents-db-1", "leaf")], vec![certificate("ca")]);
        Snapshot { served, published_ca, ..moment(name, 10, []) }
    }

    #[rstest]
    #[case::enough(|_after: &mut Snapshot| {}, Holds)]
    #[case::too_little_of_the_leaf(|after: &mut Snapshot| after.served[0].leaf.not_after = at(5 * 86_400), Violated)]
    #[case::too_little_of_the_ca(|after: &mut Snapshot| after.published_ca[0].not_after = at(-1), Violated)]
    #[case::nobody_knows_what(|after: &mut Snapshot| after.published_ca.clear(), Unchecked)]
    fn what_is_left_is(#[case] change: fn(&mut Snapshot), #[case] verdict: Verdict) {
        let mut after = seen_at(AFTER);
        change(&mut after);
        let rotation = record(Experiment::RotateCa, [after]);
        assert_eq!(judge_live(&TLS_05, [record(Experiment::Install, [seen_at(SETTLED)]), rotation]), verdict);
    }
}
