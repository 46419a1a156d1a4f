//! What the live checks of this area say of records in which one thing is spoilt.

use harness::experiment::{ACROSS, APPLIED, COPIED_TWICE, COPY_FOLLOWS, RUN, SETTLED};
use harness::record::{
    AFTER, BEFORE, COPIED_THROUGH, CopiedCa, DURING, Experiment, Record, Snapshot, WAYS_BEYOND, WAYS_NEEDED,
};
use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
use rstest::rstest;

use super::*;
use crate::testing::{judge_live, moment, pod, record, served, step};

const APP: &str = "deployment/infisical";

/// A copy of the CA called so, beside a source that holds the same.
fn copied(ca: &str) -> CopiedCa {
    let rights = WAYS_NEEDED.iter().map(|way| (*way, true)).chain(WAYS_BEYOND.iter().map(|way| (*way, false)));
    CopiedCa {
        secret: "trust".into(),
        key: "ca.crt".into(),
        sha256: Some(ca.into()),
        source: Some(ca.into()),
        certificates: Some(1),
        rights: rights.map(|(way, may)| (way.to_owned(), may)).collect(),
        ..CopiedCa::default()
    }
}

fn seen(name: &str, ca: &str) -> Snapshot {
    let mut app = pod(APP, "a");
    if let Some(trusted) = app.inspected.as_mut() {
        trusted.ca = serde_json::from_value(serde_json::json!({"path": "/ca", "exists": true, "sha256": ca})).unwrap();
    }
    Snapshot { copied: Some(copied(ca)), served: vec![served("db-1", ca)], ..moment(name, 10, [app]) }
}

fn install() -> Record {
    record(Experiment::Install, [seen(SETTLED, "old")])
}

fn rotation() -> Record {
    let rotation = record(Experiment::RotateCa, [seen(BEFORE, "old"), seen(AFTER, "new")]);
    Record { steps: vec![step(COPY_FOLLOWS, 40)], ..rotation }
}

fn again() -> Record {
    let mut twice = seen(COPIED_TWICE, "old");
    twice.answers = [1, 2].map(|run| (format!("{RUN} {run}"), COPIED_THROUGH.to_owned())).into();
    let mut emptied = seen(DURING, "old");
    emptied.copied.as_mut().unwrap().source = Some("nothing".into());
    emptied.answers = [(format!("{RUN} 1"), "failed: BackoffLimitExceeded".to_owned())].into();
    record(Experiment::CopyAgain, [seen(BEFORE, "old"), twice, seen(APPLIED, "old"), emptied, seen(AFTER, "old")])
}

/// The copy that a record tells of at one of its moments.
fn copy_at(record: &mut Record, at: usize) -> &mut CopiedCa {
    record.snapshots[at].copied.as_mut().unwrap()
}

type Spoil = fn(&mut Record);

#[rstest]
#[case::the_ca(|_: &mut Record| {}, Holds)]
#[case::something_else(|install: &mut Record| copy_at(install, 0).sha256 = Some("leaf".into()), Violated)]
#[case::a_ca_that_an_endpoint_is_not_of(
    |install: &mut Record| install.snapshots[0].served[0].refused = Some("UnknownIssuer".into()),
    Violated
)]
#[case::a_source_that_cannot_be_seen(|install: &mut Record| copy_at(install, 0).source = None, Unchecked)]
#[case::no_endpoint(|install: &mut Record| install.snapshots[0].served.clear(), Unchecked)]
#[case::nothing_that_is_seen(|install: &mut Record| install.snapshots[0].copied = None, Unchecked)]
fn what_is_copied_is(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut install = install();
    spoil(&mut install);
    assert_eq!(judge_live(&SYNC_01, [install, rotation()]), expected);
}

#[rstest]
#[case::is_followed(|_: &mut Record| {}, Holds)]
#[case::comes_too_late(|rotation: &mut Record| rotation.steps[0].unmet = Some("the copy is not".into()), Violated)]
#[case::is_overwritten_again(|rotation: &mut Record| copy_at(rotation, 1).sha256 = Some("old".into()), Violated)]
#[case::is_none(|rotation: &mut Record| copy_at(rotation, 1).source = Some("old".into()), Unchecked)]
#[case::is_not_waited_for(|rotation: &mut Record| rotation.steps.clear(), Unchecked)]
fn a_new_ca(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation);
    assert_eq!(judge_live(&SYNC_02, [rotation]), expected);
}

#[rstest]
#[case::refused(|_: &mut Record| {}, Holds)]
#[case::copied(|again: &mut Record| copy_at(again, 3).sha256 = Some("nothing".into()), Violated)]
#[case::passed_over_in_silence(|again: &mut Record| {
    again.snapshots[3].answers.insert(format!("{RUN} 1"), COPIED_THROUGH.into());
}, Violated)]
#[case::never_seen(|again: &mut Record| copy_at(again, 3).source = Some("old".into()), Unchecked)]
#[case::never_recovered_from(|again: &mut Record| copy_at(again, 4).sha256 = None, Violated)]
fn an_empty_source_is(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut again = again();
    spoil(&mut again);
    assert_eq!(judge_live(&SYNC_03, [install(), again]), expected);
}

#[test]
fn half_a_certificate_is_no_ca() {
    let mut install = install();
    copy_at(&mut install, 0).certificates = None;
    assert_eq!(judge_live(&SYNC_03, [install, again()]), Violated);
}

#[rstest]
#[case::leave_it(|_: &mut Record| {}, Holds)]
#[case::take_it_away(|again: &mut Record| copy_at(again, 2).sha256 = None, Violated)]
#[case::had_nothing_to_take(|again: &mut Record| {
    copy_at(again, 0).sha256 = None;
    copy_at(again, 2).sha256 = None;
}, Unchecked)]
fn manifests_that_are_applied_by_force(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut again = again();
    spoil(&mut again);
    assert_eq!(judge_live(&SYNC_04, [again]), expected);
}

#[rstest]
#[case::two_rights(|_: &mut Record| {}, Holds)]
#[case::every_secret(
    |install: &mut Record| { copy_at(install, 0).rights.insert(WAYS_BEYOND[0].into(), true); },
    Violated
)]
#[case::none_at_all(
    |install: &mut Record| { copy_at(install, 0).rights.insert(WAYS_NEEDED[1].into(), false); },
    Unchecked
)]
#[case::rights_that_nobody_asked_for(|install: &mut Record| copy_at(install, 0).rights.clear(), Unchecked)]
fn the_copier_has(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut install = install();
    spoil(&mut install);
    assert_eq!(judge_live(&SYNC_05, [install, again()]), expected);
}

/// The copier run again, the last time from another namespace, with the copy that was left.
fn across(spoil: Spoil) -> Record {
    let mut again = again();
    again.snapshots.push(seen(ACROSS, "old and other"));
    spoil(&mut again);
    again
}

#[rstest]
#[case::is_what_is_published_there(|_: &mut Record| {}, Holds, Holds)]
#[case::is_what_is_published_here(|again: &mut Record| copy_at(again, 5).sha256 = Some("old".into()), Violated, Holds)]
#[case::came_with_every_secret_there(
    |again: &mut Record| { copy_at(again, 5).rights.insert(WAYS_BEYOND[0].into(), true); },
    Holds,
    Violated
)]
#[case::came_with_no_right_there(
    |again: &mut Record| { copy_at(again, 5).rights.insert(WAYS_NEEDED[0].into(), false); },
    Holds,
    Unchecked
)]
fn what_is_copied_from_another_namespace(#[case] spoil: Spoil, #[case] content: Verdict, #[case] rights: Verdict) {
    assert_eq!(judge_live(&SYNC_03, [install(), across(spoil)]), content);
    assert_eq!(judge_live(&SYNC_05, [install(), across(spoil)]), rights);
}

#[rstest]
#[case::the_certificate(|_: &mut Record| {}, Holds)]
#[case::the_key_too(|install: &mut Record| copy_at(install, 0).private = vec!["ca.key".into()], Violated)]
#[case::nothing(|install: &mut Record| copy_at(install, 0).sha256 = None, Unchecked)]
fn the_copy_holds(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut install = install();
    spoil(&mut install);
    assert_eq!(judge_live(&SYNC_06, [install, rotation()]), expected);
}

#[rstest]
#[case::takes_up_the_copy(|_: &mut Record| {}, Holds)]
#[case::goes_on_with_the_old_one(|rotation: &mut Record| {
    rotation.snapshots[1].pods = seen(AFTER, "old").pods;
}, Violated)]
#[case::does_not_say(|rotation: &mut Record| rotation.snapshots[1].pods.clear(), Unchecked)]
#[case::has_nothing_to_take_up(|rotation: &mut Record| *copy_at(rotation, 1) = copied("old"), Unchecked)]
fn a_consumer(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation);
    assert_eq!(judge_live(&SYNC_07, [rotation]), expected);
}

#[rstest]
#[case::both_end_well(|_: &mut Record| {}, Holds)]
#[case::one_fails(|again: &mut Record| {
    again.snapshots[1].answers.insert(format!("{RUN} 2"), "failed: BackoffLimitExceeded".into());
}, Violated)]
#[case::one_spoils_the_copy(|again: &mut Record| copy_at(again, 1).sha256 = Some("half".into()), Violated)]
#[case::one_is_not_run(|again: &mut Record| { again.snapshots[1].answers.remove(&format!("{RUN} 2")); }, Violated)]
fn of_two_runs_at_once(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut again = again();
    spoil(&mut again);
    assert_eq!(judge_live(&SYNC_08, [again]), expected);
}
