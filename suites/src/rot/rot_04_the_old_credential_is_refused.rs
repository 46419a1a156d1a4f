//! ROT-04: the old credential is refused.
//!
//! A rotation is for the case that the old password is known to somebody. It must open nothing: at once, after the
//! primary was started anew (a process that remembers another Secret puts its password back), and after a rollback.

use harness::check::Check;
use harness::expectation::within_seconds;
use harness::experiment::{CHANGED, OLD_REFUSED, REFUSE};
use harness::feature::Feature;
use harness::record::{BEFORE, Records};
use harness::requirement::{Lane, Level, Requirement};

use super::{ROTATIONS, control_rotated, expect_old_refused, in_rotation};

/// The old credential is refused.
pub const ROT_04: Requirement = Requirement {
    id: "ROT-04",
    title: "The old credential is refused",
    level: Level::Must,
    source: "S1: \"revoke any old/stale credentials\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::PasswordRotation],
    experiments: ROTATIONS,
    decisive: &[Lane::Live],
    remedy: "let one engine alone own the role, from one Secret, and let no second role open the same database",
    rendered: None,
    live: Some(live),
};

/// The same bound as for the new one: it is the same statement.
const REFUSED: f64 = 30.0;

fn live(records: &Records, check: &mut Check) {
    for rotation in records.all_of(ROTATIONS) {
        control_rotated(rotation, check);
        if let Some(history) = &rotation.history {
            let taken = history.mark(CHANGED).zip(history.mark(OLD_REFUSED));
            let taken = taken.map(|(changed, refused)| refused.duration_since(changed).as_secs_f64());
            let what = "the time from the change of the Secret to the first refusal of the old password";
            let limit = rotation.limit(REFUSE).unwrap_or(REFUSED);
            check.expect(in_rotation("the database", rotation), what, &taken, within_seconds(limit));
        }
        for seen in rotation.snapshots.iter().filter(|seen| seen.moment != BEFORE) {
            expect_old_refused(rotation, seen, check);
        }
    }
}
