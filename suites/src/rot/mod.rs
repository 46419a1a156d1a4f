//! ROT: what becomes of everybody when a credential is rotated.
//!
//! A rotation has a moment in which Secret and database disagree, and sessions of before that hide it. So the live lane
//! has a writer at work from before the change until the last session of before has ended, and judges by its history:
//! what was acknowledged and lost, how long nothing was acknowledged, and what the old credential opens at the end.

mod rot_01_the_secret_changes_the_role;
mod rot_02_the_operator_sees_the_secret_change;
mod rot_03_all_consumers_follow;
mod rot_04_the_old_credential_is_refused;
mod rot_05_no_acknowledged_write_is_lost;
mod rot_06_no_pod_gets_into_trouble;
mod rot_07_readiness_tells_a_wrong_credential;
mod rot_08_every_key_holds_the_new_password;
mod rot_09_a_rollback_brings_nothing_back;
mod rot_10_no_application_is_superuser;
mod rot_11_a_deleted_secret_comes_back_whole;
mod rot_12_nobody_has_to_restart_anything;
#[cfg(test)]
mod tests;
mod way;

pub use self::rot_01_the_secret_changes_the_role::ROT_01;
pub use self::rot_02_the_operator_sees_the_secret_change::ROT_02;
pub use self::rot_03_all_consumers_follow::ROT_03;
pub use self::rot_04_the_old_credential_is_refused::ROT_04;
pub use self::rot_05_no_acknowledged_write_is_lost::ROT_05;
pub use self::rot_06_no_pod_gets_into_trouble::ROT_06;
pub use self::rot_07_readiness_tells_a_wrong_credential::ROT_07;
pub use self::rot_08_every_key_holds_the_new_password::ROT_08;
pub use self::rot_09_a_rollback_brings_nothing_back::ROT_09;
pub use self::rot_10_no_application_is_superuser::ROT_10;
pub use self::rot_11_a_deleted_secret_comes_back_whole::ROT_11;
pub use self::rot_12_nobody_has_to_restart_anything::ROT_12;

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::experiment::{CHANGED, FOLLOWED, NEW_CREDENTIAL, OLD_CREDENTIAL};
use harness::finding::Place;
use harness::history::{FRESH, History, STEADY};
use harness::record::{AFTER, BEFORE, Experiment, Record, Snapshot};

use crate::logins::expect_refused;

/// A rotation by a change of the Secret, alone and under every fault: the chart has to come through each of them.
const ROTATIONS: &[Experiment] = &[
    Experiment::RotatePassword,
    Experiment::RotateKillingClients,
    Experiment::RotateLosingPrimary,
    Experiment::RotateSwitchingOver,
    Experiment::RotateKillingPooler,
    Experiment::RotateWithoutKubelet,
    Experiment::RotateKillingApiServer,
    Experiment::RotateWithoutOperator,
];

/// Something within the account of one rotation.
fn in_rotation(object: &str, rotation: &Record) -> Place {
    Place::object(object).field(format!("experiment {}", rotation.experiment))
}

/// A rotation after which every credential has the digest of before changed nothing, and proves nothing.
fn control_rotated(rotation: &Record, check: &mut Check) {
    let (before, after) = (&rotation.at(BEFORE).credentials, &rotation.at(AFTER).credentials);
    let changed = before.iter().flat_map(|(secret, keys)| {
        let now = after.get(secret);
        let differs = move |(key, digest): &(&String, &String)| now.and_then(|keys| keys.get(*key)) != Some(*digest);
        keys.iter().filter(differs).map(move |(key, _)| format!("secret/{secret}, {key}"))
    });
    let changed: Vec<String> = changed.collect();
    check.control(Place::object("the Secrets"), "keys that the rotation changed", &changed[..], not_empty());
}

/// A writer that wrote nothing before or after the change proves nothing about what was between.
fn control_load(history: &History, check: &mut Check) {
    let (Some(changed), Some(followed)) = (history.mark(CHANGED), history.mark(FOLLOWED)) else {
        return check.undecided(Place::object("the writer"), "its marks", "not every consumer followed, see ROT-03");
    };
    for lane in [STEADY, FRESH] {
        let place = || Place::object("the writer").field(format!("lane {lane}"));
        let lane = history.lane(lane);
        let before = if lane.first.is_some_and(|first| first < changed) { "some" } else { "none" };
        let afterwards = if lane.last.is_some_and(|last| last > followed) { "some" } else { "none" };
        check.control(place(), "writes acknowledged before the change", &before, equal_to("some"));
        check.control(place(), "writes acknowledged afterwards", &afterwards, equal_to("some"));
    }
}

/// The old credential opens nothing, and the same way is open to the new one.
fn expect_old_refused(rotation: &Record, seen: &Snapshot, check: &mut Check) {
    let place = || Place::object("the database").field(format!("experiment {}, {}", rotation.experiment, seen.moment));
    let refused = expect_refused(check, place(), "a login with the credential of before", seen, OLD_CREDENTIAL);
    // What is accepted needs no control; a refusal means something only where the same way is open to somebody.
    if refused {
        let login = seen.tried.get(NEW_CREDENTIAL).map_or_else(|| "not tried".to_owned(), ToString::to_string);
        check.control(place(), "a login with the credential of the Secret", &login, equal_to("accepted"));
    }
}
