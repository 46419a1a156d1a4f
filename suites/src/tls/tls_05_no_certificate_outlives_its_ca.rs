//! TLS-05: no certificate outlives its CA.
//!
//! A leaf that is valid for longer than the CA that signed it stops verifying while it still looks valid, and whoever
//! renews by the leaf's own date comes too late: a well-known sample for cert-manager has that outage built in. The
//! operator's own leaf outlives its CA by seconds and is renewed long before; so the live lane asks of all certificates
//! that somebody renews them in time, and of what is served that it does not outlive the published CA by more than that.

use harness::check::Check;
use harness::expectation::{not_empty, that};
use harness::experiment::SETTLED;
use harness::finding::Place;
use harness::graph::Fact;
use harness::probe::Certificate;
use harness::record::{AFTER, Experiment, Record, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::issued::{Certificates, Hours, Issuer, Lifetime};

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
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let brought = Certificates::of(subject);
    for leaf in brought.of_database(subject) {
        let what = "duration of the certificate, which may be made just before its CA is renewed";
        match (brought.authority(leaf), Lifetime::of(leaf)) {
            (Issuer::SelfSigned, _) => {}
            (Issuer::Unknown(hint), _) => check.undecided(leaf, what, hint),
            (Issuer::Known(authority), Fact::Known(life)) => match Lifetime::of(authority) {
                Fact::Known(ca) => {
                    let place = leaf.at("spec.duration");
                    let shorter = that(AT_MOST, |hours: &Hours| *hours <= ca.renew_before);
                    check.expect(
                        place,
                        format!("{what} ({} before its end)", ca.renew_before),
                        &life.duration,
                        shorter,
                    );
                }
                Fact::Unknown(hint) => check.undecided(authority, what, hint),
            },
            (_, Fact::Unknown(hint)) => check.undecided(leaf, what, hint),
        }
    }
    check.not_applicable("the subject brings no certificate for its database; those of the operator are live");
}

const AT_MOST: &str = "at most what is then left of the CA";

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
    // A bundle outlives its oldest CA, so the one that ends last counts. What verifies against none is TLS-03's.
    let Some(end) = seen.published_ca.iter().map(|ca| ca.not_after).max() else { return };
    for served in seen.served.iter().filter(|served| served.refused.is_none()) {
        let beyond = served.leaf.not_after.duration_since(end).as_hours();
        let none = that("none, but for the hours in which the operator makes both", |hours: &i64| *hours < MOST_BEYOND);
        check.expect(
            place(&served.endpoint),
            "hours for which the certificate outlives the published CA",
            &beyond,
            none,
        );
    }
}

/// The operator makes a leaf after its CA, for as long, and looks once an hour; so by more than a day it is outlived by
/// none of its own making.
const MOST_BEYOND: i64 = 24;

fn days_left(certificate: &Certificate, record: &Record) -> i64 {
    certificate.not_after.duration_since(record.ended).as_hours().div_euclid(24)
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::record::{AFTER, Experiment, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_05;
    use crate::testing::{at, certificate, judge_live, judge_manifests, moment, record, served};

    #[rstest]
    #[case::ends_with_it("{duration: 8760h, renewBefore: 2880h}", "{duration: 2880h}", Holds)]
    #[case::outlives_it("{duration: 8760h, renewBefore: 2880h}", "{duration: 2881h}", Violated)]
    #[case::has_the_same_defaults("{}", "{}", Violated)]
    #[case::has_no_duration_that_can_be_read("{duration: 8760h}", "{duration: 90d}", Unchecked)]
    fn a_leaf_beside_its_ca(#[case] authority: &str, #[case] leaf: &str, #[case] verdict: Verdict) {
        let merged = |spec: &str, more: &str| match spec {
            "{}" => format!("{{{more}}}"),
            _ => format!("{}, {more}}}", spec.trim_end_matches('}')),
        };
        let authority = merged(authority, "isCA: true, secretName: root, issuerRef: {name: self}");
        let leaf = merged(leaf, "secretName: serving, issuerRef: {name: ca}");
        let manifests = format!(
            "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {{name: self}}\nspec: {{selfSigned: {{}}}}\n---\n\
             apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {{name: ca}}\nspec: {{ca: {{secretName: root}}}}\n---\n\
             apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: root}}\nspec: {authority}\n---\n\
             apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: serving}}\nspec: {leaf}\n---\n\
             apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {{name: db}}\n\
             spec: {{certificates: {{serverTLSSecret: serving}}}}\n"
        );
        assert_eq!(judge_manifests(&TLS_05, &manifests), verdict);
    }

    fn seen_at(name: &str) -> Snapshot {
        let (served, published_ca) = (vec![served("agents-db-1", "leaf")], vec![certificate("ca")]);
        Snapshot { served, published_ca, ..moment(name, 10, []) }
    }

    #[rstest]
    #[case::enough(|_after: &mut Snapshot| {}, Holds)]
    #[case::too_little_of_the_leaf(|after: &mut Snapshot| after.served[0].leaf.not_after = at(5 * 86_400), Violated)]
    #[case::too_little_of_the_ca(|after: &mut Snapshot| after.published_ca[0].not_after = at(-1), Violated)]
    #[case::longer_than_the_ca(|after: &mut Snapshot| after.served[0].leaf.not_after = at(92 * 86_400), Violated)]
    #[case::a_moment_longer_than_the_ca(|after: &mut Snapshot| after.served[0].leaf.not_after = at(90 * 86_400 + 9), Holds)]
    #[case::longer_than_one_ca_of_a_bundle(|after: &mut Snapshot| {
        after.published_ca.push(certificate("old"));
        after.published_ca[1].not_after = at(60 * 86_400);
    }, Holds)]
    #[case::longer_than_a_ca_that_is_not_its_own(|after: &mut Snapshot| {
        after.served[0].leaf.not_after = at(92 * 86_400);
        after.served[0].refused = Some("unknown issuer".into());
    }, Holds)]
    #[case::nobody_knows_what(|after: &mut Snapshot| after.published_ca.clear(), Unchecked)]
    fn what_is_left_is(#[case] change: fn(&mut Snapshot), #[case] verdict: Verdict) {
        let mut after = seen_at(AFTER);
        change(&mut after);
        let rotation = record(Experiment::RotateCa, [after]);
        assert_eq!(judge_live(&TLS_05, [record(Experiment::Install, [seen_at(SETTLED)]), rotation]), verdict);
    }
}
