//! SYNC-02: a new CA is copied by itself.
//!
//! A rotation of the CA changes nothing in Git, so a hook that copies when the release is applied does not run. The
//! clients go on with the old CA until somebody deploys something else. What copies has to look again by itself; how
//! soon a new CA arrives only a rotation tells.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::COPY_FOLLOWS;
use harness::feature::Feature;
use harness::record::{AFTER, BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::copiers;
use super::live::{copy, expect_copied};

/// A new CA is copied by itself.
pub const SYNC_02: Requirement = Requirement {
    id: "SYNC-02",
    title: "A new CA is copied without a change of the release",
    level: Level::Must,
    source: "S3: \"Runs on every ArgoCD sync\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::RotateCa],
    decisive: &[Lane::Live],
    remedy: "copy it on a schedule (CronJob) or with a controller that watches the source, beside or instead of the hook",
    rendered: Some(rendered),
    live: Some(live),
};

const BY_ITSELF: &str = "by itself";

fn rendered(subject: &Rendered, check: &mut Check) {
    let copiers = copiers(subject, check);
    // A hook that fills a new installation does no harm beside something that goes on looking.
    let lasting = copiers.iter().any(|copier| copier.workload.object().kind() != "Job");
    for copier in &copiers {
        let object = copier.workload.object();
        if object.kind() == "Job" && lasting {
            continue;
        }
        let suspended = object.get("spec.suspend").and_then(Value::as_bool) == Some(true);
        let when = match object.kind() {
            "Job" => "only when the release is applied",
            _ if suspended => "never: it is suspended",
            _ => BY_ITSELF,
        };
        check.expect(copier, "when it looks for a new CA", &when, equal_to(BY_ITSELF));
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateCa) else { return };
    let (Some(before), Some(after)) = (copy(rotation, BEFORE, check), copy(rotation, AFTER, check)) else { return };
    let changed = before.source.is_some() && before.source != after.source;
    check.control(after, "whether its source has another CA", &changed, equal_to(true));
    let Some(wait) = rotation.step(COPY_FOLLOWS) else {
        return check.undecided(after, "when it followed", "the experiment did not come so far");
    };
    let seconds = rotation.limit(COPY_FOLLOWS).unwrap_or_default();
    let late: Vec<&str> = wait.unmet.as_deref().into_iter().collect();
    check.expect(after, format!("what kept it from the new CA for {seconds:.0} s"), &late[..], empty());
    expect_copied(after, AFTER, check);
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::SYNC_02;
    use crate::testing::{copying, judge_manifests};

    const ON_A_SCHEDULE: &str = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: '*/5 * * * *', jobTemplate: {spec: {template: {spec: {containers: [{name: a, command: [sh, -c, 'kubectl get secret db-ca -o jsonpath={.data.ca} | kubectl apply -f - # ca.crt']}]}}}}}}\n---\n";

    #[rstest]
    #[case::a_hook("", Violated)]
    #[case::a_hook_and_a_schedule(ON_A_SCHEDULE, Holds)]
    fn a_ca_is_copied_by(#[case] other: &str, #[case] verdict: Verdict) {
        let text = format!("{other}{}", copying("argocd.argoproj.io/hook: Sync", ""));
        assert_eq!(judge_manifests(&SYNC_02, &text), verdict);
    }

    #[rstest]
    #[case::running("", Holds)]
    #[case::suspended("suspend: true, ", Violated)]
    fn a_schedule_is(#[case] spec: &str, #[case] verdict: Verdict) {
        let text = ON_A_SCHEDULE.replace("jobTemplate", &format!("{spec}jobTemplate"));
        assert_eq!(judge_manifests(&SYNC_02, text.trim_end_matches("\n---\n")), verdict);
    }
}
