//! Lose the password of a bundled PostgreSQL, see what whoever dials says of it, and follow the documented way that keeps
//! the data.

use jiff::Timestamp;

use super::diary::Diary;
use super::documented::{COMMANDS, follow_documentation};
use super::first_boot::{begin, look};
use super::rotation::try_both;
use crate::bench::{Bench, BenchError, Programs, unguessed};
use crate::probe::Credential;
use crate::record::{AFTER, BEFORE, DURING};
use crate::wait::Budget;

const COMPLAINED: Budget = Budget::seconds("whoever dials to log 28P01", 60);

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let procedure = bench.bundled()?.keeping_data.clone().ok_or_else(|| undocumented("keeps the data"))?;
    begin(bench, diary, BEFORE).await?;
    let clients = diary.clients();
    let old = diary.step("read the credential", bench.required_credential()).await?;

    let began = Timestamp::now();
    let lost = unguessed();
    diary.step("change the password in the database alone", bench.alter_role(&lost)).await?;
    diary.step("restart every workload that dials", bench.restart_workloads(&clients)).await?;
    let complained = bench.each_complains(&clients, began, bench.allow(COMPLAINED));
    diary.hope("wait until whoever dials complains", complained).await;
    look(bench, diary, DURING, began).await?;

    let new = Credential { password: unguessed(), ..old.clone() };
    let mending = Timestamp::now();
    let secrets = [("NEW_PASSWORD", &new.password)];
    let ran = follow_documentation(bench, programs, diary, &procedure, &secrets).await?;
    diary.hope("wait for every workload to settle for good", bench.settle_for_good()).await;
    look(bench, diary, AFTER, mending).await?;
    diary.latest().map(|latest| latest.answers.insert(COMMANDS.into(), ran));
    try_both(bench, diary, &old, &new).await
}

/// There is nothing to follow.
pub(super) fn undocumented(what: &str) -> BenchError {
    BenchError::Unsuited(format!(
        "the chart's README has no commands under a heading that the subject names for the way that {what}"
    ))
}
