//! MIG-04: missing prerequisites are named at once.
//!
//! A pod that refers to a Secret which is not there waits, and its event names the first one. Whoever adds it waits for
//! the second. So something has to look before the migration starts, with references that may be missing, at all of
//! them, and has to end within a minute. A volume cannot be looked at so: the pod does not start without it. A name counts
//! as said only where it is not a part of another one.

use harness::check::Check;
use harness::expectation::{empty, equal_to, that};
use harness::experiment::{BACK, MIGRATED, TAKEN, UNPROVIDED};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Container, Reference, Role, Use, Workload};
use harness::record::{BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::attempt::{control_migrates, is_named, made_since};
use super::{Maker, maker, migrations, secret_references};
use crate::order::{comes_before, is_before_its_release};

/// Missing prerequisites are named at once.
pub const MIG_04: Requirement = Requirement {
    id: "MIG-04",
    title: "Missing prerequisites of the migration are all named at once, before anything is migrated",
    level: Level::Must,
    source: "S2: \"fail fast when any of the required secrets is missing\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Migrations],
    experiments: &[Experiment::Migrate],
    decisive: &[Lane::Live],
    remedy: "let a hook of a lower weight look for every Secret and key with `optional: true`, name all that are \
             missing, and end (backoffLimit 0)",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for job in migrations(subject.rendering(), check) {
        let from_elsewhere = |one: &Reference| !matches!(maker(subject, job, &one.name), Maker::Own);
        let taken: Vec<Reference> = secret_references(job).into_iter().filter(from_elsewhere).collect();
        let own = first_checks(job);
        let required: Vec<&Reference> = taken.iter().filter(|one| !one.optional && !is_of(one, &own)).collect();
        if required.is_empty() {
            let hint = "its references may all be missing, so it has to look for them itself; what it says then only a \
                        cluster tells";
            if taken.is_empty() {
                check.not_applicable("the migration needs nothing that somebody else provides");
            } else {
                check.undecided(job, "what names the missing prerequisites", hint);
            }
            continue;
        }
        let before: Vec<&Workload> = subject.workloads().iter().filter(|other| looks_before(other, job)).collect();
        let is_looked_for = |reference: &Reference| {
            let within =
                reference.usage != Use::Volume && taken.iter().any(|one| is_of(one, &own) && covers(one, reference));
            within || before.iter().any(|other| secret_references(other).iter().any(|one| covers(one, reference)))
        };
        let mut open: Vec<String> =
            required.iter().filter(|one| !is_looked_for(one)).map(ToString::to_string).collect();
        open.dedup();
        let what = "prerequisites that nothing looks for before it starts";
        if own.is_empty() && before.is_empty() && !subject.subject().is_declared() {
            let hint = "nothing of the chart looks; whether something does that runs before it, a subject file tells";
            check.undecided(job, what, hint);
            continue;
        }
        check.expect(job, what, &open[..], empty());
        for checker in if own.is_empty() { before } else { vec![job] } {
            let at_once = that("within a minute", |ends: &str| ends == AT_ONCE);
            check.expect(checker, "when it ends if something is missing", ends(checker), at_once);
        }
    }
}

/// As long as it may take until people read what is missing, in seconds.
const SOON: f64 = 60.0;

fn live(records: &Records, check: &mut Check) {
    let Some(migrate) = records.of(Experiment::Migrate) else { return };
    let (before, unprovided) = (migrate.at(BEFORE), migrate.at(UNPROVIDED));
    let answer = |what: &str| unprovided.answers.get(what).map(String::as_str).unwrap_or_default();
    let migration = Place::object("the migration");
    check.control(&migration, BACK, &answer(BACK), equal_to(""));
    let Some(attempt) = &unprovided.attempt else {
        let hint = "nobody tried: it needs no two Secrets that nobody makes again at once, or what it needs never came";
        return check.undecided(&migration, "an attempt without two of its Secrets", hint);
    };
    control_migrates(before, migrate.at(MIGRATED), check);
    let ended = if attempt.succeeded { "succeeded" } else { "failed" };
    check.expect(&migration, "an attempt without two of its Secrets", &ended, equal_to("failed"));
    match attempt.seconds {
        Some(seconds) => {
            let soon = that("at most 60", |seconds: &f64| *seconds <= SOON);
            check.expect(&migration, "seconds until it had ended", &seconds, soon)
        }
        None => check.expect(&migration, "when it had ended", &"never", equal_to("within a minute")),
    };
    let taken: Vec<&str> = answer(TAKEN).split(", ").filter(|name| !name.is_empty()).collect();
    let unnamed: Vec<&str> = taken.iter().copied().filter(|name| !is_named(&attempt.said, name)).collect();
    let what = format!("missing Secrets, of {}, that neither Helm nor its pods named", taken.join(" and "));
    check.expect(&migration, what, &unnamed[..], empty());
    let made = made_since(&before.schemas, &unprovided.schemas);
    check.expect(&migration, "what it made in the databases all the same", &made[..], empty());
}

/// The init containers that start whatever is missing, and refer to Secrets all the same.
fn first_checks(job: &Workload) -> Vec<&str> {
    let before = job.containers().iter().take_while(|one| one.role() == Role::Init);
    let optional = |one: &&Container| {
        let own = secret_references(job);
        let mut own =
            own.iter().filter(|reference| reference.place.container.as_deref() == Some(one.name())).peekable();
        own.peek().is_some() && own.all(|reference| reference.optional)
    };
    before.filter(optional).map(Container::name).collect()
}

fn is_of(reference: &Reference, containers: &[&str]) -> bool {
    reference.place.container.as_deref().is_some_and(|name| containers.contains(&name))
}

/// Whether another hook, of Helm or of Argo CD, runs before the Job and starts whatever is missing.
fn looks_before(other: &Workload, job: &Workload) -> bool {
    let references = secret_references(other);
    other.runs_to_an_end()
        && is_before_its_release(other.object())
        && comes_before(other.object(), job.object())
        && !references.is_empty()
        && references.iter().all(|reference| reference.optional)
}

/// Whether a reference that may be missing looks for what another one insists on.
fn covers(one: &Reference, wanted: &Reference) -> bool {
    one.optional
        && one.usage != Use::Volume
        && (one.kind, &one.name) == (wanted.kind, &wanted.name)
        && (one.key.is_none() || wanted.key.is_none() || one.key == wanted.key)
}

const AT_ONCE: &str = "at once";

/// When a Job that fails has failed for good: its pods are tried again after 10, 20, 40 and more seconds.
fn ends(job: &Workload) -> &'static str {
    let number = |path: &str| job.object().get(path).and_then(Value::as_u64);
    let deadline = number("spec.activeDeadlineSeconds").is_some_and(|seconds| seconds <= 60);
    let rules = job.object().get("spec.podFailurePolicy.rules").and_then(Value::as_array);
    let fails = rules.into_iter().flatten().any(|rule| rule.get("action").and_then(Value::as_str) == Some("FailJob"));
    let tries = number("spec.backoffLimit").unwrap_or(6);
    if job.object().kind() == "Pod" || deadline || fails || tries <= 2 {
        AT_ONCE
    } else {
        "after it was tried again for minutes"
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::{BACK, TAKEN};
    use harness::record::Record;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::MIG_04;
    use crate::mig::attempt::testing::{DONE, WITHOUT, migrated, schema};
    use crate::testing::{judge_declared, judge_live, judge_manifests};

    fn key(name: &str, secret: &str, optional: bool) -> String {
        format!(
            "{{name: {name}, valueFrom: {{secretKeyRef: {{name: {secret}, key: password, optional: {optional}}}}}}}"
        )
    }

    fn job(name: &str, weight: i8, spec: &str, init: &str, env: &str) -> String {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, annotations: {{helm.sh/hook: pre-install, helm.sh/hook-weight: '{weight}'}}}}, spec: {{{spec} template: {{spec: {{initContainers: [{init}], containers: [{{name: main, env: [{env}]}}]}}}}}}}}\n---\n"
        )
    }

    fn migration(init: &str) -> String {
        let both = format!("{}, {}", key("PGPASSWORD", "owner", false), key("OTHER", "other", false));
        job("migrate", 5, "backoffLimit: 0,", init, &both)
    }

    fn looks_for(secrets: &[&str], optional: bool) -> String {
        let all = secrets.iter().enumerate().map(|(number, secret)| key(&format!("P{number}"), secret, optional));
        all.collect::<Vec<_>>().join(", ")
    }

    #[rstest]
    #[case::for_all("backoffLimit: 0,", &["owner", "other"], true, Holds)]
    #[case::for_the_first("backoffLimit: 0,", &["owner"], true, Violated)]
    #[case::and_waits_itself("backoffLimit: 0,", &["owner", "other"], false, Unchecked)]
    #[case::again_and_again("", &["owner", "other"], true, Violated)]
    fn a_hook_looks(#[case] spec: &str, #[case] secrets: &[&str], #[case] optional: bool, #[case] verdict: Verdict) {
        let text = format!("{}{}", job("look", 0, spec, "", &looks_for(secrets, optional)), migration(""));
        assert_eq!(judge_manifests(&MIG_04, &text), verdict);
    }

    #[rstest]
    #[case::in_an_earlier_wave("-1", Holds)]
    #[case::at_the_same_time("0", Unchecked)]
    fn a_hook_of_argo_cd_looks(#[case] wave: &str, #[case] verdict: Verdict) {
        let looks = job("look", 0, "backoffLimit: 0,", "", &looks_for(&["owner", "other"], true));
        let hook = "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave:";
        let of_helm = |weight: i8| format!("helm.sh/hook: pre-install, helm.sh/hook-weight: '{weight}'");
        let looks = looks.replace(&of_helm(0), &format!("{hook} '{wave}'"));
        let migrates = migration("").replace(&of_helm(5), &format!("{hook} '0'"));
        assert_eq!(judge_manifests(&MIG_04, &format!("{looks}{migrates}")), verdict);
    }

    #[test]
    fn an_init_container_looks_too() {
        let init = format!("{{name: look, env: [{}]}}", looks_for(&["owner", "other"], true));
        assert_eq!(judge_manifests(&MIG_04, &migration(&init)), Holds);
    }

    #[test]
    fn in_a_chart_nobody_looks_and_who_looks_before_it_a_subject_tells() {
        assert_eq!(judge_manifests(&MIG_04, &migration("")), Unchecked);
        assert_eq!(judge_declared(&MIG_04, &migration("")), Violated);
    }

    #[test]
    fn a_migration_that_starts_without_anything_has_to_look_itself() {
        let text = job("migrate", 5, "", "", &key("PGPASSWORD", "owner", true));
        assert_eq!(judge_manifests(&MIG_04, &text), Unchecked);
    }

    fn said_of_the_owner_alone(record: &mut Record) {
        let without = &mut record.snapshots[WITHOUT];
        without.answers.insert(TAKEN.into(), "graph-db, graph-db-owner".into());
        without.attempt.as_mut().unwrap().said =
            "job graph-db-prerequisites failed: BackoffLimitExceeded\nmissing is graph-db-owner".into();
    }

    #[rstest]
    #[case::named_at_once(|_record: &mut Record| {}, Holds)]
    #[case::the_first_alone(|record: &mut Record| record.snapshots[WITHOUT].attempt.as_mut().unwrap().said = "graph-db-owner".into(), Violated)]
    #[case::one_whose_name_begins_as_the_other_does(said_of_the_owner_alone, Violated)]
    #[case::after_minutes(|record: &mut Record| record.snapshots[WITHOUT].attempt.as_mut().unwrap().seconds = Some(75.0), Violated)]
    #[case::never(|record: &mut Record| record.snapshots[WITHOUT].attempt.as_mut().unwrap().seconds = None, Violated)]
    #[case::not_missed(|record: &mut Record| record.snapshots[WITHOUT].attempt.as_mut().unwrap().succeeded = true, Violated)]
    #[case::half_migrated(|record: &mut Record| record.snapshots[WITHOUT].schemas = vec![schema(&["1"])], Violated)]
    #[case::somebody_made_one_again(|record: &mut Record| drop(record.snapshots[WITHOUT].answers.insert(BACK.into(), "graph-db-owner".into())), Unchecked)]
    #[case::nothing_to_migrate(|record: &mut Record| record.snapshots[DONE].schemas = vec![schema(&[])], Unchecked)]
    fn without_two_of_its_secrets_a_migration_says_so(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = migrated();
        spoil(&mut record);
        assert_eq!(judge_live(&MIG_04, [record]), verdict);
    }
}
