//! CA: how the database's CA reaches its clients, and whether they make use of it.
//!
//! A CA file is wired through a value, a Secret, a volume, a mount, a variable and a driver; each of them can be right
//! while the next one ignores it. So the area asks for each link by itself, and for the effect of them all.

mod ca_01_all_clients_trust_the_same_ca;
mod ca_02_the_driver_reads_the_mounted_ca;
mod ca_03_an_unset_ca_leaves_nothing_behind;
mod ca_04_the_mounted_ca_refreshes_in_place;
mod ca_05_a_missing_ca_blocks_the_start;
mod ca_06_the_client_verifies_the_server;
mod ca_07_a_new_ca_reaches_all_clients;
mod ca_08_the_ca_secret_is_documented;
mod wiring;

pub use self::ca_01_all_clients_trust_the_same_ca::CA_01;
pub use self::ca_02_the_driver_reads_the_mounted_ca::CA_02;
pub use self::ca_03_an_unset_ca_leaves_nothing_behind::CA_03;
pub use self::ca_04_the_mounted_ca_refreshes_in_place::CA_04;
pub use self::ca_05_a_missing_ca_blocks_the_start::CA_05;
pub use self::ca_06_the_client_verifies_the_server::CA_06;
pub use self::ca_07_a_new_ca_reaches_all_clients::CA_07;
pub use self::ca_08_the_ca_secret_is_documented::CA_08;

use harness::check::Check;
use harness::expectation::equal_to;
use harness::finding::Place;
use harness::record::{AFTER, BEFORE, Record};

/// A rotation that kept the key changed no trust: whoever has the old file goes on verifying.
pub(crate) fn control_new_key(rotation: &Record, check: &mut Check) {
    let old = rotation.at(BEFORE).ca_keys();
    let new = rotation.at(AFTER).ca_keys();
    let state = match new.as_slice() {
        [] => "none published",
        keys if keys.iter().any(|key| old.contains(key)) => "the old one",
        _ => "a new one",
    };
    check.control(Place::object("the published CA"), "key of the CA after the rotation", &state, equal_to("a new one"));
}
