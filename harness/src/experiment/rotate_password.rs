//! Change the password in its Secret, as people do, while a writer writes; then see whether the old one comes back.
//!
//! What brings an old password back is a process of the operator that starts with what it remembers, and a release that
//! is rolled back; so the primary is restarted and the release rolled back before the last look.

use jiff::Timestamp;

use super::diary::Diary;
use super::install::SETTLE;
use super::rotation::{CHANGED, Rotation, beside_a_writer, drain, follow, try_both};
use crate::bench::{Bench, BenchError, Programs};
use crate::record::{AFTER, DURING};

/// The moment after the primary was restarted.
pub const RESTARTED: &str = "after a restart of the primary";

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let old = diary.step("read the credential", bench.required_credential()).await?;
    diary.look_at_clients(bench, Some(&old.role)).await?;
    let clients = diary.clients();
    let password = Bench::new_password();
    let mut rotated = None;
    let began = Timestamp::now();
    beside_a_writer(bench, diary, async |diary| {
        bench.mark(CHANGED).await?;
        let changed = Timestamp::now();
        let new = diary.step("change the password in its Secret", bench.write_password(&password)).await?;
        follow(bench, programs, diary, &Rotation::new(&old, &new, &clients)).await?;
        drain(bench, diary, changed, &old.role).await?;
        rotated = Some(new);
        Ok(())
    })
    .await?;
    let Some(new) = rotated else { return Ok(()) };
    diary.look(bench, DURING, began).await?;
    let of_keys = diary.step("log in with every key of the Secret", bench.try_every_key()).await?;
    if let Some(latest) = diary.latest() {
        latest.tried.extend(of_keys);
    }
    try_both(bench, diary, &old, &new).await?;

    let restarting = Timestamp::now();
    diary.step("restart the primary", bench.restart_primary()).await?;
    diary.look(bench, RESTARTED, restarting).await?;
    try_both(bench, diary, &old, &new).await?;

    diary.step("upgrade the releases, without a change", bench.install(&programs.helm, &[])).await?;
    diary.step("roll the releases back", bench.roll_back(&programs.helm)).await?;
    // A pooler that turns everybody away is an answer, and so is a chart that does not come up again.
    diary.hope(SETTLE, bench.settle()).await;
    diary.look(bench, AFTER, restarting).await?;
    try_both(bench, diary, &old, &new).await
}
