//! What the live checks of poolers say of records in which one thing is spoilt.

use harness::experiment::{
    AFTER, DURING, Experiment, NEW_THROUGH_POOLER, OLD_THROUGH_POOLER, RESTARTED, Record, SETTLED, Snapshot,
};
use harness::probe::{Login, Served};
use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
use rstest::rstest;

use super::{POOL_03, POOL_04};
use crate::testing::{judge_live, moment, record, served};

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
