//! OWN-07: a missing Secret keeps the password.
//!
//! A sync deletes a Secret and makes it again. An operator that takes "no Secret" for "no password" sets the role's
//! password to NULL meanwhile, and every new session fails until the Secret is back. So as long as there is no Secret,
//! whoever still has the password must get in. Where a controller makes the Secret again at once, nobody can tell: then
//! it is another password before anybody could have logged in with the old one.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::{CHANGED, DELETE, WITHOUT};
use harness::feature::Feature;
use harness::finding::Place;
use harness::history::FRESH;
use harness::probe::concerns_credential;
use harness::record::{Experiment, Records};
use harness::requirement::{Lane, Level, Requirement};
use jiff::SignedDuration;

/// A missing Secret keeps the password.
pub const OWN_07: Requirement = Requirement {
    id: "OWN-07",
    title: "A Secret that is missing for a while does not clear the role's password",
    level: Level::Must,
    source: "S1: split-brain outage",
    since: "1.0",
    revision: 1,
    features: &[Feature::Cnpg, Feature::PasswordRotation],
    experiments: &[Experiment::RecreateCredential],
    decisive: &[Lane::Live],
    remedy: "run a version of CloudNativePG that leaves a role alone while its Secret is missing, and \
             replace Secrets instead of deleting them",
    rendered: None,
    live: Some(live),
};

/// PgBouncer has one SQLSTATE for whomever it turns away, a wrong password too.
const TURNED_AWAY: &str = "08P01";

fn live(records: &Records, check: &mut Check) {
    let Some(remade) = records.of(Experiment::RecreateCredential) else { return };
    let place = || Place::object("the writer").field(format!("lane {FRESH}"));
    let Some(without) = remade.step(WITHOUT).filter(|step| step.unmet.is_some()) else {
        return check.not_applicable("a controller makes the Secret again at once: there is no time without it");
    };
    let Some(history) = &remade.history else {
        return check.undecided(place(), "its logins while there was no Secret", "the writer left no history");
    };
    // The step lasted on this machine's clock as long as on the writer's, which marked its beginning.
    let lasted = without.seconds + remade.step(DELETE).map_or(0.0, |step| step.seconds);
    let end = |from: jiff::Timestamp| from.checked_add(SignedDuration::from_secs_f64(lasted)).ok();
    let Some((from, to)) = history.mark(CHANGED).and_then(|from| Some((from, end(from)?))) else {
        return check.undecided(place(), "its logins while there was no Secret", "it did not mark when that was");
    };
    let lane = history.lane(FRESH);
    // A busy server keeps some waiting for longer than the writer has patience. That is no refusal.
    let is_refusal = |sqlstate: &str| concerns_credential(sqlstate) || sqlstate == TURNED_AWAY;
    let refused = lane.failed_between(from, to).into_iter().filter(|(sqlstate, _)| is_refusal(sqlstate));
    let refused: Vec<String> = refused.map(|(sqlstate, count)| format!("{sqlstate}, {count} times")).collect();
    check.expect(place(), "logins that were refused while there was no Secret", &refused[..], empty());
    let acknowledged = lane.acknowledged_between(from, to);
    let some = that("some", |count: &u64| *count > 0);
    if refused.is_empty() {
        check.control(place(), "writes with a session of their own meanwhile", &acknowledged, some);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use harness::experiment::{CHANGED, DELETE, WITHOUT};
    use harness::history::{FRESH, History, LaneHistory, Mark, Tick};
    use harness::record::{Experiment, Record};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::OWN_07;
    use crate::testing::{at, judge_live, record, step};

    fn tick(second: i64, acknowledged: u32, refused: u32) -> Tick {
        let failed = (refused > 0).then(|| ("28P01".to_owned(), refused)).into_iter().collect::<BTreeMap<_, _>>();
        Tick { at: at(second), acknowledged, failed, unknown: 0 }
    }

    /// Two attempts that failed so, beside some that were accepted.
    fn failed(sqlstate: &str, acknowledged: u32) -> Tick {
        Tick { failed: [(sqlstate.to_owned(), 2)].into(), ..tick(12, acknowledged, 0) }
    }

    /// No Secret from second 10 to second 21; afterwards the old password is refused, as it should be.
    fn without_a_secret() -> Record {
        let lane = LaneHistory { ticks: vec![tick(12, 3, 0), tick(25, 0, 4)], ..LaneHistory::default() };
        let mut record = record(Experiment::RecreateCredential, []);
        record.history = Some(History {
            lanes: [(FRESH.to_owned(), lane)].into(),
            marks: vec![Mark { at: at(10), name: CHANGED.into() }],
            ..History::default()
        });
        let mut waited = step(WITHOUT, 21);
        waited.seconds = 10.0;
        waited.unmet = Some("it is not there".into());
        record.steps = vec![step(DELETE, 11), waited];
        record
    }

    fn ticks(record: &mut Record) -> &mut Vec<Tick> {
        &mut record.history.as_mut().unwrap().lanes.get_mut(FRESH).unwrap().ticks
    }

    #[rstest]
    #[case::changes_nothing(|_: &mut Record| {}, Holds)]
    #[case::clears_the_password(|record: &mut Record| ticks(record)[0] = tick(12, 0, 3), Violated)]
    #[case::meets_a_busy_server(|record: &mut Record| ticks(record)[0] = failed("08001", 3), Holds)]
    #[case::meets_a_server_that_never_answers(|record: &mut Record| ticks(record)[0] = failed("08001", 0), Unchecked)]
    #[case::clears_the_password_behind_a_pooler(|record: &mut Record| ticks(record)[0] = failed("08P01", 3), Violated)]
    #[case::is_seen_by_nobody(|record: &mut Record| ticks(record).clear(), Unchecked)]
    #[case::is_back_at_once(|record: &mut Record| record.steps[1].unmet = None, NotApplicable)]
    #[case::without_a_writer(|record: &mut Record| record.history = None, Unchecked)]
    fn a_missing_secret(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = without_a_secret();
        spoil(&mut record);
        assert_eq!(judge_live(&OWN_07, [record]), verdict);
    }
}
