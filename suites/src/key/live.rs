//! What the application answered to each key, as the experiment with a rotation saw it.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::experiment::{COMMANDS, THROUGH};
use harness::finding::Place;
use harness::record::{Asked, Record, Snapshot};

/// Every replica was asked; without one nothing was seen.
pub(super) fn control_asked(seen: &Snapshot, check: &mut Check) {
    let pods: Vec<&str> = seen.asked.iter().map(|asked| asked.pod.as_str()).collect();
    check.control(Place::object("the application"), "replicas that were asked", &pods[..], not_empty());
}

/// What was answered to who came so; a replica that did not answer neither serves nor refuses.
fn answered<'a>(seen: &'a Snapshot, how: &str, check: &mut Check) -> Vec<&'a Asked> {
    let (answered, silent): (Vec<&Asked>, Vec<&Asked>) =
        seen.asked.iter().filter(|asked| asked.how == how).partition(|asked| asked.status.is_some());
    for asked in silent {
        check.undecided(asked, format!("a question {how}, {}", seen.moment), asked.answer());
    }
    answered
}

/// Every replica serves who comes so.
pub(super) fn expect_served(seen: &Snapshot, how: &str, check: &mut Check) {
    for asked in answered(seen, how, check) {
        let state = if asked.is_served() { SERVED.to_owned() } else { asked.answer() };
        check.expect(asked, format!("a question {how}, {}", seen.moment), &state, equal_to(SERVED));
    }
}

/// Every replica refuses who comes so.
pub(super) fn expect_refused(seen: &Snapshot, how: &str, check: &mut Check) {
    for asked in answered(seen, how, check) {
        check.expect(asked, format!("a question {how}, {}", seen.moment), &asked.answer(), equal_to("401"));
    }
}

/// A rotation whose commands failed rotated nothing.
pub(super) fn control_rotated(rotation: &Record, moment: &str, check: &mut Check) {
    let ran = rotation.at(moment).answers.get(COMMANDS).map_or("not run", String::as_str);
    check.control(Place::object("README.md"), "the documented commands", &ran, equal_to(THROUGH));
}

const SERVED: &str = "served";
