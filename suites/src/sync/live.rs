//! What the live checks of this area have in common: the copy of the CA, as it was seen at a moment.

use harness::check::Check;
use harness::expectation::{equal_to, that};
use harness::finding::Place;
use harness::record::{CopiedCa, Record};

/// The copy at a moment. Where none was seen, the check learns what would tell.
pub(super) fn copy<'a>(record: &'a Record, moment: &str, check: &mut Check) -> Option<&'a CopiedCa> {
    let copied = record.at(moment).copied.as_ref();
    if copied.is_none() {
        let hint = "name what copies it, and where to, under `database.caSync` in the subject file";
        check.undecided(moment_of(record, moment), "the copy of the CA", hint);
    }
    copied
}

/// There is a copy, and it is what its source is.
pub(super) fn expect_copied(copied: &CopiedCa, moment: &str, check: &mut Check) -> bool {
    let what = format!("the copy beside its source, {moment}");
    match copied.agrees() {
        Some(agrees) => {
            let state = match (&copied.sha256, agrees) {
                (None, _) => "there is none",
                (Some(_), false) => "another content",
                (Some(_), true) => SAME,
            };
            check.expect(copied, what, &state, equal_to(SAME))
        }
        None => {
            let hint = "the source cannot be seen; name it under `database.caSync.source` in the subject file";
            check.undecided(copied, what, hint);
            false
        }
    }
}

const SAME: &str = "the same content";

/// The copy is what it was at another moment; that it was there then is the control.
pub(super) fn expect_unchanged(before: &CopiedCa, now: &CopiedCa, moment: &str, check: &mut Check) {
    let there = that("one", |copy: &Option<String>| copy.is_some());
    check.control(before, "the copy before", &before.sha256, there);
    let state = if before.sha256 == now.sha256 { UNCHANGED } else { "another content" };
    check.expect(now, format!("the copy, {moment}"), &state, equal_to(UNCHANGED));
}

const UNCHANGED: &str = "what it was";

/// Where a moment of an experiment is told of.
pub(super) fn moment_of(record: &Record, moment: &str) -> Place {
    Place::object(format!("experiment {}", record.experiment)).field(moment)
}
