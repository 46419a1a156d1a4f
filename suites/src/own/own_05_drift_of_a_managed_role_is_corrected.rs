//! OWN-05: drift of a managed role is corrected.
//!
//! Somebody sets a password with `ALTER ROLE` and leaves the Secret as it was. For a role of `spec.managed.roles`
//! CloudNativePG compares both whenever it looks at the cluster, and sets the Secret's password again. An annotation
//! that stops it from looking stops that too, without a word. The live lane alters the role, makes the operator look,
//! and expects that the Secret opens the database again and the foreign password does not.

use harness::check::Check;
use harness::expectation::{equal_to, that};
use harness::experiment::{CORRECT, CORRECTED, NEW_CREDENTIAL, OLD_CREDENTIAL};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::Engine;
use harness::record::{DURING, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::logins::{expect_accepted, expect_refused};
use crate::roles::roles;
use crate::tls::cluster::clusters;

/// Drift of a managed role is corrected.
pub const OWN_05: Requirement = Requirement {
    id: "OWN-05",
    title: "A managed role whose password somebody altered gets that of its Secret back",
    level: Level::Must,
    source: "S1: \"No direct ALTER ROLE\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::BreakCredential],
    decisive: &[Lane::Live],
    remedy: "take the annotation cnpg.io/reconciliationLoop: disabled away, and change passwords in the Secret alone",
    rendered: Some(rendered),
    live: Some(live),
};

/// The annotation by which people stop the operator for a while, and forget to start it.
const LOOP: &str = "cnpg.io/reconciliationLoop";

fn rendered(subject: &Rendered, check: &mut Check) {
    let inline: Vec<String> =
        roles(subject).into_iter().filter(|role| role.engine == Engine::Inline).map(|role| role.cluster).collect();
    for cluster in clusters(subject, check, "whether the operator looks at it") {
        if !inline.iter().any(|name| name == cluster.name()) {
            continue;
        }
        let looks = cluster.annotation(LOOP).unwrap_or("enabled");
        let looking = that("not disabled", |looks: &str| looks != "disabled");
        check.expect(cluster.at("metadata.annotations"), LOOP, looks, looking);
    }
    if inline.is_empty() {
        check.not_applicable("no role stands in spec.managed.roles, and the operator compares no other");
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(broken) = records.of(Experiment::BreakCredential) else { return };
    let Some(waited) = broken.step(CORRECT) else {
        return check
            .not_applicable("the role does not stand in spec.managed.roles, and the operator compares no other");
    };
    let refused = broken.at(DURING).failures.iter().filter(|failure| failure.sqlstate == "28P01").count();
    let some = that("some", |count: &usize| *count > 0);
    check.control(Place::object("the database"), "logins refused after ALTER ROLE", &refused, some);
    let kept = waited.unmet.as_deref().unwrap_or("nothing");
    check.expect(Place::object("the role"), "what kept it from its Secret's password", &kept, equal_to("nothing"));
    let corrected = broken.at(CORRECTED);
    let place = || Place::object("the database").field(corrected.moment.clone());
    expect_accepted(check, place(), "a login with the Secret's password", corrected, NEW_CREDENTIAL);
    expect_refused(check, place(), "a login with the foreign password", corrected, OLD_CREDENTIAL);
}

#[cfg(test)]
mod tests {
    use harness::experiment::{CORRECT, CORRECTED, NEW_CREDENTIAL, OLD_CREDENTIAL};
    use harness::probe::{LoggedFailure, Login};
    use harness::record::{DURING, Experiment, Record};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::OWN_05;
    use crate::testing::{at, judge_live, judge_manifests, moment, record, step};

    const INLINE: &str = "managed: {roles: [{name: shop, passwordSecret: {name: shop-auth}}]}";

    #[rstest]
    #[case::that_looks("", INLINE, Holds)]
    #[case::that_is_told_to_look("cnpg.io/reconciliationLoop: enabled", INLINE, Holds)]
    #[case::that_was_stopped("cnpg.io/reconciliationLoop: disabled", INLINE, Violated)]
    #[case::without_such_a_role("cnpg.io/reconciliationLoop: disabled", "instances: 1", NotApplicable)]
    fn an_operator(#[case] annotation: &str, #[case] spec: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db, annotations: {{{annotation}}}}}, spec: {{{spec}}}}}"
        );
        assert_eq!(judge_manifests(&OWN_05, &text), verdict);
    }

    fn corrected() -> Record {
        let mut during = moment(DURING, 10, []);
        during.failures.push(LoggedFailure {
            at: at(11),
            role: "shop".into(),
            client: "address-of-a".into(),
            sqlstate: "28P01".into(),
            refused: false,
            message: "password authentication failed".into(),
        });
        let mut corrected = moment(CORRECTED, 20, []);
        let refused = Login::Refused { sqlstate: "28P01".into() };
        corrected.tried = [(NEW_CREDENTIAL.to_owned(), Login::Accepted), (OLD_CREDENTIAL.to_owned(), refused)].into();
        let mut record = record(Experiment::BreakCredential, [during, corrected]);
        record.steps.push(step(CORRECT, 18));
        record
    }

    #[rstest]
    #[case::corrected(|_: &mut Record| {}, Holds)]
    #[case::left_alone(|record: &mut Record| record.steps[0].unmet = Some("refused".into()), Violated)]
    #[case::both_are_accepted(
        |record: &mut Record| drop(record.snapshots[1].tried.insert(OLD_CREDENTIAL.into(), Login::Accepted)),
        Violated
    )]
    #[case::no_answer(
        |record: &mut Record| {
            let silent = Login::Unknown { reason: "the connection was closed".into() };
            record.snapshots[1].tried.insert(NEW_CREDENTIAL.into(), silent);
        },
        Unchecked
    )]
    #[case::never_altered(|record: &mut Record| record.snapshots[0].failures.clear(), Unchecked)]
    #[case::that_nobody_manages(|record: &mut Record| record.steps.clear(), NotApplicable)]
    fn a_role_that_was_altered(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = corrected();
        spoil(&mut record);
        assert_eq!(judge_live(&OWN_05, [record]), verdict);
    }
}
