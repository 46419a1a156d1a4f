//! MIG-02: every prerequisite is there before.
//!
//! On a fresh cluster a migration runs first, as a hook of Helm or in an early phase or wave of Argo CD. A Secret that
//! comes with the service's own chart, or that an operator makes from an object of the same release, is then not there
//! yet: the pod waits with `CreateContainerConfigError` until Helm gives up. So each Secret and key that the Job needs is
//! traced to somebody who was there before. One that is rendered without data may get any key, from whoever fills it.

use harness::check::Check;
use harness::expectation::that;
use harness::feature::Feature;
use harness::finding::Locate as _;
use harness::graph::{Producer, Reference, Workload};
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::attempt::expect_success_provided;
use super::{Maker, maker, migrations, secret_references};
use crate::order::comes_before;

/// Every prerequisite is there before.
pub const MIG_02: Requirement = Requirement {
    id: "MIG-02",
    title: "Every Secret and key that the migration needs is provided before its release",
    level: Level::Must,
    source: "S2: \"fails unless their database secrets exist before the charts install\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Migrations],
    experiments: &[Experiment::Migrate],
    decisive: &[Lane::Rendered],
    remedy: "let a companion or an earlier release provide the Secret with that key, and declare it in the subject file",
    rendered: Some(rendered),
    live: Some(live),
};

/// How the answer begins where somebody is there before.
const BEFORE: &str = "before it: ";

fn rendered(subject: &Rendered, check: &mut Check) {
    let mut needed = 0;
    for job in migrations(subject.rendering(), check) {
        for reference in secret_references(job).iter().filter(|reference| !reference.optional) {
            // What the release itself makes is the matter of MIG-01 and MIG-03.
            let maker = maker(subject, job, &reference.name);
            if matches!(maker, Maker::Own) {
                continue;
            }
            needed += 1;
            let what = format!("who provides {reference} for the migration");
            match provider(subject, job, reference, &maker) {
                Some(answer) => {
                    let before = that("somebody who is there before it", |text: &str| text.starts_with(BEFORE));
                    check.expect(reference, what, answer.as_str(), before);
                }
                None => {
                    let hint = format!(
                        "the chart does not make it; a subject file tells who does: `external: [{}]`",
                        reference.target()
                    );
                    check.undecided(reference, what, hint);
                }
            }
        }
    }
    if needed == 0 {
        check.not_applicable("the migration needs no Secret that its own release does not make");
    }
}

/// In a fresh namespace, with nothing but what comes before it.
fn live(records: &Records, check: &mut Check) {
    let Some(migrate) = records.of(Experiment::Migrate) else { return };
    expect_success_provided(migrate, "an attempt with nothing but what comes before it", check);
}

/// Who provides it. `None`: a bare chart cannot say.
fn provider(subject: &Rendered, job: &Workload, reference: &Reference, maker: &Maker<'_>) -> Option<String> {
    if let Maker::Later(object) = maker
        && comes_before(job.object(), object)
    {
        return Some(format!("after it: {}, an object of a release that comes with it", object.place()));
    }
    match subject.producer(reference) {
        Producer::Known(by) => Some(format!("{BEFORE}{by}")),
        Producer::WithoutKey { producer, keys } => {
            Some(format!("{producer}, without that key; it has {}", keys.join(", ")))
        }
        Producer::Nobody => subject.subject().is_declared().then(|| "nobody".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use harness::record::Record;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::MIG_02;
    use crate::mig::attempt::testing::{DONE, migrated};
    use crate::testing::{judge_live, judge_manifests};

    fn job(hook: &str, secret: &str, key: &str) -> String {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: migrate, annotations: {{{hook}}}}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGPASSWORD, valueFrom: {{secretKeyRef: {{name: {secret}, key: {key}}}}}}}]}}]}}}}}}}}\n---\n"
        )
    }

    const PRE: &str = "helm.sh/hook: pre-install";
    const PRE_SYNC: &str = "argocd.argoproj.io/hook: PreSync";
    const EARLIER: &str = "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: owner, annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: '-1'}}, spec: {data: [{secretKey: password}]}}";
    const EXTERNAL: &str = "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: owner}, spec: {data: [{secretKey: password}]}}";
    const CLUSTER: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}}";

    const OWN: &str = "{apiVersion: v1, kind: Secret, metadata: {name: own}, stringData: {password: x}}";

    #[rstest]
    #[case::from_a_store_after_the_hook(PRE, "owner", "password", EXTERNAL, Violated)]
    #[case::from_a_store_after_the_phase(PRE_SYNC, "owner", "password", EXTERNAL, Violated)]
    #[case::from_a_store_after_the_wave("argocd.argoproj.io/sync-wave: '-1'", "owner", "password", EXTERNAL, Violated)]
    #[case::from_a_store_of_an_earlier_wave(PRE_SYNC, "owner", "password", EARLIER, Holds)]
    #[case::from_a_store_beside_the_job("", "owner", "password", EXTERNAL, Holds)]
    #[case::from_a_cluster_of_the_same_release(PRE, "db-app", "password", CLUSTER, Violated)]
    #[case::from_its_own_release(PRE, "own", "password", OWN, NotApplicable)]
    #[case::without_the_key("", "owner", "passwd", EXTERNAL, Violated)]
    #[case::from_nobody_that_is_known(PRE, "other", "password", EXTERNAL, Unchecked)]
    fn a_prerequisite_comes(
        #[case] hook: &str,
        #[case] secret: &str,
        #[case] key: &str,
        #[case] other: &str,
        #[case] verdict: Verdict,
    ) {
        assert_eq!(judge_manifests(&MIG_02, &format!("{}{other}", job(hook, secret, key))), verdict);
    }

    #[rstest]
    #[case::with_what_comes_before_it(|_record: &mut Record| {}, Holds)]
    #[case::not_with_that_alone(|record: &mut Record| record.snapshots[DONE].attempt.as_mut().unwrap().succeeded = false, Violated)]
    #[case::never_tried(|record: &mut Record| record.snapshots.truncate(DONE), Unchecked)]
    fn in_a_fresh_namespace_it_ends(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = migrated();
        spoil(&mut record);
        assert_eq!(judge_live(&MIG_02, [record]), verdict);
    }
}
