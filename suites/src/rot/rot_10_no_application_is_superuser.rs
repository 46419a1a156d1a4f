//! ROT-10: no application is superuser.
//!
//! The superuser's Secret is for people and for emergencies. An application that reads it can do everything to every
//! database of the cluster, and its rotation is everybody's outage.

use harness::check::Check;
use harness::expectation::{empty, not_empty};
use harness::experiment::{DURING, Experiment, Records};
use harness::feature::Feature;
use harness::finding::Place;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

/// No application is superuser.
pub const ROT_10: Requirement = Requirement {
    id: "ROT-10",
    title: "No application is superuser",
    level: Level::Must,
    source: "S1: \"never for app connection strings\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::RotatePassword],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "give the application a role and a Secret of its own",
    rendered: Some(rendered),
    live: Some(live),
};

const SUPERUSER: &str = "postgres";

fn rendered(subject: &Rendered, check: &mut Check) {
    for client in subject.database_clients() {
        let keys = client.credentials().iter().filter(|key| key.name.ends_with("-superuser"));
        let keys: Vec<String> = keys.map(ToString::to_string).collect();
        check.expect(client, "credentials of the superuser", &keys[..], empty());
        let named = client.container().variable("PGUSER").and_then(|variable| variable.value.known());
        let named: Vec<&str> = named.into_iter().filter(|name| *name == SUPERUSER).collect();
        check.expect(client, "the superuser as its role", &named[..], empty());
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotatePassword) else { return };
    let seen = rotation.at(DURING);
    for pod in &seen.pods {
        let logins = seen.logins_of(pod);
        let as_superuser = logins.iter().filter(|login| login.role == SUPERUSER);
        let as_superuser: Vec<String> = as_superuser.map(ToString::to_string).collect();
        check.expect(pod, "its logins as superuser", &as_superuser[..], empty());
    }
    let all: Vec<String> = seen.logins.iter().map(ToString::to_string).collect();
    check.control(Place::object("the database"), "logins that its log tells of", &all[..], not_empty());
}
