//! MIG-01: the migration Job takes no Secret of its own release.
//!
//! A chart that makes the Secret which its migration reads owns a password of the database: it stands in the values, in
//! the release's history, and comes back with a rollback. The Secret belongs to whoever owns the role, and the Job only
//! refers to it. That holds for every Secret that the Job takes, for a password may be called anything there; only one
//! that is rendered empty, for somebody else to fill, may be any but that of the role. A toggle that would make the
//! Secret all the same is how it comes back.

use harness::check::Check;
use harness::expectation::empty;
use harness::feature::Feature;
use harness::finding::Locate as _;
use harness::graph::Workload;
use harness::helm::ValuePath;
use harness::manifests::Object;
use harness::rendered::{Change, Rendered, Rendering};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::{credentials_of, is_of_a_bundled_database, jobs, migrations, secret_references};
use crate::order::is_ordinary;

/// The migration Job takes no Secret of its own release.
pub const MIG_01: Requirement = Requirement {
    id: "MIG-01",
    title: "The migration Job takes no Secret that its own release makes",
    level: Level::Must,
    source: "S2: \"Deleted the inline secret template, removed the `createSecret` toggle\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Migrations],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "drop the Secret and its toggle from the chart, and name an existing Secret that an earlier release, a \
             companion or an operator provides",
    rendered: Some(rendered),
    live: None,
};

/// How a value ends that has a chart make a Secret.
const TOGGLES: &[&str] = &["createsecret", "createsecrets", "secret.create", "secrets.create"];

fn rendered(subject: &Rendered, check: &mut Check) {
    for job in migrations(subject.rendering(), check) {
        let own = own_secrets(subject, subject.rendering(), job);
        check.expect(job, "Secrets of its own release that it takes", &own[..], empty());
    }
    for toggle in toggles(subject) {
        let change = Change::set(&toggle, true);
        let Some(attempt) = subject.with(&change, check) else { continue };
        let Some(rendering) = attempt.rendering() else {
            check.undecided(&change, "what it makes", "Helm refuses it by itself");
            continue;
        };
        for job in jobs(rendering) {
            let own = own_secrets(subject, rendering, job);
            check.expect(
                &change,
                format!("Secrets of this release that {} takes then", job.reference()),
                &own[..],
                empty(),
            );
        }
    }
}

/// The values that would have the chart make a Secret, where they are off.
fn toggles(subject: &Rendered) -> Vec<ValuePath> {
    let leaves = subject.values().map(ValuePath::leaves).unwrap_or_default();
    let off = leaves.into_iter().filter(|(path, value)| {
        let plain = path.to_string().to_lowercase();
        **value == Value::Bool(false) && TOGGLES.iter().any(|end| plain.ends_with(end))
    });
    off.map(|(path, _)| path).collect()
}

/// The Secrets among the ordinary objects of its own release, or of a later one, that a Job takes.
fn own_secrets(subject: &Rendered, rendering: &Rendering, job: &Workload) -> Vec<String> {
    let taken = secret_references(job);
    let opened = credentials_of(rendering, job);
    let is_taken = |secret: &&Object| taken.iter().any(|reference| reference.name == secret.name());
    let is_own = |secret: &&Object| {
        is_ordinary(secret) && subject.release_of(secret) >= subject.release_of(job.object()) && {
            is_filled(secret) || opened.contains(secret.name())
        }
    };
    let own = rendering.manifests().of_kind("Secret").filter(is_taken).filter(is_own);
    let own = own.filter(|secret| !is_of_a_bundled_database(rendering, secret.name()));
    own.map(|secret| secret.place().to_string()).collect()
}

/// Whether the release itself says what a Secret holds.
fn is_filled(secret: &Object) -> bool {
    let held = ["data", "stringData"].into_iter().filter_map(|field| secret.get(field)?.as_object());
    held.into_iter().any(|held| !held.is_empty())
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotClaimed, Violated};
    use rstest::rstest;

    use super::MIG_01;
    use crate::testing::judge_manifests;

    const JOB: &str = "{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}, spec: {template: {spec: {containers: [{name: a, env: [{name: PGPASSWORD, valueFrom: {secretKeyRef: {name: owner, key: password}}}]}]}}}}\n---\n";
    const SERVER: &str = "\n---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {template: {spec: {containers: [{name: a, image: 'postgres:17', env: [{name: POSTGRES_PASSWORD, valueFrom: {secretKeyRef: {name: owner, key: password}}}]}]}}}}";

    #[rstest]
    #[case::from_elsewhere("{apiVersion: v1, kind: Secret, metadata: {name: other}}", Holds)]
    #[case::of_its_own("{apiVersion: v1, kind: Secret, metadata: {name: owner}}", Violated)]
    #[case::made_by_a_hook(
        "{apiVersion: v1, kind: Secret, metadata: {name: owner, annotations: {helm.sh/hook: pre-install}}}",
        Holds
    )]
    fn a_job_takes_a_secret(#[case] secret: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&MIG_01, &format!("{JOB}{secret}")), verdict);
    }

    #[rstest]
    #[case::of_its_own("app-secrets", "data: {DB_PASSWORD: eA==}", Violated)]
    #[case::from_elsewhere("other", "data: {DB_PASSWORD: eA==}", Holds)]
    #[case::made_by_a_hook_of_argo_cd(
        "app-secrets, annotations: {argocd.argoproj.io/hook: PreSync}",
        "data: {DB_PASSWORD: eA==}",
        Holds
    )]
    #[case::that_somebody_else_fills_too_late("app-secrets", "type: Opaque", Violated)]
    fn a_job_takes_a_secret_that_is_called_after_no_database(
        #[case] metadata: &str,
        #[case] content: &str,
        #[case] verdict: Verdict,
    ) {
        let job = "{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}, spec: {template: {spec: {containers: [{name: a, env: [{name: DB_CONNECTION, value: pgsql}, {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: app-secrets, key: DB_PASSWORD}}}]}]}}}}";
        let text = format!("{job}\n---\n{{apiVersion: v1, kind: Secret, metadata: {{name: {metadata}}}, {content}}}");
        assert_eq!(judge_manifests(&MIG_01, &text), verdict);
    }

    #[test]
    fn the_password_of_a_database_that_the_chart_brings_can_come_from_nowhere_else() {
        let text = format!("{JOB}{{apiVersion: v1, kind: Secret, metadata: {{name: owner}}}}{SERVER}");
        assert_eq!(judge_manifests(&MIG_01, &text), Holds);
    }

    #[test]
    fn without_a_migration_nothing_is_claimed() {
        assert_eq!(judge_manifests(&MIG_01, "{apiVersion: v1, kind: Namespace, metadata: {name: a}}"), NotClaimed);
    }
}
