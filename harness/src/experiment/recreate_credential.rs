//! Delete the Secret with the credential, take a pod away meanwhile, and have the Secret made again by whoever makes it.
//!
//! The operator makes its own at once; a chart makes its own at the next upgrade, which is what a sync is.

use std::time::Instant;

use jiff::Timestamp;

use super::diary::Diary;
use super::rotation::{CHANGED, FRESH_GAP, Rotation, beside_a_writer, follow, held_up, try_both};
use crate::bench::{Bench, BenchError, Programs};
use crate::record::AFTER;

/// The answer to who made the Secret again.
pub const MADE_BY: &str = "who made the Secret again";
/// The operator, or a controller.
pub const BY_ITSELF: &str = "a controller";
/// The chart.
pub const BY_UPGRADE: &str = "an upgrade of the releases";

/// The step that deletes the Secret.
pub const DELETE: &str = "delete the Secret";
/// The step that waits for a controller to make it again; where none does, there is no Secret as long as it lasts.
pub const WITHOUT: &str = "wait until it is made again";

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let old = diary.step("read the credential", bench.required_credential()).await?;
    diary.look_at_clients(bench, Some(&old.role)).await?;
    let clients = diary.clients();
    let began = Timestamp::now();
    let mut made = None;
    beside_a_writer(bench, diary, async |diary| {
        bench.mark(CHANGED).await?;
        diary.step(DELETE, bench.delete_credential()).await?;
        let deleted = Instant::now();
        let by_itself = diary.hope(WITHOUT, bench.credential_is_back()).await;
        if !by_itself {
            diary.step("upgrade the releases", bench.install(&programs.helm, &[])).await?;
            diary.step("wait until it is made again by that", bench.credential_is_back()).await?;
        }
        // A kubelet that cannot mount asks again after twice the time each time, so that it may come back to the Secret as
        // late again as the Secret was away; whoever reads it from a volume has the old password for so long.
        held_up(bench, diary, &[FRESH_GAP], deleted.elapsed());
        let new = diary.step("read the new credential", bench.required_credential()).await?;
        diary.step("register what is new", bench.register_credentials()).await?;
        follow(bench, programs, diary, &Rotation::new(&old, &new, &clients)).await?;
        made = Some((new, by_itself));
        Ok(())
    })
    .await?;
    let Some((new, by_itself)) = made else { return Ok(()) };
    diary.step("wait for every workload to settle", bench.settle()).await?;
    diary.look(bench, AFTER, began).await?;
    let of_keys = diary.step("log in with every key of the Secret", bench.try_every_key()).await?;
    if let Some(latest) = diary.latest() {
        latest.tried.extend(of_keys);
        let maker = if by_itself { BY_ITSELF } else { BY_UPGRADE };
        latest.answers.insert(MADE_BY.into(), maker.into());
    }
    try_both(bench, diary, &old, &new).await
}
