//! ROT-12: nobody has to restart anything.
//!
//! A rotation that needs a person is put off, and one that is forgotten shows at the next restart, at night. Where a
//! step is declared it is run and judged by ROT-03; here it is said that it would be better without.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::FOLLOW;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::Fact;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::control_rotated;
use super::way::{given_a_password, way_without_people};
use crate::clients::clients_of;

/// Nobody has to restart anything.
pub const ROT_12: Requirement = Requirement {
    id: "ROT-12",
    title: "Nobody has to restart anything",
    level: Level::Should,
    source: "S0, S1: goals of rotation",
    since: "1.0",
    revision: 1,
    features: &[Feature::PasswordRotation],
    experiments: &[Experiment::RotatePassword],
    decisive: &[Lane::Live],
    remedy: "read the credential from a mounted file for each connection, or let a controller restart on its change",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for (client, key) in given_a_password(subject) {
        match way_without_people(subject, client, key, check) {
            Fact::Known(way) => {
                let some = that("one without people", |way: &str| !way.starts_with("none"));
                check.expect(client, format!("the way of a new {key}"), way.as_str(), some);
            }
            Fact::Unknown(hint) => check.undecided(client, format!("the way of a new {key}"), hint),
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotatePassword) else { return };
    control_rotated(rotation, check);
    clients_of(rotation, check);
    let behind: Vec<&str> = rotation.step(FOLLOW).iter().filter_map(|step| step.unmet.as_deref()).collect();
    check.expect(Place::object("the consumers"), "what kept them from following by themselves", &behind[..], empty());
}
