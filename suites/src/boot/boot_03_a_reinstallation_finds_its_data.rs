//! BOOT-03: a reinstallation finds its data.
//!
//! Helm leaves the volumes of a StatefulSet when it uninstalls, and an installation with the same name takes them up. A
//! chart that makes a password of its own makes another one then, which nobody on that volume knows.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::{NEW_CREDENTIAL, REINSTALLED, WITH_ANOTHER_PASSWORD};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{RefKind, Reference, VolumeSource, Workload};
use harness::record::{BEFORE, Experiment, Records};
use harness::rendered::{Attempt, Change, Rendered};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::live::{self, EXPLAINED, control_rows, expect_outcome};
use super::{plan, server};
use crate::logins::expect_accepted;

/// A reinstallation finds its data.
pub const BOOT_03: Requirement = Requirement {
    id: "BOOT-03",
    title: "A reinstallation finds its data",
    level: Level::Must,
    source: "S4: \"you'll hit the trap on the reinstall\", \"reinstalling with the same release name preserves the database\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[Experiment::Reinstall],
    decisive: &[Lane::Live],
    remedy: "keep the data in a claim that outlives the release, and insist on a password instead of generating one",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let Some(server) = server(subject, plan, check) else { return };
    check.expect(server, "the data after an uninstallation", &fate_of_data(server, subject), equal_to(STAYS));
    let Some(path) = &plan.password_value else {
        let hint = "which value it is nobody says; write `database.bundled.passwordValue` in the subject file";
        return check.undecided(Place::object("the password"), "an installation without one", hint);
    };
    let without = Change::remove(path.as_str());
    // Stating a value once more changes nothing but the question, so Helm is asked twice.
    let again = without.clone().and_set(path.as_str(), "");
    let both = subject.many(vec![without.clone(), again], check);
    let texts: Vec<Vec<&Value>> = both
        .iter()
        .filter_map(|(_, attempt)| attempt.rendering())
        .map(|rendering| rendering.manifests().of_kind("Secret").map(harness::manifests::Object::value).collect())
        .collect();
    match texts.as_slice() {
        [] if both.iter().any(|(_, attempt)| matches!(attempt, Attempt::Refused(_))) => {
            check.expect(&without, "an installation without a password", &"refused", equal_to("refused"));
        }
        [one, other] => {
            let differing = one.iter().zip(other).filter(|(one, other)| one != other);
            let differing: Vec<&str> = differing.filter_map(|(one, _)| one["metadata"]["name"].as_str()).collect();
            check.expect(&without, "Secrets that are others at each installation", &differing[..], empty());
        }
        _ => check.undecided(&without, "an installation without a password", "it renders once and is refused once"),
    }
}

const STAYS: &str = "stay in their claim";

fn fate_of_data(server: &Workload, subject: &Rendered) -> &'static str {
    let object = server.object();
    let policy = object.get("spec.persistentVolumeClaimRetentionPolicy.whenDeleted").and_then(Value::as_str);
    let templates = object.get("spec.volumeClaimTemplates").and_then(Value::as_array);
    if templates.is_some_and(|templates| !templates.is_empty()) {
        // Kubernetes keeps them where nothing is said.
        return if policy == Some("Delete") { "are deleted with the StatefulSet" } else { STAYS };
    }
    let is_claim = |reference: &Reference| reference.kind == RefKind::Claim;
    let Some(claim) = server.references().into_iter().find(is_claim) else {
        let memory = server.volumes().iter().flat_map(|volume| &volume.sources);
        let any = memory.into_iter().any(|source| matches!(source, VolumeSource::Keys { .. }));
        return if any { "are nowhere but in the pod" } else { "are in no volume" };
    };
    match subject.manifests().find("PersistentVolumeClaim", &claim.name) {
        Some(own) if own.annotation("helm.sh/resource-policy") != Some("keep") => "are deleted with the release",
        _ => STAYS,
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(reinstall) = records.of(Experiment::Reinstall) else { return };
    let before = reinstall.at(BEFORE);
    control_rows(before, check);
    for moment in [REINSTALLED, WITH_ANOTHER_PASSWORD] {
        for stored in &before.stored {
            let now = reinstall.at(moment).stored_of(&stored.release).and_then(|now| now.rows);
            check.expect(stored, format!("rows on its volume, {moment}"), &now, equal_to(stored.rows));
        }
    }
    let database = Place::object("the database");
    expect_accepted(check, database, "a login with the same password", reinstall.at(REINSTALLED), NEW_CREDENTIAL);
    let what = "an installation with another password over the data";
    let allowed = [live::REFUSED, live::APPLIED, EXPLAINED];
    expect_outcome(reinstall, WITH_ANOTHER_PASSWORD, what, &allowed, check);
}
