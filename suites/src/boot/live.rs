//! What becomes of a changed password on a volume that has one already, as an experiment saw it.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, one_of};
use harness::experiment::{COMMANDS, NEW_CREDENTIAL, NEW_PASSWORD_TAKEN, OLD_CREDENTIAL, SETTLED_ON_IT, THROUGH};
use harness::finding::Place;
use harness::probe::Login;
use harness::record::{Complaint, Record, Snapshot};

use crate::logins::{expect_accepted, expect_refused, leave_open};

/// Helm refused it, and goes on to take the password of before.
pub(super) const REFUSED: &str = "refused by Helm, which takes the password of before";
/// It reached the role, and everything stands on it.
pub(super) const APPLIED: &str = "applied to the role, with every workload settled on it";
/// Nobody can log in with it, and whoever dials says so with both ways out.
pub(super) const EXPLAINED: &str = "refused with 28P01 by the database, with both remedies in the log of whoever dials";
/// The same, and people are left alone with it.
const UNEXPLAINED: &str = "refused with 28P01 by the database, and nobody names both remedies";
/// Login and workloads do not go together.
const MIXED: &str = "neither refused nor applied";

/// What became of it at a moment is one of these; nothing is said where a login came to no answer.
pub(super) fn expect_outcome(
    record: &Record,
    moment: &str,
    what: &str,
    allowed: &[&'static str],
    check: &mut Check,
) -> &'static str {
    let seen = record.at(moment);
    let place = || Place::object("the database").field(seen.moment.clone());
    for name in [OLD_CREDENTIAL, NEW_CREDENTIAL] {
        if let Some(login) = seen.tried.get(name).filter(|login| !login.decides()) {
            leave_open(check, place(), what, format!("{name}: {login}"));
            return MIXED;
        }
    }
    let outcome = outcome(record, moment);
    check.expect(place(), what, &outcome, one_of(allowed));
    outcome
}

fn outcome(record: &Record, moment: &str) -> &'static str {
    let seen = record.at(moment);
    let taken = record.step(NEW_PASSWORD_TAKEN).is_some_and(|step| step.unmet.is_none());
    let settled = record.step(SETTLED_ON_IT).is_some_and(|step| step.unmet.is_none());
    if !taken {
        return if accepted(seen, OLD_CREDENTIAL) { REFUSED } else { MIXED };
    }
    match (accepted(seen, NEW_CREDENTIAL), wrong_password(seen, NEW_CREDENTIAL)) {
        (true, _) if settled && wrong_password(seen, OLD_CREDENTIAL) => APPLIED,
        (_, true) if seen.complaints.iter().any(names_both) => EXPLAINED,
        (_, true) => UNEXPLAINED,
        _ => MIXED,
    }
}

/// Whether a complaint names both ways out.
pub(super) fn names_both(complaint: &Complaint) -> bool {
    complaint.keeping_data && complaint.deleting_data
}

/// Whether a login was let in.
pub(super) fn accepted(seen: &Snapshot, login: &str) -> bool {
    seen.tried.get(login) == Some(&Login::Accepted)
}

/// Whether a login was refused for its password.
pub(super) fn wrong_password(seen: &Snapshot, login: &str) -> bool {
    matches!(seen.tried.get(login), Some(Login::Refused { sqlstate }) if sqlstate == "28P01")
}

/// The documented commands ran through, and the password of now is the one that they set.
pub(super) fn expect_mended(seen: &Snapshot, check: &mut Check) {
    let ran = seen.answers.get(COMMANDS).map_or("not run", String::as_str);
    check.expect(Place::object("README.md"), "the documented commands", &ran, equal_to(THROUGH));
    let database = || Place::object("the database");
    expect_accepted(check, database(), "a login with the new password", seen, NEW_CREDENTIAL);
    expect_refused(check, database(), "a login with the password of before", seen, OLD_CREDENTIAL);
}

/// Rows were there before; without them nothing can be lost.
pub(super) fn control_rows(seen: &Snapshot, check: &mut Check) {
    let known = seen.stored.iter().filter(|stored| stored.rows.is_some_and(|rows| rows > 0));
    let named: Vec<&str> = known.map(|stored| stored.release.as_str()).collect();
    check.control(Place::object("the volumes"), "releases with rows, before", &named[..], not_empty());
}

/// The password was lost: without somebody who was refused there is nothing to mend.
pub(super) fn control_lost(seen: &Snapshot, check: &mut Check) {
    let refused: Vec<&str> = seen.complaints.iter().map(|complaint| complaint.workload.as_str()).collect();
    check.control(Place::object("the database"), "whoever logged 28P01 meanwhile", &refused[..], not_empty());
}
