//! Migrate databases in which nothing has been migrated: without two prerequisites, killed half-way, while a password
//! changes, and again.
//!
//! Nothing but what the migration needs is installed: everything that can be switched off is.

use camino::Utf8Path;

use super::diary::Diary;
use crate::bench::{Bench, BenchError, unguessed};
use crate::record::{AFTER, Attempt, BEFORE};

/// The moment after an attempt without two of its prerequisites.
pub const UNPROVIDED: &str = "after an attempt without two prerequisites";
/// The moment after an attempt whose pod was killed half-way.
pub const KILLED: &str = "after an attempt that was killed half-way";
/// The step that killed it; unmet where it never was half-way.
pub const KILL: &str = "kill its pod half-way";
/// The moment after an attempt while its password changed.
pub const AMID_A_ROTATION: &str = "after an attempt while its password changed";
/// The moment after an attempt with everything there.
pub const MIGRATED: &str = "after an attempt with everything there";
/// The step that waits until what comes before the migration has provided what it needs.
pub const PROVIDED: &str = "wait for what the migration needs";
/// Which Secrets were taken away before an attempt, a list with commas.
pub const TAKEN: &str = "Secrets that were taken away";
/// Those of them that somebody had made again before the end.
pub const BACK: &str = "Secrets that somebody made again";
/// What was switched off, a list with commas.
pub const OFF: &str = "values that were switched off";

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let plan = bench.migration()?.clone();
    diary.step("apply the companions and wait for the database", bench.prepare()).await?;
    diary.step("install what comes before the migration", bench.install_before_migration(helm)).await?;
    let provided = diary.hope(PROVIDED, bench.migration_can_begin()).await;
    diary.look_at_databases(bench, BEFORE, &plan.databases).await?;
    let off: Vec<String> = plan.off.iter().map(|(path, _)| path.clone()).collect();
    diary.latest().map(|latest| latest.answers.insert(OFF.into(), off.join(", ")));

    if !provided {
        return Ok(());
    }

    let taken = diary.step("take two prerequisites away", bench.take_two_prerequisites()).await?;
    if !taken.is_empty() {
        attempt(bench, helm, diary, UNPROVIDED).await?;
        let back = diary.step("see that they are still away", bench.are_there(&taken)).await?;
        if let Some(latest) = diary.latest() {
            let names: Vec<String> = taken.iter().filter_map(|secret| secret.metadata.name.clone()).collect();
            latest.answers.insert(TAKEN.into(), names.join(", "));
            latest.answers.insert(BACK.into(), back.join(", "));
        }
        diary.step("give them back", bench.give_back(&taken)).await?;
        diary.step("wait for what the migration needs again", bench.migration_can_begin()).await?;
    }

    let databases = if plan.databases.is_empty() { bench.own_databases().await? } else { plan.databases.clone() };
    diary.step("wait for the databases", bench.databases_are_there(&databases)).await?;
    diary.step("let every new table take a while", bench.slow_down(&databases)).await?;
    let (ended, killed) = tokio::join!(bench.migrate(helm), bench.kill_migration_half_way());
    diary.step("let tables be made as quickly as before", bench.as_quick_as_before(&databases)).await?;
    diary.hope(KILL, async { killed }).await;
    sum_up(bench, diary, KILLED, ended?).await?;

    if plan.roles.is_empty() {
        tracing::info!("no object says which role's password the migration logs in with, so none is changed");
    } else {
        diary.step("change its password", bench.change_password_of_migration(&unguessed())).await?;
        attempt(bench, helm, diary, AMID_A_ROTATION).await?;
        diary.step("wait until the roles have the passwords", bench.roles_follow(&plan.roles)).await?;
    }
    attempt(bench, helm, diary, MIGRATED).await?;
    attempt(bench, helm, diary, AFTER).await
}

/// Tries, and looks at what came of it.
async fn attempt(bench: &Bench, helm: &Utf8Path, diary: &mut Diary, moment: &str) -> Result<(), BenchError> {
    let ended = diary.step("migrate", bench.migrate(helm)).await?;
    sum_up(bench, diary, moment, ended).await
}

async fn sum_up(bench: &Bench, diary: &mut Diary, moment: &str, ended: Attempt) -> Result<(), BenchError> {
    diary.look_at_databases(bench, moment, &bench.migration()?.databases).await?;
    diary.attempted(ended);
    Ok(())
}
