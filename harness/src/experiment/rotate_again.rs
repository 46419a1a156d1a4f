//! Change the password twice in a row, before anybody could follow, and then to the value that it has.

use jiff::Timestamp;

use super::diary::Diary;
use super::rotation::{CHANGED, Rotation, beside_a_writer, follow, try_both};
use crate::bench::{Bench, BenchError, Programs};
use crate::record::AFTER;

/// The writer's mark of the second change.
pub const CHANGED_AGAIN: &str = "change the credential again";
/// The writer's mark of the change that changes nothing.
pub const SAME_VALUE: &str = "write the same value once more";

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let old = diary.step("read the credential", bench.required_credential()).await?;
    diary.look_at_clients(bench, Some(&old.role)).await?;
    let clients = diary.clients();
    let began = Timestamp::now();
    let mut rotated = None;
    beside_a_writer(bench, diary, async |diary| {
        bench.mark(CHANGED).await?;
        let between = diary.step("change the password", bench.write_password(&Bench::new_password())).await?;
        bench.mark(CHANGED_AGAIN).await?;
        let new = diary.step("change it again at once", bench.write_password(&Bench::new_password())).await?;
        follow(bench, programs, diary, &Rotation::new(&old, &new, &clients)).await?;
        bench.mark(SAME_VALUE).await?;
        let touched = Timestamp::now();
        diary.step("write the same value once more", bench.touch_credential()).await?;
        // The role has a new salt then, or nothing happened; either way every new login has to work.
        diary
            .hope(
                "wait until every consumer logged in since",
                bench.every_client_logs_in_soon(&clients, &old.role, touched),
            )
            .await;
        rotated = Some((between, new));
        Ok(())
    })
    .await?;
    let Some((between, new)) = rotated else { return Ok(()) };
    diary.look(bench, AFTER, began).await?;
    try_both(bench, diary, &between, &new).await
}
