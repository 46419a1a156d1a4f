//! ROT-05: no acknowledged write is lost.
//!
//! A dashboard shows that the application came back; it does not show what it had promised meanwhile. A writer appends
//! rows with ids of its own from before the change until everybody has followed, once through a pool and once with a
//! session for each row. What the database acknowledged has to be there at the end, what failed for certain must not
//! be, and the time without an acknowledgement is bounded: in the pool by nothing that a rotation does, with new
//! sessions by the time that the kubelet takes to refresh the file. A fault adds the time that it lasts.

use harness::check::Check;
use harness::expectation::{empty, equal_to, one_of, within_seconds};
use harness::experiment::{FRESH_GAP, STEADY_GAP};
use harness::feature::Feature;
use harness::graph::{DatabaseClient, Workload};
use harness::history::{FRESH, STEADY};
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::{control_load, control_rotated, in_rotation};
use crate::pods::is_dialled;

/// No acknowledged write is lost.
pub const ROT_05: Requirement = Requirement {
    id: "ROT-05",
    title: "No acknowledged write is lost",
    level: Level::Must,
    source: "S1: \"Confirm new connections succeed\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::PasswordRotation],
    experiments: &[
        Experiment::RotatePassword,
        Experiment::RotateAgain,
        Experiment::RecreateCredential,
        Experiment::RotateKillingClients,
        Experiment::RotateLosingPrimary,
        Experiment::RotateSwitchingOver,
        Experiment::RotateKillingPooler,
        Experiment::RotateWithoutKubelet,
        Experiment::RotateKillingApiServer,
        Experiment::RotateWithoutOperator,
    ],
    decisive: &[Lane::Live],
    remedy: "acknowledge after COMMIT, roll without unavailability (maxUnavailable 0), and read the credential anew for each connection",
    rendered: Some(rendered),
    live: Some(live),
};

/// What takes every pod away before there is another one is an outage at each restart, for whoever dials it.
///
/// A worker that no Service leads to has acknowledged nothing to anybody while it is away.
fn rendered(subject: &Rendered, check: &mut Check) {
    let clients = subject.database_clients().iter().map(DatabaseClient::workload);
    let serves =
        |workload: &&Workload| workload.object().kind() == "Deployment" && is_dialled(subject.rendering(), workload);
    let mut seen: Vec<String> = Vec::new();
    for workload in clients.filter(serves) {
        if seen.contains(&workload.reference()) {
            continue;
        }
        seen.push(workload.reference());
        let strategy = workload.object().get("spec.strategy.type").and_then(|value| value.as_str());
        let at = workload.object().at("spec.strategy.type");
        check.expect(at, "how its pods are replaced", &strategy.unwrap_or("RollingUpdate"), equal_to("RollingUpdate"));
        let unavailable = workload.object().get("spec.strategy.rollingUpdate.maxUnavailable");
        // The default, 25 %, is rounded down: with fewer than four pods it is none.
        let unavailable = match unavailable {
            Some(value) if value.as_str() == Some("0%") || value.as_u64() == Some(0) => "none",
            None if workload.replicas() < 4 => "none",
            Some(_) if workload.replicas() > 1 => "some of several",
            None => "some of several",
            Some(_) => "the only one",
        };
        let at = workload.object().at("spec.strategy.rollingUpdate.maxUnavailable");
        check.expect(at, "pods that may be missing meanwhile", &unavailable, one_of(&["none", "some of several"]));
    }
    if seen.is_empty() {
        check.not_applicable("no Deployment that a Service leads to is a client of the database");
    }
}

fn live(records: &Records, check: &mut Check) {
    for rotation in records.all_of(ROT_05.experiments) {
        control_rotated(rotation, check);
        let place = || in_rotation("the writer", rotation);
        let Some(history) = &rotation.history else {
            check.undecided(place(), "its history", "the writer left none");
            continue;
        };
        control_load(history, check);
        check.expect(place(), "acknowledged writes that are lost", &history.lost[..], empty());
        check.expect(place(), "failed writes that are there all the same", &history.risen[..], empty());
        for (lane, limit) in [(STEADY, STEADY_GAP), (FRESH, FRESH_GAP)] {
            let gap = history.lane(lane).longest_gap.map(|gap| gap.seconds);
            check.expect(place(), limit, &gap, within_seconds(rotation.limit(limit).unwrap_or_default()));
        }
    }
}
