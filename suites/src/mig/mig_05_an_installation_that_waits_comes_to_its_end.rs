//! MIG-05: an installation that waits comes to its end.
//!
//! With `--wait` Helm runs the hooks of `post-install` only when everything is ready. Pods that wait for the migration,
//! and a migration that waits for the pods, wait until the time-out; with a rollback on failure nothing is left. Argo CD
//! always waits so, before the hooks of `PostSync`. The rendered lane sees who waits for a hook that comes after it;
//! whether pods get ready on an empty schema, and so the whole, only an installation proves.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::after_waiting;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Container, Role, Workload};
use harness::helm::HelmMajor;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::attempt::{control_migrates, expect_success};
use super::{migrations, said_by, waits};
use crate::order::is_after_its_release;

/// An installation that waits comes to its end.
pub const MIG_05: Requirement = Requirement {
    id: "MIG-05",
    title: "An installation that waits does not wait for its own migration",
    level: Level::Must,
    source: "S2: hook ordering",
    since: "1.0",
    revision: 2,
    features: &[Feature::Migrations],
    experiments: &[Experiment::InstallWaiting],
    decisive: &[Lane::Live],
    remedy: "run the migration as pre-install and pre-upgrade hook, or let nothing of the release wait for it",
    rendered: Some(rendered),
    live: Some(live),
};

const IN_TIME: &str = "before the workloads, or beside them";

fn rendered(subject: &Rendered, check: &mut Check) {
    for job in migrations(subject.rendering(), check) {
        if !is_after_its_release(job.object()) {
            check.expect(job, "when it runs in an installation", &IN_TIME, equal_to(IN_TIME));
            continue;
        }
        let long_lived = subject.workloads().iter().filter(|workload| !workload.runs_to_an_end());
        let waiting = long_lived.flat_map(|workload| {
            let containers = workload.containers().iter().filter(|one| one.role() == Role::Init && waits_for(one, job));
            containers.map(|container| format!("{} of {}", container.name(), workload.reference())).collect::<Vec<_>>()
        });
        let waiting: Vec<String> = waiting.collect();
        if check.expect(job, "containers that wait for it while it waits for them", &waiting[..], empty()) {
            let hint =
                "it runs when all pods are ready; whether they get ready on an empty schema only a cluster tells";
            check.undecided(job, "whether an installation that waits comes to its end", hint);
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(waiting) = records.of(Experiment::InstallWaiting) else { return };
    for helm in [HelmMajor::Four, HelmMajor::Three] {
        let place = Place::object(format!("an installation by {helm} that waits"));
        let after = waiting.at(&after_waiting(helm));
        if expect_success(after, &place, "how it ended", check) {
            control_migrates(waiting.preceding(&after_waiting(helm)), after, check);
        }
    }
}

/// Whether a container waits for a Job: it names it, or waits for migrations.
fn waits_for(container: &Container, job: &Workload) -> bool {
    let said = said_by(container);
    waits(container) && (said.contains(&job.object().name().to_lowercase()) || said.contains("migrat"))
}

#[cfg(test)]
mod tests {
    use harness::experiment::after_waiting;
    use harness::helm::HelmMajor;
    use harness::record::{BEFORE, Experiment, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::MIG_05;
    use crate::mig::attempt::testing::{DONE, EMPTY, migrated};
    use crate::testing::{judge_live, judge_manifests, record};

    const WAIT: &str = "{name: wait-for-migrations, image: 'groundnuty/k8s-wait-for:2', args: [job, migrate]}";
    const DATABASE: &str = "{name: wait-for-db, args: [pg_isready]}";

    #[rstest]
    #[case::before("pre-install,pre-upgrade", WAIT, Holds)]
    #[case::beside("", WAIT, Holds)]
    #[case::after_who_waits_for_it("post-install,pre-upgrade", WAIT, Violated)]
    #[case::after_who_waits_for_the_database("post-install", DATABASE, Unchecked)]
    #[case::after_who_waits_for_it_by_argo_cd("', argocd.argoproj.io/hook: 'PostSync", WAIT, Violated)]
    #[case::before_by_argo_cd("', argocd.argoproj.io/hook: 'PreSync", WAIT, Holds)]
    fn a_migration_runs(#[case] hook: &str, #[case] init: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: migrate, annotations: {{helm.sh/hook: '{hook}'}}}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db}}]}}]}}}}}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{template: {{spec: {{initContainers: [{init}], containers: [{{name: a}}]}}}}}}}}"
        );
        assert_eq!(judge_manifests(&MIG_05, &text), verdict);
    }

    #[rstest]
    #[case::by_both(&[true, true], Holds)]
    #[case::not_by_helm_3(&[true, false], Violated)]
    #[case::one_helm_alone(&[true], Unchecked)]
    fn an_installation_that_waits_ends(#[case] succeeded: &[bool], #[case] verdict: Verdict) {
        let done = migrated();
        let mut snapshots = Vec::new();
        for (helm, succeeded) in [HelmMajor::Four, HelmMajor::Three].into_iter().zip(succeeded) {
            let before = Snapshot { moment: BEFORE.into(), ..done.snapshots[EMPTY].clone() };
            let mut after = Snapshot { moment: after_waiting(helm), ..done.snapshots[DONE].clone() };
            after.attempt.as_mut().unwrap().succeeded = *succeeded;
            snapshots.extend([before, after]);
        }
        assert_eq!(judge_live(&MIG_05, [record(Experiment::InstallWaiting, snapshots)]), verdict);
    }
}
