//! What the live checks of this area say of records in which one thing is spoilt.

use std::collections::BTreeMap;

use harness::experiment::{
    BY_ITSELF, CHANGED, DECLARED_STEPS, FOLLOW, FOLLOW_AFTER_STEPS, FOLLOWED, FRESH_GAP, MADE_BY, NEW_ACCEPTED,
    NEW_CREDENTIAL, OLD_CREDENTIAL, OLD_REFUSED, REFUSE, RESTARTED, STEADY_GAP, UNTAKEN,
};
use harness::history::{FRESH, Gap, History, LaneHistory, Mark, STEADY};
use harness::probe::{LoggedFailure, Login, Session};
use harness::record::{AFTER, BEFORE, DURING, Experiment, PodChange, ROLE, Record, Snapshot, Step};
use harness::requirement::Requirement;
use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
use rstest::rstest;

use super::*;
use crate::testing::{at, judge_live, moment, pod, record, step};

fn refused() -> Login {
    Login::Refused { sqlstate: "28P01".into() }
}

fn tried() -> BTreeMap<String, Login> {
    [(OLD_CREDENTIAL, refused()), (NEW_CREDENTIAL, Login::Accepted), ("key uri of secret/db", Login::Accepted)]
        .into_iter()
        .map(|(name, login)| (name.to_owned(), login))
        .collect()
}

fn snapshot(name: &str, seconds: i64, digest: &str) -> Snapshot {
    let mut seen = moment(name, seconds, [pod("deployment/agents", "a"), pod("deployment/agents-controllers", "b")]);
    seen.credentials = [("db".to_owned(), [("password".to_owned(), digest.to_owned())].into())].into();
    seen.tried = tried();
    seen.answers = [(ROLE.to_owned(), "app".to_owned())].into();
    seen
}

fn history() -> History {
    let lane = || LaneHistory {
        acknowledged: 100,
        first: Some(at(5)),
        last: Some(at(60)),
        longest_gap: Some(Gap { from: at(11), seconds: 0.4 }),
        ..LaneHistory::default()
    };
    let marks = [(CHANGED, 10), (NEW_ACCEPTED, 11), (OLD_REFUSED, 12), (FOLLOWED, 30)];
    History {
        lanes: [STEADY, FRESH].map(|name| (name.to_owned(), lane())).into(),
        marks: marks.map(|(name, second)| Mark { at: at(second), name: name.into() }).into(),
        stored: 200,
        ..History::default()
    }
}

fn change(uid: &str, restarts: i32, trouble: Option<&str>) -> PodChange {
    PodChange {
        at: at(15),
        pod: format!("agents-{uid}"),
        workload: "deployment/agents".into(),
        uid: uid.into(),
        ready: trouble.is_none(),
        leaving: false,
        gone: false,
        restarts,
        trouble: trouble.map(str::to_owned),
    }
}

/// A rotation in which everything went well.
fn rotation(experiment: Experiment) -> Record {
    let mut after = snapshot(AFTER, 70, "new");
    after.answers = [(MADE_BY.to_owned(), BY_ITSELF.to_owned())].into();
    let snapshots = [snapshot(BEFORE, 0, "old"), snapshot(DURING, 40, "new"), snapshot(RESTARTED, 50, "new"), after];
    Record {
        steps: vec![step(REFUSE, 12), step(FOLLOW, 30)],
        history: Some(history()),
        changes: vec![change("a", 0, None)],
        limits: [(STEADY_GAP.to_owned(), 3.0), (FRESH_GAP.to_owned(), 25.0)].into(),
        ..record(experiment, snapshots)
    }
}

/// A credential that was wrong for a while, which every pod told.
fn broken() -> Record {
    let mut during = snapshot(DURING, 20, "old");
    during.pods.iter_mut().for_each(|pod| pod.ready = false);
    during.failures = ["a", "b"]
        .map(|uid| LoggedFailure {
            at: at(20),
            role: "app".into(),
            client: format!("address-of-{uid}"),
            sqlstate: "28P01".into(),
            refused: false,
            message: "password authentication failed".into(),
        })
        .into();
    record(Experiment::BreakCredential, [snapshot(BEFORE, 0, "old"), during, snapshot(AFTER, 40, "new")])
}

fn everything() -> [Record; 4] {
    [
        rotation(Experiment::RotatePassword),
        rotation(Experiment::RotateAgain),
        rotation(Experiment::RecreateCredential),
        broken(),
    ]
}

const LIVE: [&Requirement; 11] =
    [&ROT_01, &ROT_03, &ROT_04, &ROT_05, &ROT_06, &ROT_07, &ROT_08, &ROT_09, &ROT_10, &ROT_11, &ROT_12];

#[test]
fn a_rotation_in_which_everything_went_well_holds() {
    for requirement in LIVE {
        assert_eq!(judge_live(requirement, everything()), Holds, "{}", requirement.id);
    }
}

/// Nobody followed until somebody ran what the subject declares.
fn only_by_declared_steps(record: &mut Record) {
    nobody_followed(record);
    record.steps.extend([step(DECLARED_STEPS, 35), step(FOLLOW_AFTER_STEPS, 39)]);
}

/// Nobody followed because nobody had been there.
fn nobody_was_a_client(record: &mut Record) {
    nobody_followed(record);
    let before = record.snapshots.iter_mut().filter(|seen| seen.moment == BEFORE);
    before.for_each(|seen| (seen.sessions, seen.logins) = (Vec::new(), Vec::new()));
}

fn declared_steps_fail(record: &mut Record) {
    only_by_declared_steps(record);
    let steps = record.steps.iter_mut().filter(|step| step.name == DECLARED_STEPS);
    steps.for_each(|step| step.unmet = Some("deployments.apps \"agents\" not found".into()));
}

fn in_history(spoil: fn(&mut History)) -> impl Fn(&mut Record) {
    move |record: &mut Record| record.history.iter_mut().for_each(spoil)
}

fn at_moment(name: &'static str, spoil: fn(&mut Snapshot)) -> impl Fn(&mut Record) {
    move |record: &mut Record| record.snapshots.iter_mut().filter(|seen| seen.moment == name).for_each(spoil)
}

fn old_accepted(seen: &mut Snapshot) {
    seen.tried.insert(OLD_CREDENTIAL.into(), Login::Accepted);
}

fn new_unknown(seen: &mut Snapshot) {
    seen.tried.insert(NEW_CREDENTIAL.into(), Login::Unknown { reason: "no route".into() });
}

/// It has no reason to log in again: its own credential is what it was.
fn with_a_client_of_another_role(record: &mut Record) {
    for seen in &mut record.snapshots {
        let mail = pod("deployment/mail", "m");
        let session =
            moment("", 0, [mail.clone()]).sessions.into_iter().map(|one| Session { role: "mail".into(), ..one });
        seen.sessions.extend(session);
        seen.pods.push(mail);
    }
}

fn nobody_followed(record: &mut Record) {
    let waits = record.steps.iter_mut().filter(|step| step.name == FOLLOW);
    waits.for_each(|step| step.unmet = Some("pod a has not logged in since".into()));
}

#[rstest]
#[case::never_accepted(&ROT_01, in_history(|all| all.marks.retain(|mark| mark.name != NEW_ACCEPTED)), Violated)]
#[case::accepted_late(&ROT_01, in_history(|all| all.marks[1].at = at(100)), Violated)]
#[case::nothing_was_rotated(&ROT_01, at_moment(AFTER, |seen| seen.credentials = snapshot(BEFORE, 0, "old").credentials), Unchecked)]
#[case::a_pod_stays_behind(&ROT_03, at_moment(DURING, |seen| seen.logins.truncate(1)), Violated)]
#[case::somebody_comes_in_as_another_role(&ROT_03, with_a_client_of_another_role, Holds)]
#[case::only_another_role_of_a_pod_follows(&ROT_03, at_moment(DURING, |seen| seen.logins[0].role = "metrics".into()), Violated)]
#[case::nobody_followed_in_time(&ROT_03, nobody_followed, Violated)]
#[case::followed_by_the_declared_steps(&ROT_03, only_by_declared_steps, Holds)]
#[case::the_declared_steps_fail(&ROT_03, declared_steps_fail, Violated)]
#[case::a_workload_is_gone(&ROT_03, at_moment(DURING, |seen| seen.pods.truncate(1)), Violated)]
#[case::never_refused(&ROT_04, in_history(|all| all.marks.retain(|mark| mark.name != OLD_REFUSED)), Violated)]
#[case::opens_at_once(&ROT_04, at_moment(DURING, old_accepted), Violated)]
#[case::opens_after_a_restart(&ROT_04, at_moment(RESTARTED, old_accepted), Violated)]
#[case::no_answer_to_the_old_one(&ROT_04, at_moment(AFTER, |seen| { seen.tried.insert(OLD_CREDENTIAL.into(), Login::Unknown { reason: "no route".into() }); }), Unchecked)]
#[case::opens_after_a_rollback(&ROT_04, at_moment(AFTER, old_accepted), Violated)]
#[case::the_way_is_closed_to_everybody(&ROT_04, at_moment(AFTER, new_unknown), Unchecked)]
#[case::lost(&ROT_05, in_history(|all| all.lost.push("steady-0-1".into())), Violated)]
#[case::risen(&ROT_05, in_history(|all| all.risen.push("fresh-0-1".into())), Violated)]
#[case::a_long_gap(&ROT_05, in_history(|all| all.lanes.get_mut(STEADY).unwrap().longest_gap.as_mut().unwrap().seconds = 3.1), Violated)]
#[case::no_gap_known(&ROT_05, in_history(|all| all.lanes.get_mut(FRESH).unwrap().longest_gap = None), Violated)]
#[case::no_load_before(&ROT_05, in_history(|all| all.lanes.get_mut(FRESH).unwrap().first = Some(at(20))), Unchecked)]
#[case::no_load_afterwards(&ROT_05, in_history(|all| all.lanes.get_mut(STEADY).unwrap().last = Some(at(20))), Unchecked)]
#[case::no_history(&ROT_05, |record: &mut Record| record.history = None, Unchecked)]
#[case::in_trouble_for_a_while(&ROT_06, |record: &mut Record| record.changes.push(change("a", 0, Some("CrashLoopBackOff"))), Violated)]
#[case::restarted(&ROT_06, |record: &mut Record| record.changes.push(change("a", 1, None)), Violated)]
#[case::nobody_watched(&ROT_06, |record: &mut Record| record.changes.clear(), Unchecked)]
#[case::calls_itself_ready(&ROT_07, at_moment(DURING, |seen| seen.pods[1].ready = true), Violated)]
#[case::does_not_recover(&ROT_07, at_moment(AFTER, |seen| seen.pods[0].ready = false), Violated)]
#[case::nobody_is_concerned(&ROT_07, at_moment(BEFORE, |seen| { seen.answers.insert(ROLE.into(), "another".into()); }), Unchecked)]
#[case::was_not_ready_before(&ROT_07, at_moment(BEFORE, |seen| seen.pods[0].ready = false), Unchecked)]
#[case::was_not_refused(&ROT_07, at_moment(DURING, |seen| seen.failures.clear()), Unchecked)]
#[case::no_pod_is_left(&ROT_07, at_moment(DURING, |seen| seen.pods.clear()), Unchecked)]
#[case::one_key_is_stale(&ROT_08, at_moment(AFTER, |seen| { seen.tried.insert("key uri of secret/db".into(), refused()); }), Violated)]
#[case::one_key_is_garbage(&ROT_08, at_moment(AFTER, |seen| { seen.tried.insert("key uri of secret/db".into(), Login::Unreadable); }), Violated)]
#[case::one_key_got_no_answer(&ROT_08, at_moment(AFTER, |seen| { seen.tried.insert("key uri of secret/db".into(), Login::Unknown { reason: "no route".into() }); }), Unchecked)]
#[case::no_key_was_tried(&ROT_08, at_moment(AFTER, |seen| { seen.tried.remove("key uri of secret/db"); }), Unchecked)]
#[case::comes_back(&ROT_09, at_moment(AFTER, old_accepted), Violated)]
#[case::a_superuser(&ROT_10, at_moment(DURING, |seen| seen.logins[0].role = "postgres".into()), Violated)]
#[case::nobody_made_it(&ROT_11, at_moment(AFTER, |seen| seen.answers.clear()), Violated)]
#[case::still_opens(&ROT_11, at_moment(AFTER, old_accepted), Violated)]
#[case::a_consumer_stays_behind(&ROT_11, nobody_followed, Violated)]
#[case::nobody_was_there_to_follow(&ROT_11, nobody_was_a_client, Unchecked)]
#[case::nobody_was_there_to_help(&ROT_12, nobody_was_a_client, Unchecked)]
#[case::the_declared_steps_are_needed(&ROT_12, only_by_declared_steps, Violated)]
#[case::somebody_must_help(&ROT_12, nobody_followed, Violated)]
fn a_rotation(#[case] requirement: &Requirement, #[case] spoil: impl Fn(&mut Record), #[case] verdict: Verdict) {
    let mut records = everything();
    records.iter_mut().for_each(spoil);
    assert_eq!(judge_live(requirement, records), verdict);
}

/// A rotation alone, in which everything went well, and those under a fault.
fn under_faults(spoil: impl Fn(&mut Record)) -> Vec<Record> {
    let faults = ROTATIONS.iter().filter(|one| one.is_under_fault()).map(|fault| {
        let mut record = rotation(*fault);
        spoil(&mut record);
        record
    });
    everything().into_iter().chain(faults).collect()
}

#[rstest]
#[case::nothing(&[&ROT_01, &ROT_03, &ROT_04, &ROT_05, &ROT_06], |_: &mut Record| {}, Holds)]
#[case::accepted_late(&[&ROT_01], in_history(|all| all.marks[1].at = at(100)), Violated)]
#[case::nobody_followed(&[&ROT_03], nobody_followed, Violated)]
#[case::opens_all_the_same(&[&ROT_04], at_moment(AFTER, old_accepted), Violated)]
#[case::lost(&[&ROT_05], in_history(|all| all.lost.push("steady-0-1".into())), Violated)]
#[case::restarted(&[&ROT_06], |record: &mut Record| record.changes.push(change("a", 1, None)), Violated)]
#[case::taken_without_the_operator(&[&ROT_01], |record: &mut Record| {
    record.steps.push(Step { unmet: Some("accepted".into()), ..step(UNTAKEN, 11) });
}, Unchecked)]
#[case::nothing_was_rotated(&[&ROT_01, &ROT_03, &ROT_04, &ROT_05, &ROT_06], at_moment(AFTER, |seen| {
    seen.credentials = snapshot(BEFORE, 0, "old").credentials;
}), Unchecked)]
fn a_rotation_under_a_fault(
    #[case] requirements: &[&Requirement],
    #[case] spoil: impl Fn(&mut Record),
    #[case] verdict: Verdict,
) {
    for requirement in requirements {
        assert_eq!(judge_live(requirement, under_faults(&spoil)), verdict, "{}", requirement.id);
    }
}
