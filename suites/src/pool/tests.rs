//! What the live checks of pools and poolers say of records in which one thing is spoilt.

use harness::experiment::{CHANGED, DRAIN, DRAIN_UNAIDED, NEW_THROUGH_POOLER, OLD_THROUGH_POOLER, RESTARTED, SETTLED};
use harness::history::{History, Mark};
use harness::probe::{Login, Served};
use harness::record::{AFTER, BEFORE, DURING, Experiment, Record, Snapshot, Step};
use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
use rstest::rstest;

use super::{POOL_02, POOL_03, POOL_04};
use crate::testing::{at, judge_live, moment, pod, record, served, step};

fn turned_away() -> Login {
    Login::Refused { sqlstate: "08P01".into() }
}

fn rotation() -> Record {
    let seen = |name: &str| {
        let tried = [(OLD_THROUGH_POOLER, turned_away()), (NEW_THROUGH_POOLER, Login::Accepted)];
        Snapshot { tried: tried.map(|(who, login)| (who.to_owned(), login)).into(), ..moment(name, 10, []) }
    };
    record(Experiment::RotatePassword, [seen(DURING), seen(RESTARTED), seen(AFTER)])
}

type Spoil = fn(&mut Snapshot);

#[rstest]
#[case::lets_the_new_one_in_and_no_other(|_: &mut Snapshot| {}, Holds)]
#[case::takes_the_old_one(|seen: &mut Snapshot| { seen.tried.insert(OLD_THROUGH_POOLER.into(), Login::Accepted); }, Violated)]
#[case::refuses_everybody(|seen: &mut Snapshot| { seen.tried.insert(NEW_THROUGH_POOLER.into(), turned_away()); }, Violated)]
#[case::does_not_answer(|seen: &mut Snapshot| {
    seen.tried.insert(NEW_THROUGH_POOLER.into(), Login::Unknown { reason: "closed".into() });
}, Unchecked)]
#[case::was_not_asked(|seen: &mut Snapshot| seen.tried.clear(), Unchecked)]
fn a_pooler_after_a_rotation(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation.snapshots[0]);
    assert_eq!(judge_live(&POOL_03, [rotation]), expected);
}

fn with_a_pooler(name: &str) -> Snapshot {
    let pooler = Served { name: "db-pooler".into(), ..served("db-pooler-1", "ca") };
    Snapshot { served: vec![served("db-1", "ca"), pooler], ..moment(name, 10, []) }
}

#[rstest]
#[case::verifies(|_: &mut Snapshot| {}, Holds)]
#[case::still_presents_the_old_certificate(
    |after: &mut Snapshot| after.served[1].refused = Some("UnknownIssuer".into()),
    Violated
)]
#[case::does_not_shake_hands(|after: &mut Snapshot| { after.served.pop(); }, Unchecked)]
fn what_a_pooler_presents(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut after = with_a_pooler(AFTER);
    spoil(&mut after);
    let records = [record(Experiment::Install, [with_a_pooler(SETTLED)]), record(Experiment::RotateCa, [after])];
    assert_eq!(judge_live(&POOL_04, records), expected);
}

#[test]
fn a_pooler_may_be_called_like_a_service_of_the_cluster() {
    let pooler = Served { name: "pooler-example-rw".into(), ..served("pooler-example-rw-5f7c-x", "ca") };
    let seen =
        |name: &str| Snapshot { served: vec![served("agents-db-1", "ca"), pooler.clone()], ..moment(name, 10, []) };
    let records = [record(Experiment::Install, [seen(SETTLED)]), record(Experiment::RotateCa, [seen(AFTER)])];
    assert_eq!(judge_live(&POOL_04, records), Holds);
}

/// A rotation at second 10 after which somebody watched the sessions of before until second `over`.
fn drained(name: &str, over: i64, unmet: Option<&str>) -> Record {
    let marks = vec![Mark { at: at(10), name: CHANGED.into() }];
    Record {
        history: Some(History { marks, ..History::default() }),
        limits: [(DRAIN.to_owned(), 60.0)].into(),
        steps: vec![Step { unmet: unmet.map(str::to_owned), ..step(name, over) }, step(DRAIN, 200)],
        ..record(Experiment::RotatePassword, [moment(BEFORE, 0, [pod("deployment/agents", "a")])])
    }
}

const ONE: Option<&str> = Some("there is still one");

type SpoilRecord = fn(&mut Record);

#[rstest]
#[case::ended(drained(DRAIN, 40, None), |_: &mut Record| {}, Holds)]
#[case::stayed_for_longer_than_was_promised(drained(DRAIN_UNAIDED, 71, ONE), |_: &mut Record| {}, Violated)]
#[case::stayed_for_as_long_as_was_watched(drained(DRAIN_UNAIDED, 69, ONE), |_: &mut Record| {}, Unchecked)]
#[case::stayed_and_nothing_promised(drained(DRAIN_UNAIDED, 71, ONE), |record: &mut Record| record.limits.clear(), Unchecked)]
#[case::ended_while_others_were_left_behind(drained(DRAIN_UNAIDED, 71, None), |_: &mut Record| {}, Holds)]
#[case::there_were_none(drained(DRAIN, 40, None), |record: &mut Record| {
    record.snapshots[0].sessions.clear();
    record.snapshots[0].logins.clear();
}, Unchecked)]
#[case::nobody_watched(drained(DRAIN, 40, None), |record: &mut Record| record.steps.clear(), Unchecked)]
#[case::no_mark(drained(DRAIN, 40, None), |record: &mut Record| record.history = None, Unchecked)]
fn sessions_of_before_a_rotation(#[case] mut record: Record, #[case] spoil: SpoilRecord, #[case] expected: Verdict) {
    spoil(&mut record);
    assert_eq!(judge_live(&POOL_02, [record]), expected);
}
