//! ROT-01: the Secret changes the role.
//!
//! Whoever rotates a password changes a Secret and nothing else. The database has to take it within seconds; where it
//! does not, the Secret is wrong from then on, and the first pod that starts finds that out.

use harness::check::Check;
use harness::expectation::{equal_to, within_seconds};
use harness::experiment::{ACCEPT, CHANGED, NEW_ACCEPTED, UNTAKEN};
use harness::feature::Feature;
use harness::record::Records;
use harness::requirement::{Lane, Level, Requirement};

use super::{ROTATIONS, control_rotated, in_rotation};

/// The Secret changes the role.
pub const ROT_01: Requirement = Requirement {
    id: "ROT-01",
    title: "The Secret changes the role",
    level: Level::Must,
    source: "S1: \"Rotation happens by changing the Secret\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::PasswordRotation],
    experiments: ROTATIONS,
    decisive: &[Lane::Live],
    remedy: "let CloudNativePG manage the role, by bootstrap or spec.managed.roles, from that Secret",
    rendered: None,
    live: Some(live),
};

/// Normally a second or two; what the operator's own tests allow.
const TAKEN: f64 = 30.0;

fn live(records: &Records, check: &mut Check) {
    for rotation in records.all_of(ROTATIONS) {
        control_rotated(rotation, check);
        let place = || in_rotation("the database", rotation);
        if let Some(alone) = rotation.step(UNTAKEN) {
            let what = "a login with the new password while the operator is away";
            let refused = if alone.unmet.is_none() { "refused" } else { "not refused" };
            check.control(place(), what, &refused, equal_to("refused"));
        }
        let Some(history) = &rotation.history else {
            check.undecided(place(), "when it took the password", "the writer left no history");
            continue;
        };
        let taken = history.mark(CHANGED).zip(history.mark(NEW_ACCEPTED));
        let taken = taken.map(|(changed, accepted)| accepted.duration_since(changed).as_secs_f64());
        let what = "the time from the change of the Secret to the first login with it";
        check.expect(place(), what, &taken, within_seconds(rotation.limit(ACCEPT).unwrap_or(TAKEN)));
    }
}
