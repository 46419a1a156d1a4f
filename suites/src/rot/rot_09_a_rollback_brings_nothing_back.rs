//! ROT-09: a rollback brings nothing back.
//!
//! Helm keeps each revision of a release, Secrets included. A password that stands in the release comes back with the
//! next rollback, whatever happened to it since, and so does its old value in the database.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::feature::Feature;
use harness::graph::DatabaseClient;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::{control_rotated, expect_old_refused};

/// A rollback brings nothing back.
pub const ROT_09: Requirement = Requirement {
    id: "ROT-09",
    title: "A rollback brings nothing back",
    level: Level::Must,
    source: "S1: \"CNPG is the single source of truth for roles and passwords\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PasswordRotation],
    experiments: &[Experiment::RotatePassword],
    decisive: &[Lane::Live],
    remedy: "keep passwords out of the release: let the operator, or a Job that makes what is absent, make the Secret",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let keys = subject.database_clients().iter().flat_map(DatabaseClient::passwords);
    let mut names: Vec<&str> = keys.map(|key| key.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let object = subject.manifests().find("Secret", name);
        // A hook is no part of the release that a rollback restores.
        let held = object.is_some_and(|secret| secret.hooks().is_empty());
        let place =
            object.map_or_else(|| harness::finding::Place::object(format!("secret/{name}")), |one| one.at("data"));
        let state = if held { "part of the release" } else { "not part of the release" };
        check.expect(place, "the credential", &state, equal_to("not part of the release"));
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotatePassword) else { return };
    control_rotated(rotation, check);
    expect_old_refused(rotation, rotation.at(AFTER), check);
}
