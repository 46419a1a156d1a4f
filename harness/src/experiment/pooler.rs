//! What a new certificate asks of a pooler.

use super::diary::Diary;
use crate::bench::{Bench, BenchError, Presented};
use crate::wait::Budget;

/// Rolls a pooler, which the operator does not tell of another certificate, and waits until it presents what the server
/// does; nothing where there is none.
pub(super) async fn roll_the_pooler(
    bench: &Bench,
    diary: &mut Diary,
    wanted: Presented<'_>,
    budget: Budget,
) -> Result<(), BenchError> {
    if bench.installation().pooler.is_none() {
        return Ok(());
    }
    diary.step("roll the pooler", bench.roll_pooler()).await?;
    diary.hope("wait until the pooler presents what the server does", bench.all_present(wanted, budget)).await;
    Ok(())
}
