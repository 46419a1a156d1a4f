//! What the live checks of this area say of records in which one thing is spoilt.

use std::collections::BTreeMap;

use harness::experiment::{
    COMMANDS, NEW_CREDENTIAL, NEW_PASSWORD_TAKEN, OLD_CREDENTIAL, REINSTALLED, SETTLED_ON_IT, THROUGH,
    WITH_ANOTHER_PASSWORD,
};
use harness::probe::{Login, Session};
use harness::record::{AFTER, BEFORE, Complaint, DURING, Experiment, Record, Snapshot, Step, Stored};
use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
use rstest::rstest;

use super::*;
use crate::testing::{at, judge_live, moment, pod, record, step};

const SERVER: &str = "deployment/certctl-server";

fn refused() -> Login {
    Login::Refused { sqlstate: "28P01".into() }
}

fn tried(old: Login, new: Login) -> BTreeMap<String, Login> {
    [(OLD_CREDENTIAL.to_owned(), old), (NEW_CREDENTIAL.to_owned(), new)].into()
}

fn stored(release: &str, rows: Option<u64>, claim: &str) -> Stored {
    Stored {
        release: release.into(),
        rows,
        tables: vec!["holdfast_rows".into()],
        claims: [(format!("data-{release}-postgres-0"), claim.to_owned())].into(),
    }
}

fn complaint() -> Complaint {
    Complaint { workload: SERVER.into(), lines: 3, keeping_data: true, deleting_data: true, ..Complaint::default() }
}

/// A moment in which the role has the new password, and the rows are there.
fn snapshot(name: &str, seconds: i64) -> Snapshot {
    let mut seen = moment(name, seconds, [pod(SERVER, "a"), pod("statefulset/certctl-postgres", "p")]);
    let session = |pod: &harness::record::PodState| Session {
        role: "certctl".into(),
        client: pod.address.clone().unwrap_or_default(),
        encrypted: true,
        began: at(seconds),
    };
    seen.sessions = seen.pods.iter().take(1).map(session).collect();
    seen.logins.clear();
    seen.tried = tried(refused(), Login::Accepted);
    seen.stored = vec![stored("certctl", Some(100), "one")];
    seen
}

fn unmet(name: &str, over: i64) -> Step {
    Step { unmet: Some("Helm refused".into()), ..step(name, over) }
}

/// A changed password that was applied to the role.
fn change() -> Record {
    Record {
        steps: vec![step(NEW_PASSWORD_TAKEN, 10), step(SETTLED_ON_IT, 30)],
        ..record(Experiment::ChangeFirstPassword, [snapshot(BEFORE, 0), snapshot(DURING, 40)])
    }
}

/// The same where the database goes on with the old password, and the log says what to do.
fn trap() -> Record {
    let mut trap = change();
    trap.steps[1] = unmet(SETTLED_ON_IT, 30);
    let during = &mut trap.snapshots[1];
    during.tried = tried(Login::Accepted, refused());
    during.complaints = vec![complaint()];
    trap
}

type Spoil = fn(&mut Record);

#[rstest]
#[case::applied(change(), |_: &mut Record| {}, Holds, Holds)]
#[case::refused_while_the_old_one_is_taken(change(), |change: &mut Record| {
    change.steps[0] = unmet(NEW_PASSWORD_TAKEN, 10);
    change.snapshots[1].tried = tried(Login::Accepted, refused());
}, Holds, Holds)]
#[case::explained_in_the_log(trap(), |_: &mut Record| {}, Holds, Violated)]
#[case::explained_by_half(trap(), |trap: &mut Record| trap.snapshots[1].complaints[0].deleting_data = false, Violated, Violated)]
#[case::silent(trap(), |trap: &mut Record| trap.snapshots[1].complaints.clear(), Violated, Violated)]
#[case::explained_when_nobody_serves_any_more(trap(), |trap: &mut Record| trap.snapshots[1].pods[0].ready = false, Violated, Violated)]
#[case::explained_by_new_pods_that_count_as_ready(trap(), |trap: &mut Record| trap.snapshots[1].pods[0].uid = "new".into(), Violated, Violated)]
#[case::no_answer(change(), |change: &mut Record| {
    change.snapshots[1].tried = tried(refused(), Login::Unknown { reason: "the connection was closed".into() });
}, Unchecked, Unchecked)]
#[case::both_passwords_are_let_in(change(), |change: &mut Record| {
    change.snapshots[1].tried = tried(Login::Accepted, Login::Accepted);
}, Violated, Violated)]
#[case::applied_and_never_settled(change(), |change: &mut Record| change.steps[1] = unmet(SETTLED_ON_IT, 30), Violated, Violated)]
#[case::without_its_data(change(), |change: &mut Record| change.snapshots[1].stored[0].rows = None, Violated, Holds)]
#[case::nothing_was_stored_before(change(), |change: &mut Record| change.snapshots[0].stored[0].rows = None, Unchecked, Unchecked)]
fn a_changed_password(
    #[case] mut change: Record,
    #[case] spoil: Spoil,
    #[case] silently: Verdict,
    #[case] refused_or_applied: Verdict,
) {
    spoil(&mut change);
    assert_eq!(judge_live(&BOOT_01, [change.clone()]), silently);
    assert_eq!(judge_live(&BOOT_07, [change]), refused_or_applied);
}

fn reinstall() -> Record {
    Record {
        steps: vec![step(NEW_PASSWORD_TAKEN, 50), step(SETTLED_ON_IT, 60)],
        ..record(
            Experiment::Reinstall,
            [snapshot(BEFORE, 0), snapshot(REINSTALLED, 30), snapshot(WITH_ANOTHER_PASSWORD, 70)],
        )
    }
}

#[rstest]
#[case::as_it_should_be(|_: &mut Record| {}, Holds)]
#[case::the_volume_was_deleted(|reinstall: &mut Record| reinstall.snapshots[1].stored[0].rows = None, Violated)]
#[case::the_same_password_is_refused(|reinstall: &mut Record| {
    reinstall.snapshots[1].tried = tried(refused(), refused());
}, Violated)]
#[case::another_password_is_refused_without_a_word(|reinstall: &mut Record| {
    reinstall.snapshots[2].tried = tried(Login::Accepted, refused());
}, Violated)]
fn a_reinstallation(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut reinstall = reinstall();
    spoil(&mut reinstall);
    assert_eq!(judge_live(&BOOT_03, [reinstall]), expected);
}

fn mending(experiment: Experiment) -> Record {
    let (mut during, mut after) = (snapshot(DURING, 30), snapshot(AFTER, 60));
    during.complaints = vec![complaint()];
    after.answers = [(COMMANDS.to_owned(), THROUGH.to_owned())].into();
    record(experiment, [snapshot(BEFORE, 0), during, after])
}

#[rstest]
#[case::as_it_should_be(|_: &mut Record| {}, Holds)]
#[case::a_command_fails(|mending: &mut Record| {
    mending.snapshots[2].answers.insert(COMMANDS.into(), "failed: no such pod".into());
}, Violated)]
#[case::the_new_password_is_refused(|mending: &mut Record| mending.snapshots[2].tried = tried(refused(), refused()), Violated)]
#[case::the_old_one_still_opens(|mending: &mut Record| {
    mending.snapshots[2].tried = tried(Login::Accepted, Login::Accepted);
}, Violated)]
#[case::rows_are_gone(|mending: &mut Record| mending.snapshots[2].stored[0].rows = Some(99), Violated)]
#[case::a_pod_was_not_restarted(|mending: &mut Record| mending.snapshots[2].pods[0].ready = false, Violated)]
#[case::no_pod_is_left(|mending: &mut Record| mending.snapshots[2].pods.clear(), Violated)]
#[case::nothing_was_broken(|mending: &mut Record| mending.snapshots[1].complaints.clear(), Unchecked)]
fn the_remedy_that_keeps_the_data(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut mending = mending(Experiment::MendKeepingData);
    spoil(&mut mending);
    assert_eq!(judge_live(&BOOT_04, [mending]), expected);
}

#[rstest]
#[case::told(|_: &mut Record| {}, Holds)]
#[case::without_the_way_that_deletes(|mending: &mut Record| {
    mending.snapshots[1].complaints[0].deleting_data = false;
}, Violated)]
#[case::by_somebody_else(|mending: &mut Record| {
    mending.snapshots[1].complaints[0].workload = "deployment/other".into();
}, Violated)]
#[case::with_a_migration(|mending: &mut Record| {
    mending.snapshots[1].stored[0].tables.push("schema_migrations".into());
}, Violated)]
#[case::nobody_was_refused(|mending: &mut Record| mending.snapshots[1].complaints.clear(), Unchecked)]
fn a_wrong_password(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut mending = mending(Experiment::MendKeepingData);
    spoil(&mut mending);
    assert_eq!(judge_live(&BOOT_02, [mending]), expected);
}

#[rstest]
#[case::as_it_should_be(|_: &mut Record| {}, Holds)]
#[case::the_claim_was_kept(|mending: &mut Record| mending.snapshots[2].stored[0] = stored("certctl", Some(100), "one"), Violated)]
#[case::nothing_was_migrated(|mending: &mut Record| mending.snapshots[2].stored[0].tables.clear(), Violated)]
#[case::the_neighbour_lost_its_data(|mending: &mut Record| {
    mending.snapshots[2].stored[1] = stored("beside", None, "another");
}, Violated)]
#[case::there_was_no_neighbour(|mending: &mut Record| { mending.snapshots[0].stored.pop(); }, Unchecked)]
fn the_remedy_that_deletes_the_data(#[case] spoil: Spoil, #[case] expected: Verdict) {
    let mut mending = mending(Experiment::MendDeletingData);
    for seen in &mut mending.snapshots {
        seen.stored.push(stored("beside", Some(100), "other"));
    }
    mending.snapshots[2].stored[0] = stored("certctl", None, "two");
    spoil(&mut mending);
    assert_eq!(judge_live(&BOOT_06, [mending]), expected);
}
