//! OWN-01: every credential has one writer.
//!
//! Two who write the same Secret take turns: an ExternalSecret puts the store's password over the operator's, the
//! operator does not look at what it once made, and the application learns of it at its next connection. So everybody
//! who makes a Secret with a credential is counted, over all releases and companions.

use harness::check::Check;
use harness::expectation::that;
use harness::experiment::SETTLED;
use harness::finding::Place;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::roles::credential_secrets;

/// Every credential has one writer.
pub const OWN_01: Requirement = Requirement {
    id: "OWN-01",
    title: "Every Secret with a credential has exactly one writer",
    level: Level::Must,
    source: "S1: \"CloudNativePG is the single source of truth for Postgres roles and passwords\"",
    since: "1.0",
    revision: 3,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered],
    remedy: "let one of them make the Secret, and drop the other or give its target another name",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let secrets = credential_secrets(subject);
    for secret in &secrets {
        let place = Place::object(format!("secret/{secret}"));
        let what = "those who write it";
        let writers = subject.graph().writers(secret);
        if writers.is_empty() {
            let hint = "the chart does not make it; a subject file tells who does, in its field `external`";
            check.undecided(place, what, hint);
            continue;
        }
        // The engine renders into a namespace of the subject's name; a Secret of another one is another Secret.
        let own = |namespace: &Option<String>| namespace.as_deref().is_none_or(|name| name == subject.subject().name());
        let here: Vec<&str> = writers.iter().filter(|one| own(&one.namespace)).map(|one| one.by.as_str()).collect();
        let one = that("at most one", |writers: &[&str]| writers.len() <= 1);
        check.expect(place, what, &here[..], one);
    }
    if secrets.is_empty() {
        check.not_applicable("no Secret with a credential of the database is declared or used");
    }
}

/// Whoever declares to be the writer is not asked: the API server keeps account of who wrote what. A companion counts as
/// one, though it is Holdfast that applies it.
fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    let credentials = installed.at(SETTLED).authority.iter().filter(|credential| credential.exists);
    let mut examined = false;
    for credential in credentials {
        let one = that("one", |writers: &[String]| writers.len() == 1);
        check.expect(credential, "those who wrote what it holds", &credential.writers[..], one);
        examined = true;
    }
    if !examined {
        check.not_applicable("no Secret with a credential is declared that stands in the namespace of the subject");
    }
}

#[cfg(test)]
mod tests {
    use harness::record::CredentialState;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::{Experiment, OWN_01, SETTLED};
    use crate::testing::{judge_live, judge_manifests, moment, record};

    const CLIENT: &str = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, env: [{name: PGPASSWORD, valueFrom: {secretKeyRef: {name: shop-auth, key: password}}}]}]}}";
    const SECRET: &str =
        "\n---\n{apiVersion: v1, kind: Secret, metadata: {name: shop-auth}, stringData: {password: x}}";
    const EXTERNAL: &str = "\n---\n{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {target: {name: shop-auth}}}";
    const ELSEWHERE: &str =
        "\n---\n{apiVersion: v1, kind: Secret, metadata: {name: shop-auth, namespace: other}, stringData: {}}";

    #[rstest]
    #[case::the_chart(&[CLIENT, SECRET], Holds)]
    #[case::a_store(&[CLIENT, EXTERNAL], Holds)]
    #[case::both(&[CLIENT, SECRET, EXTERNAL], Violated)]
    #[case::another_namespace(&[CLIENT, SECRET, ELSEWHERE], Holds)]
    #[case::nobody_that_is_known(&[CLIENT], Unchecked)]
    #[case::not_needed(&["{apiVersion: v1, kind: Namespace, metadata: {name: a}}"], NotApplicable)]
    fn a_credential_that_is_written_by(#[case] manifests: &[&str], #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&OWN_01, &manifests.concat()), verdict);
    }

    #[test]
    fn what_the_operator_makes_nobody_else_writes() {
        let cluster = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}}";
        assert_eq!(judge_manifests(&OWN_01, cluster), Holds);
        let external = EXTERNAL.replace("shop-auth", "db-app");
        assert_eq!(judge_manifests(&OWN_01, &format!("{cluster}{external}")), Violated);
    }

    #[rstest]
    #[case::the_operator(&["manager"], Holds)]
    #[case::a_companion(&["a companion"], Holds)]
    #[case::two_of_them(&["manager", "external-secrets"], Violated)]
    #[case::a_companion_and_a_store(&["external-secrets", "a companion"], Violated)]
    #[case::nobody(&[], Violated)]
    fn a_secret_that_was_written_by(#[case] writers: &[&str], #[case] verdict: Verdict) {
        let writers = writers.iter().map(|writer| (*writer).to_owned()).collect();
        let mut seen = moment(SETTLED, 0, []);
        seen.authority = vec![CredentialState { exists: true, writers, ..CredentialState::default() }];
        assert_eq!(judge_live(&OWN_01, [record(Experiment::Install, [seen])]), verdict);
    }
}
