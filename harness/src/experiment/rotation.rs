//! What every rotation of a password has in common: a writer beside it, a watch over the pods, and the way from the
//! change to the last session of before.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::diary::Diary;
use crate::bench::{ACCEPTED, Bench, BenchError, Programs, REFUSED};
use crate::probe::Credential;
use crate::wait::Budget;

/// The writer's mark of the moment in which the credential was changed.
pub const CHANGED: &str = "change the credential";
/// The writer's mark of the first login with the new credential.
pub const NEW_ACCEPTED: &str = "the new credential is accepted";
/// The writer's mark of the first refusal of the old credential.
pub const OLD_REFUSED: &str = "the old credential is refused";
/// The writer's mark of the moment when every consumer had logged in with the new credential.
pub const FOLLOWED: &str = "every consumer is on the new credential";
/// The writer's mark of the moment when no session of before was left.
pub const DRAINED: &str = "no session of before is left";

/// The step that waits for the first login with the new credential.
pub const ACCEPT: &str = "wait until the new credential is accepted";
/// The step that waits for the first refusal of the old credential.
pub const REFUSE: &str = "wait until the old credential is refused";
/// The step that waits for every consumer.
pub const FOLLOW: &str = "wait until every consumer logged in with the new credential";
/// The step that runs what the subject declares that people have to do.
pub const DECLARED_STEPS: &str = "run the restart steps that the subject declares";
/// The step that waits for every consumer once more, after those.
pub const FOLLOW_AFTER_STEPS: &str = "wait until every consumer logged in after the declared steps";
/// The step that waits for the last session of before.
pub const DRAIN: &str = "wait until no session of before is left";
/// The same where not every consumer had followed in its time, before anybody helps.
pub const DRAIN_UNAIDED: &str = "wait until no session of before is left, before anybody helps";

/// The longest time without an acknowledged write in the steady lane.
pub const STEADY_GAP: &str = "the write gap of the steady lane";
/// The longest time without an acknowledged write in the lane that connects anew.
pub const FRESH_GAP: &str = "the write gap of the lane that connects anew";

/// A login that the experiment tries itself, with the credential of before.
pub const OLD_CREDENTIAL: &str = "the credential of before";
/// The same with the credential that the Secret has now.
pub const NEW_CREDENTIAL: &str = "the credential of the Secret";

/// The credential of before, through the pooler where there is one.
pub const OLD_THROUGH_POOLER: &str = "the credential of before, through the pooler";
/// The same with the credential that the Secret has now.
pub const NEW_THROUGH_POOLER: &str = "the credential of the Secret, through the pooler";

/// Nothing disturbs the sessions of a pool when a password changes. What is left is how long a busy machine may hold a
/// process up; a restart of the database takes longer than this.
const STEADY: Budget = Budget::seconds(STEADY_GAP, 8);
/// Beyond the refresh of the file: the database takes the password, the client waits before it tries again.
const FRESH: Budget = Budget::seconds(FRESH_GAP, 10);
/// Beyond the refresh of the file: a client that failed for a while waits before it tries again.
pub(super) const FOLLOWING: Budget = Budget::seconds("every consumer to log in with the new credential", 45);
const DRAINING: Budget = Budget::seconds("the last session of before to end", 60);

/// Does something while a writer writes and the pods are watched; what both saw is kept, also when it breaks off.
pub(super) async fn beside_a_writer(
    bench: &Bench,
    diary: &mut Diary,
    work: impl AsyncFnOnce(&mut Diary) -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let vigil = bench.keep_vigil();
    let writer = match diary.step("let a writer write", bench.start_writer()).await {
        Ok(writer) => writer,
        Err(error) => {
            let _ = bench.remove_writer().await;
            return Err(error);
        }
    };
    held_up(bench, diary, &[STEADY_GAP, FRESH_GAP], Duration::ZERO);
    let worked = work(diary).await;
    if worked.is_ok() {
        diary.hope("see that the writer still writes", bench.writer_goes_on()).await;
    }
    let told = diary.step("read what the writer wrote", bench.finish_writer(&writer)).await;
    diary.keep_changes(vigil.end());
    match told {
        Ok(history) => diary.keep_history(history),
        Err(error) => {
            let _ = bench.remove_writer().await;
            worked?;
            return Err(error);
        }
    }
    worked
}

/// Allows lanes so much more time without an acknowledged write than a rotation needs.
pub(super) fn held_up(bench: &Bench, diary: &mut Diary, lanes: &[&str], more: Duration) {
    for &lane in lanes {
        let limit = if lane == STEADY_GAP { bench.allow(STEADY) } else { bench.allow_refresh(FRESH) };
        diary.limit(lane, limit.limit + more);
    }
}

/// A change of the credential, for those who wait for what has to follow.
pub(super) struct Rotation<'a> {
    /// What was valid before.
    pub(super) old: &'a Credential,
    /// What the Secret has now.
    pub(super) new: &'a Credential,
    /// The workloads that were clients of the database before.
    pub(super) clients: &'a BTreeSet<String>,
    /// How long, since the change, nobody was there to take it up.
    pub(super) held_up: Duration,
}

impl<'a> Rotation<'a> {
    /// One that nothing held up.
    pub(super) fn new(old: &'a Credential, new: &'a Credential, clients: &'a BTreeSet<String>) -> Self {
        Self { old, new, clients, held_up: Duration::ZERO }
    }
}

/// Waits, from a change of the credential on, for everything that has to follow, and marks each moment.
///
/// Consumers have the time in which they follow by themselves before anybody helps them: so it is known who needs help.
pub(super) async fn follow(
    bench: &Bench,
    programs: &Programs,
    diary: &mut Diary,
    rotation: &Rotation<'_>,
) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.limit(ACCEPT, bench.allow(ACCEPTED).limit + rotation.held_up);
    diary.limit(REFUSE, bench.allow(REFUSED).limit + rotation.held_up);
    if let Some(promised) = bench.installation().drain_budget {
        diary.limit(DRAIN, promised);
    }
    if diary.hope(ACCEPT, bench.accepts(rotation.new)).await {
        bench.mark(NEW_ACCEPTED).await?;
    }
    if diary.hope(REFUSE, bench.refuses(rotation.old)).await {
        bench.mark(OLD_REFUSED).await?;
    }
    // Whoever logs in from here on does so with the new one.
    let refused = Timestamp::now();
    let (role, following) = (rotation.new.role.as_str(), bench.allow_refresh(FOLLOWING));
    let mut followed = diary.hope(FOLLOW, bench.every_client_logs_in(rotation.clients, role, refused, following)).await;
    if let (false, Some(steps)) = (followed, &bench.installation().restart) {
        diary.hope(DECLARED_STEPS, bench.run_steps(programs, steps)).await;
        let again = bench.every_client_logs_in(rotation.clients, role, refused, following);
        followed = diary.hope(FOLLOW_AFTER_STEPS, again).await;
    }
    if followed {
        bench.mark(FOLLOWED).await?;
    } else {
        diary.hope(DRAIN_UNAIDED, bench.sessions_end(began, role, bench.allow(DRAINING))).await;
        // The answer is known; what comes after is about the database, and begins with clients that work.
        diary.step("restart every workload, because not all followed", bench.restart()).await?;
        diary.hope("wait for every workload to settle", bench.settle()).await;
    }
    Ok(())
}

/// Waits for the role's last session of before, and marks it.
pub(super) async fn drain(bench: &Bench, diary: &mut Diary, changed: Timestamp, role: &str) -> Result<(), BenchError> {
    if diary.hope(DRAIN, bench.sessions_end(changed, role, bench.allow(DRAINING))).await {
        bench.mark(DRAINED).await?;
    }
    Ok(())
}

/// Tries the credential of before and the one of now, and notes how both logins ended.
pub(super) async fn try_both(
    bench: &Bench,
    diary: &mut Diary,
    old: &Credential,
    new: &Credential,
) -> Result<(), BenchError> {
    if bench.installation().pooler.is_some() {
        diary.hope("wait until the pooler lets the credential of the Secret in", bench.pooler_accepts(new)).await;
    }
    let tried = diary
        .step("log in with the credential of before, and with that of now", async {
            let mut tried = vec![
                (OLD_CREDENTIAL.to_owned(), bench.learn_login(old).await?),
                (NEW_CREDENTIAL.to_owned(), bench.learn_login(new).await?),
            ];
            for (name, credential) in [(OLD_THROUGH_POOLER, old), (NEW_THROUGH_POOLER, new)] {
                tried.extend(bench.try_through_pooler(credential).await?.map(|login| (name.to_owned(), login)));
            }
            Ok(tried)
        })
        .await?;
    if let Some(latest) = diary.latest() {
        latest.tried.extend(tried);
    }
    Ok(())
}
