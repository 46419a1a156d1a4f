//! SYNC-08: the copier can run again.
//!
//! The pod template of a Job cannot be changed, and two Jobs cannot have one name. A copier that stays behind under its
//! name keeps the next sync from running it, and one that can only create what is not there fails the second time. Each
//! run needs a name of its own or has to make room for the next, and has to write so that a second write changes nothing.
//! That goes for every copier, and not only for the one that the subject names.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::{COPIED_TWICE, RUN};
use harness::feature::Feature;
use harness::manifests::Object;
use harness::record::{BEFORE, COPIED_THROUGH, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::live::{copy, expect_unchanged};
use super::{Copier, copiers};

/// The copier can run again.
pub const SYNC_08: Requirement = Requirement {
    id: "SYNC-08",
    title: "What copies the CA runs again without a conflict, and twice at once without harm",
    level: Level::Must,
    source: "S3: \"Job deleted before next sync (BeforeHookCreation)\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::CopyAgain],
    decisive: &[Lane::Live],
    remedy: "use a CronJob, or a hook that is deleted before the next is created; write with `apply` or `patch`, not \
             with `create`",
    rendered: Some(rendered),
    live: Some(live),
};

const AGAIN: &str = "a next run";

fn rendered(subject: &Rendered, check: &mut Check) {
    for copier in copiers(subject, check) {
        let object = copier.workload.object();
        check.expect(&copier, "what its name leaves room for", &room(object), equal_to(AGAIN));
        let once: Vec<String> = created_once(&copier);
        check.expect(&copier, "writes that fail the second time", &once[..], empty());
    }
}

/// Whether another run can be made while one is still there.
fn room(object: &Object) -> &'static str {
    if object.kind() != "Job" || object.get("metadata.generateName").is_some() {
        return AGAIN;
    }
    let policies = |name: &str| object.annotation(name).map(str::to_lowercase);
    let (helm, argo) = (object.annotation("helm.sh/hook"), object.annotation("argocd.argoproj.io/hook"));
    let policy = match (helm, argo) {
        (None, None) => return "one run: it is no hook, and its name is taken",
        (_, Some(_)) => policies("argocd.argoproj.io/hook-delete-policy"),
        (Some(_), None) => policies("helm.sh/hook-delete-policy"),
    };
    // Both delete before the next creation where nothing is said.
    let deletes =
        policy.is_none_or(|policy| policy.contains("before-hook-creation") || policy.contains("beforehookcreation"));
    if deletes { AGAIN } else { "no run after one that failed: only one that succeeded is deleted" }
}

/// Secrets that are created, and neither printed for `apply` nor allowed to be there already.
fn created_once(copier: &Copier) -> Vec<String> {
    let makes = copier.calls.iter().filter(|call| call.verb == "create" && call.is_about_a_secret() && !call.is_dry());
    makes
        .map(|call| format!("create secret {}", call.name.as_deref().unwrap_or("of a name that is not told")))
        .collect()
}

fn live(records: &Records, check: &mut Check) {
    let Some(again) = records.of(Experiment::CopyAgain) else { return };
    let (Some(before), Some(twice)) = (copy(again, BEFORE, check), copy(again, COPIED_TWICE, check)) else { return };
    for run in [1, 2] {
        let ended = again.at(COPIED_TWICE).answers.get(&format!("{RUN} {run}")).map_or("not run", String::as_str);
        check.expect(twice, format!("how run {run} of two at once ended"), &ended, equal_to(COPIED_THROUGH));
    }
    expect_unchanged(before, twice, COPIED_TWICE, check);
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::SYNC_08;
    use crate::testing::{copying, judge_copier, judge_manifests, judge_script};

    #[rstest]
    #[case::a_hook("argocd.argoproj.io/hook: Sync", Holds)]
    #[case::a_hook_that_makes_room(
        "argocd.argoproj.io/hook: Sync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation",
        Holds
    )]
    #[case::a_hook_that_stays_when_it_failed(
        "argocd.argoproj.io/hook: Sync, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
        Violated
    )]
    #[case::a_hook_of_helm(
        "helm.sh/hook: pre-install, helm.sh/hook-delete-policy: 'before-hook-creation,hook-succeeded'",
        Holds
    )]
    #[case::an_ordinary_job("", Violated)]
    fn a_copier_is(#[case] annotations: &str, #[case] verdict: Verdict) {
        let script = "kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}' | kubectl apply -f -";
        assert_eq!(judge_manifests(&SYNC_08, &copying(annotations, script)), verdict);
    }

    #[rstest]
    #[case::a_hook("argocd.argoproj.io/hook: Sync", Holds)]
    #[case::an_ordinary_job("", Violated)]
    fn another_copier_beside_the_declared_one_is(#[case] annotations: &str, #[case] verdict: Verdict) {
        let declared = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: ca-sync}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, args: [copy-ca]}]}}}}}}";
        let script = "kubectl get secret platform-db-ca -o 'jsonpath={.data.ca\\.crt}' | kubectl apply -f -";
        let text = format!("{declared}\n---\n{}", copying(annotations, script));
        assert_eq!(judge_copier(&SYNC_08, &text), verdict);
    }

    #[rstest]
    #[case::applied(
        "kubectl create secret generic app-ca --from-literal=a=b --dry-run=client -o yaml | kubectl apply -f -",
        Holds
    )]
    #[case::created("kubectl create secret generic app-ca --from-literal=a=b", Violated)]
    fn a_secret_is(#[case] write: &str, #[case] verdict: Verdict) {
        let read = r"ca=$(kubectl get secret db-ca -o 'jsonpath={.data.ca\.crt}')";
        assert_eq!(judge_script(&SYNC_08, &format!("{read}\n{write}")), verdict);
    }
}
