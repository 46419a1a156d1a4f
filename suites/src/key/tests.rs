//! What the live checks of this area say of records in which one thing is spoilt.

use harness::experiment::{COMMANDS, EMPTY_KEY, NEW_KEY, NO_KEY, OLD_KEY, THROUGH};
use harness::record::{AFTER, Asked, BEFORE, DURING, Experiment, Record, Snapshot};
use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
use rstest::rstest;

use super::*;
use crate::testing::{judge_live, moment, pod, record};

const SERVER: &str = "deployment/certctl-server";
const AGENT: &str = "daemonset/certctl-agent";

fn asked(how: &str, status: u16) -> Asked {
    Asked {
        pod: "certctl-server-a".into(),
        workload: SERVER.into(),
        how: how.into(),
        status: Some(status),
        ..Asked::default()
    }
}

fn snapshot(name: &str, seconds: i64, old: u16) -> Snapshot {
    let mut seen = moment(name, seconds, [pod(SERVER, "a")]);
    seen.asked = vec![asked(OLD_KEY, old), asked(NEW_KEY, 200), asked(EMPTY_KEY, 401), asked(NO_KEY, 401)];
    seen
}

/// A rotation in which everything went well.
fn rotation() -> Record {
    let mut after = snapshot(AFTER, 60, 401);
    after.answers = [(COMMANDS.to_owned(), THROUGH.to_owned())].into();
    let served = || [("200".to_owned(), 300)].into();
    after.clients = [(OLD_KEY.to_owned(), served()), (NEW_KEY.to_owned(), served())].into();
    record(Experiment::RotateApiKey, [snapshot(BEFORE, 0, 200), snapshot(DURING, 30, 200), after])
}

type Spoil = fn(&mut Record);

#[rstest]
#[case::both_are_served(|_: &mut Record| {}, Holds)]
#[case::the_first_of_the_list_only(|rotation: &mut Record| rotation.snapshots[1].asked[0].status = Some(401), Violated)]
#[case::the_last_of_the_list_only(|rotation: &mut Record| rotation.snapshots[1].asked[1].status = Some(401), Violated)]
#[case::a_replica_that_does_not_answer(|rotation: &mut Record| rotation.snapshots[1].asked[1].status = None, Unchecked)]
#[case::nobody_was_asked(|rotation: &mut Record| rotation.snapshots[1].asked.clear(), Unchecked)]
fn a_list_of_two_keys(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation);
    assert_eq!(judge_live(&KEY_01, [rotation]), expected);
}

#[rstest]
#[case::always_served(|_: &mut Record| {}, Holds)]
#[case::refused_once(|rotation: &mut Record| {
    rotation.snapshots[2].clients.get_mut(OLD_KEY).unwrap().insert("401".into(), 1);
}, Violated)]
#[case::nobody_there_for_a_moment(|rotation: &mut Record| {
    rotation.snapshots[2].clients.get_mut(NEW_KEY).unwrap().insert("network".into(), 3);
}, Violated)]
#[case::hardly_asked(|rotation: &mut Record| {
    rotation.snapshots[2].clients.insert(NEW_KEY.into(), [("200".to_owned(), 5)].into());
}, Unchecked)]
#[case::commands_that_failed(|rotation: &mut Record| {
    rotation.snapshots[2].answers.insert(COMMANDS.into(), "failed: no such release".into());
}, Unchecked)]
fn clients_that_never_stop_asking(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation);
    assert_eq!(judge_live(&KEY_02, [rotation]), expected);
}

#[rstest]
#[case::refused_everywhere(|_: &mut Record| {}, Holds)]
#[case::taken_by_one_replica(|rotation: &mut Record| {
    let other = Asked { pod: "certctl-server-b".into(), ..asked(OLD_KEY, 200) };
    rotation.snapshots[2].asked.push(other);
}, Violated)]
#[case::refused_like_every_key(|rotation: &mut Record| rotation.snapshots[2].asked[1].status = Some(401), Violated)]
#[case::nobody_was_asked(|rotation: &mut Record| rotation.snapshots[2].asked.clear(), Unchecked)]
fn a_removed_key(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation);
    assert_eq!(judge_live(&KEY_03, [rotation]), expected);
}

#[rstest]
#[case::refused(|_: &mut Record| {}, Holds)]
#[case::an_empty_key_is_let_in(|rotation: &mut Record| rotation.snapshots[2].asked[2].status = Some(200), Violated)]
#[case::nobody_needs_a_key(|rotation: &mut Record| rotation.snapshots[2].asked[3].status = Some(200), Violated)]
#[case::nobody_was_asked(|rotation: &mut Record| rotation.snapshots[2].asked.clear(), Unchecked)]
fn a_client_without_a_key(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation);
    assert_eq!(judge_live(&KEY_05, [rotation]), expected);
}

#[rstest]
#[case::taken_up_by_the_running_pod(|_: &mut Record| {}, Holds)]
#[case::rolled_to(|rotation: &mut Record| {
    rotation.snapshots[1].pods[0].name = "certctl-server-b".into();
    rotation.snapshots[1].asked.iter_mut().for_each(|asked| asked.pod = "certctl-server-b".into());
}, Holds)]
#[case::never_heard_of(|rotation: &mut Record| rotation.snapshots[1].asked[1].status = Some(401), Violated)]
#[case::nobody_was_asked(|rotation: &mut Record| rotation.snapshots[1].asked.clear(), Unchecked)]
#[case::a_client_that_works_on(|rotation: &mut Record| {
    rotation.snapshots.iter_mut().for_each(|seen| seen.pods.push(pod(AGENT, "b")));
}, Holds)]
#[case::a_client_that_had_to_follow_at_once(|rotation: &mut Record| {
    rotation.snapshots[0].pods.push(pod(AGENT, "b"));
    rotation.snapshots[1].pods.push(pod(AGENT, "c"));
}, Violated)]
#[case::a_client_that_is_shut_out_meanwhile(|rotation: &mut Record| {
    rotation.snapshots.iter_mut().for_each(|seen| seen.pods.push(pod(AGENT, "b")));
    rotation.snapshots[1].pods[1].ready = false;
}, Violated)]
#[case::a_client_that_is_shut_out_at_the_end(|rotation: &mut Record| {
    rotation.snapshots[2].pods.push(pod(AGENT, "b"));
    rotation.snapshots[2].pods[1].ready = false;
}, Violated)]
fn a_list_and_those_who_ask(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut rotation = rotation();
    spoil(&mut rotation);
    assert_eq!(judge_live(&KEY_06, [rotation]), expected);
}
