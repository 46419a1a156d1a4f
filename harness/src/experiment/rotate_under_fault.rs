//! Change the password in its Secret while something else goes wrong, as it does on the day when it matters.
//!
//! The fault falls into the time in which Secret and database disagree: clients die before they could take the change
//! up, or nobody is there to take it. How long a fault lasts is the cluster's affair; the chart has the same time as
//! without it, from the moment when it is over.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::diary::Diary;
use super::fault::Fault;
use super::rendezvous::Attendance;
use super::rotation::{CHANGED, FRESH_GAP, Rotation, STEADY_GAP, beside_a_writer, drain, follow, held_up, try_both};
use crate::bench::{Bench, BenchError, Programs};
use crate::probe::Credential;
use crate::record::{AFTER, DURING};

/// The writer's mark of the moment in which the fault began.
pub const FAULT: &str = "the fault begins";
/// The writer's mark of the moment from which on everything had what it needs.
pub const FAULT_OVER: &str = "the fault is over";
/// The step that sees that a change of the Secret changes nothing while the operator is away.
pub const UNTAKEN: &str = "see that nobody takes the change";

/// Without a database, or a way to it, nobody writes, in neither lane.
const EVERY_SESSION: &[&str] = &[STEADY_GAP, FRESH_GAP];
/// A session that is there goes on; nobody can open another one with a password that has not arrived.
const NEW_SESSIONS: &[&str] = &[FRESH_GAP];

pub(super) async fn run(
    bench: &Bench,
    programs: &Programs,
    fault: Fault,
    others: &Attendance<'_>,
    diary: &mut Diary,
) -> Result<(), BenchError> {
    let old = diary.step("read the credential", bench.required_credential()).await?;
    diary.look_at_clients(bench, Some(&old.role)).await?;
    let clients = diary.clients();
    let mut rotated = None;
    let began = Timestamp::now();
    beside_a_writer(bench, diary, async |diary| {
        let outcome = match fault {
            Fault::ClientsKilled => kill_clients(bench, &clients, diary).await,
            Fault::PrimaryLost => lose_primary(bench, diary).await,
            Fault::SwitchedOver => switch_over(bench, diary).await,
            Fault::PoolerKilled => kill_pooler(bench, diary).await,
            Fault::KubeletStopped => without_kubelet(bench, others, diary).await,
            Fault::ApiServerKilled => kill_api_server(bench, others, diary).await,
            Fault::OperatorGone => without_operator(bench, others, diary).await,
        };
        // Whoever breaks off here must not hold up the others, who have changed their Secrets.
        let (Change { new, at: changed }, lasted) = outcome.inspect_err(|_broken| others.leave())?;
        let rotation = Rotation { held_up: lasted, ..Rotation::new(&old, &new, &clients) };
        follow(bench, programs, diary, &rotation).await?;
        drain(bench, diary, changed, &old.role).await?;
        rotated = Some(new);
        Ok(())
    })
    .await?;
    let Some(new) = rotated else { return Ok(()) };
    diary.look(bench, DURING, began).await?;
    try_both(bench, diary, &old, &new).await?;
    diary.step("wait for every workload to settle", bench.settle()).await?;
    diary.look(bench, AFTER, began).await?;
    try_both(bench, diary, &old, &new).await
}

/// Their next pods are the first to start with the new password. The writer is none of them.
async fn kill_clients(
    bench: &Bench,
    clients: &BTreeSet<String>,
    diary: &mut Diary,
) -> Result<(Change, Duration), BenchError> {
    let new = change(bench, diary).await?;
    bench.mark(FAULT).await?;
    diary.step("kill every pod of the application", bench.kill_pods_of(clients)).await?;
    bench.mark(FAULT_OVER).await?;
    Ok((new, Duration::ZERO))
}

async fn lose_primary(bench: &Bench, diary: &mut Diary) -> Result<(Change, Duration), BenchError> {
    let clock = Instant::now();
    bench.mark(FAULT).await?;
    let lost = diary.step("delete the primary's pod", bench.delete_primary()).await?;
    let new = change(bench, diary).await?;
    diary.step("wait until there is a primary again", bench.primary_is_back(&lost)).await?;
    over(bench, diary, clock, EVERY_SESSION).await.map(|lasted| (new, lasted))
}

async fn switch_over(bench: &Bench, diary: &mut Diary) -> Result<(Change, Duration), BenchError> {
    let clock = Instant::now();
    bench.mark(FAULT).await?;
    let promoted = diary.step("have another instance become the primary", bench.promote()).await?;
    let new = change(bench, diary).await?;
    diary.step("wait until it is, and both are ready", bench.hand_over_ends(&promoted)).await?;
    over(bench, diary, clock, EVERY_SESSION).await.map(|lasted| (new, lasted))
}

/// Whoever comes through the pooler has lost every session, the writer too where the credential leads there.
async fn kill_pooler(bench: &Bench, diary: &mut Diary) -> Result<(Change, Duration), BenchError> {
    let clock = Instant::now();
    let new = change(bench, diary).await?;
    bench.mark(FAULT).await?;
    let killed = diary.step("kill every pod of the pooler", bench.kill_pooler()).await?;
    diary.step("wait until other pods of it are ready", bench.pooler_is_back(&killed)).await?;
    over(bench, diary, clock, EVERY_SESSION).await.map(|lasted| (new, lasted))
}

/// Meanwhile the database takes the new password, and no file on the node changes.
async fn without_kubelet(
    bench: &Bench,
    others: &Attendance<'_>,
    diary: &mut Diary,
) -> Result<(Change, Duration), BenchError> {
    let clock = gather(bench, others, diary).await?;
    let stop = others.once("stop the kubelets", bench.stop_kubelets());
    diary.step("stop the kubelet of every node", stop).await?;
    let new = change(bench, diary).await?;
    diary.step("wait until every kubelet is back", bench.kubelets_are_back()).await?;
    over(bench, diary, clock, NEW_SESSIONS).await.map(|lasted| (new, lasted))
}

/// Nobody hears of the change until there is an API server again; sessions need none.
async fn kill_api_server(
    bench: &Bench,
    others: &Attendance<'_>,
    diary: &mut Diary,
) -> Result<(Change, Duration), BenchError> {
    let clock = gather(bench, others, diary).await?;
    let new = change(bench, diary).await?;
    diary.step("kill the API server", others.once("kill the API server", bench.kill_api_server())).await?;
    diary.step("wait until it is back, and the operator with it", bench.api_server_is_back()).await?;
    over(bench, diary, clock, NEW_SESSIONS).await.map(|lasted| (new, lasted))
}

async fn without_operator(
    bench: &Bench,
    others: &Attendance<'_>,
    diary: &mut Diary,
) -> Result<(Change, Duration), BenchError> {
    let clock = gather(bench, others, diary).await?;
    let changed = async {
        let stop = others.once("stop the operator", bench.stop_operator());
        diary.step("scale the operator to zero", stop).await?;
        let new = change(bench, diary).await?;
        diary.hope(UNTAKEN, bench.refuses(&new.new)).await;
        Ok(new)
    };
    // Whatever came of it: nobody else on this cluster is left without an operator.
    let changed = changed.await;
    let start = others.once("start the operator", bench.start_operator());
    diary.step("scale the operator back", start).await?;
    let new = changed?;
    over(bench, diary, clock, NEW_SESSIONS).await.map(|lasted| (new, lasted))
}

/// The password that the Secret has now, and since when.
struct Change {
    new: Credential,
    at: Timestamp,
}

/// A fault of the whole cluster befalls every subject of a run at once. Says from when on.
async fn gather(bench: &Bench, others: &Attendance<'_>, diary: &mut Diary) -> Result<Instant, BenchError> {
    diary.step("wait for everybody whom the fault will befall", others.together("before the fault")).await?;
    bench.mark(FAULT).await?;
    others.together("when all have marked it").await
}

async fn change(bench: &Bench, diary: &mut Diary) -> Result<Change, BenchError> {
    bench.mark(CHANGED).await?;
    let at = Timestamp::now();
    let new = diary.step("change the password in its Secret", bench.write_password(&Bench::new_password())).await?;
    Ok(Change { new, at })
}

/// The end of a fault: the lanes of the writer that it held up are allowed the time for which it lasted.
async fn over(bench: &Bench, diary: &mut Diary, began: Instant, lanes: &[&str]) -> Result<Duration, BenchError> {
    let lasted = began.elapsed();
    bench.mark(FAULT_OVER).await?;
    held_up(bench, diary, lanes, lasted);
    Ok(lasted)
}
