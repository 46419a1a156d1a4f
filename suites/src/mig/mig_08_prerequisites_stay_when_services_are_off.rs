//! MIG-08: prerequisites stay when services are off.
//!
//! One Job migrates the databases of all services, so it needs the Secrets of all, also of those that are switched off
//! here. A Secret that stands under its service's toggle goes with it, and the migration of every other service waits
//! for it. So the subject is rendered with everything off that can be, and the Job has to find what it found before.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::{BEFORE, Experiment, OFF, Records};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Producer, Workload};
use harness::rendered::{Change, Rendered, Rendering};
use harness::requirement::{Lane, Level, Requirement};

use super::attempt::{SUCCEEDED, ended_provided};
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
    let ended = ended_provided(migrate, check);
    let what = format!("an attempt with {} values switched off", off.split(", ").count());
    check.expect(Place::object("the migration"), what, &ended, equal_to(SUCCEEDED));
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
