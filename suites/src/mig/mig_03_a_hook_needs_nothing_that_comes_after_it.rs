//! MIG-03: a hook needs nothing that comes after it.
//!
//! Helm runs the Jobs of `pre-install` before it makes any ordinary object of the release, and Argo CD those of `PreSync`
//! and of the waves below zero. One that refers to such an object waits for what waits for it, on a fresh namespace and
//! nowhere else: an upgrade finds what the release before had made. So each object that such a Job names is looked for
//! among what comes later.

use harness::check::Check;
use harness::expectation::empty;
use harness::finding::Locate as _;
use harness::graph::{RefKind, Use, Workload};
use harness::manifests::Object;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::order::{is_before_its_release, is_there_for};

/// A hook needs nothing that comes after it.
pub const MIG_03: Requirement = Requirement {
    id: "MIG-03",
    title: "A hook Job needs no object of its release that comes after it",
    level: Level::Must,
    source: "S2: regression of the local db-migrations guard",
    since: "1.0",
    revision: 2,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "make what the Job needs a hook of a lower weight (of an earlier wave), or let somebody else provide it before \
             the release",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let is_job = |workload: &&Workload| matches!(workload.object().kind(), "Job" | "Pod");
    let hooks = subject.workloads().iter().filter(is_job).filter(|one| is_before_its_release(one.object()));
    let hooks: Vec<&Workload> = hooks.collect();
    for job in &hooks {
        let mut late: Vec<String> = Vec::new();
        for reference in job.references() {
            // Without a Secret for it, an image is pulled without credentials.
            if reference.optional || reference.usage == Use::ImagePull || is_a_store(reference.kind) {
                continue;
            }
            let same = |object: &&Object| object.kind() == reference.kind.kind() && object.name() == reference.name;
            let own = subject.manifests().objects().filter(same);
            let own: Vec<&Object> =
                own.filter(|one| subject.release_of(one) >= subject.release_of(job.object())).collect();
            if !own.is_empty() && !own.iter().any(|object| is_there_for(object, job.object())) {
                late.push(own[0].place().to_string());
            }
        }
        late.sort();
        late.dedup();
        check.expect(*job, "objects that it needs and that come after it", &late[..], empty());
    }
    if hooks.is_empty() {
        check.not_applicable("no Job runs before the ordinary objects of its release");
    }
}

fn is_a_store(kind: RefKind) -> bool {
    matches!(kind, RefKind::SecretStore | RefKind::ClusterSecretStore)
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use super::MIG_03;
    use crate::testing::judge_manifests;

    fn job(hook: &str) -> String {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: job, annotations: {{{hook}}}}}, spec: {{template: {{spec: {{serviceAccountName: account, containers: [{{name: a, envFrom: [{{configMapRef: {{name: settings}}}}]}}]}}}}}}}}\n---\n"
        )
    }

    fn object(kind: &str, name: &str, annotations: &str) -> String {
        format!("{{apiVersion: v1, kind: {kind}, metadata: {{name: {name}, annotations: {{{annotations}}}}}}}")
    }

    const PRE: &str = "helm.sh/hook: 'pre-install,pre-upgrade'";
    const PRE_SYNC: &str = "argocd.argoproj.io/hook: PreSync";

    #[rstest]
    #[case::from_elsewhere(PRE, &object("ConfigMap", "other", ""), Holds)]
    #[case::ordinary(PRE, &object("ConfigMap", "settings", ""), Violated)]
    #[case::an_ordinary_account(PRE, &object("ServiceAccount", "account", ""), Violated)]
    #[case::a_hook_before_it(PRE, &object("ConfigMap", "settings", "helm.sh/hook: pre-install, helm.sh/hook-weight: '-5'"), Holds)]
    #[case::a_hook_after_it(PRE, &object("ConfigMap", "settings", "helm.sh/hook: pre-install, helm.sh/hook-weight: '5'"), Violated)]
    #[case::a_hook_of_another_event(PRE, &object("ConfigMap", "settings", "helm.sh/hook: post-install"), Violated)]
    #[case::ordinary_to_argo_cd(PRE_SYNC, &object("ConfigMap", "settings", ""), Violated)]
    #[case::of_a_later_wave("argocd.argoproj.io/sync-wave: '-1'", &object("ServiceAccount", "account", ""), Violated)]
    #[case::of_the_same_phase(PRE_SYNC, &object("ConfigMap", "settings", PRE_SYNC), Holds)]
    #[case::of_the_same_wave("argocd.argoproj.io/sync-wave: '-1'", &object("ConfigMap", "settings", "argocd.argoproj.io/sync-wave: '-1'"), Holds)]
    #[case::needed_after_the_installation("helm.sh/hook: post-install", &object("ConfigMap", "settings", ""), NotApplicable)]
    fn a_hook_needs(#[case] hook: &str, #[case] other: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&MIG_03, &format!("{}{other}", job(hook))), verdict);
    }
}
