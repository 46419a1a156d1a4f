//! MIG-08: prerequisites stay when services are off.
//!
//! One Job migrates the databases of all services, so it needs the Secrets of all, also of those that are switched off
//! here. A Secret that stands under its service's toggle goes with it, and the migration of every other service waits
//! for it. So the subject is rendered with everything off that can be, and the Job has to find what it found before.

use harness::check::Check;
use harness::expectation::empty;
use harness::experiment::OFF;
use harness::feature::Feature;
use harness::graph::{Producer, Workload};
use harness::record::{BEFORE, Experiment, Records};
use harness::rendered::{Change, Rendered, Rendering};
use harness::requirement::{Lane, Level, Requirement};

use super::attempt::expect_success_provided;
use super::{jobs, migrations, secret_references};

/// Prerequisites stay when services are off.
pub const MIG_08: Requirement = Requirement {
    id: "MIG-08",
    title: "What the migration needs of a service is provided while the service is switched off",
    level: Level::Must,
    source: "S2: \"pre-provision these database secrets even when the service Helm releases are disabled\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Migrations],
    experiments: &[Experiment::Migrate],
    decisive: &[Lane::Rendered],
    remedy: "take the Secrets that the migration needs out from under the toggles of their services",
    rendered: Some(rendered),
    live: Some(live),
};

fn live(records: &Records, check: &mut Check) {
    let Some(migrate) = records.of(Experiment::Migrate) else { return };
    let off = migrate.at(BEFORE).answers.get(OFF).map(String::as_str).unwrap_or_default();
    if off.is_empty() {
        return check.not_applicable("nothing can be switched off without the migration");
    }
    let what = format!("an attempt with {} values switched off", off.split(", ").count());
    expect_success_provided(migrate, &what, check);
}

fn rendered(subject: &Rendered, check: &mut Check) {
    let before = migrations(subject.rendering(), check);
    let toggles = subject.subject().toggles();
    if toggles.is_empty() {
        return check.not_applicable("the subject declares nothing that can be switched off (toggles)");
    }
    let off = toggles.iter().fold(Change::none(), |change, toggle| change.and_set(toggle.as_str(), false));
    let Some(attempt) = subject.with(&off, check) else { return };
    let Some(rendering) = attempt.rendering() else {
        return check.undecided(&off, "what is rendered with every service off", "Helm refuses it");
    };
    let after = jobs(rendering);
    for job in before {
        let Some(same) = after.iter().find(|other| other.reference() == job.reference()) else { continue };
        let gone: Vec<String> =
            open(rendering, same).into_iter().filter(|one| !open(subject.rendering(), job).contains(one)).collect();
        check.expect(job, "what it needs and nobody provides with every service off", &gone[..], empty());
    }
    if after.is_empty() {
        check.not_applicable("with every service off there is no migration either");
    }
}

/// What a Job insists on and nobody provides.
fn open(rendering: &Rendering, job: &Workload) -> Vec<String> {
    let insisted = secret_references(job).into_iter().filter(|reference| !reference.optional);
    let provided = |producer: &Producer| matches!(producer, Producer::Known(_));
    let mut found: Vec<String> = insisted
        .filter(|reference| !provided(&rendering.producer(reference)))
        .map(|reference| reference.to_string())
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use harness::experiment::{OFF, PROVIDED};
    use harness::record::{Record, Step};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use super::MIG_08;
    use crate::mig::attempt::testing::{DONE, EMPTY, migrated};
    use crate::testing::{judge_live, step};

    fn without_a_secret(record: &mut Record) {
        record.steps.push(Step { unmet: Some("there is no Secret graph-db-owner".into()), ..step(PROVIDED, 60) });
        record.snapshots.truncate(EMPTY + 1);
    }

    #[rstest]
    #[case::all_the_same(|_record: &mut Record| {}, Holds)]
    #[case::not_without_the_services(|record: &mut Record| record.snapshots[DONE].attempt.as_mut().unwrap().succeeded = false, Violated)]
    #[case::a_secret_went_with_its_service(without_a_secret, Violated)]
    #[case::nothing_is_off(|record: &mut Record| drop(record.snapshots[EMPTY].answers.insert(OFF.into(), String::new())), NotApplicable)]
    fn with_services_switched_off_it_ends(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = migrated();
        spoil(&mut record);
        assert_eq!(judge_live(&MIG_08, [record]), verdict);
    }
}
