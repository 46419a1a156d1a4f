//! Upgrade twice without any change, and see which credentials are not what they were.
//!
//! Twice, because what `lookup` keeps the first time may still be made anew by a hook the second time.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use super::{AFTER, BEFORE};
use crate::bench::{Bench, BenchError};

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.look(bench, BEFORE, began).await?;
    for count in ["once", "twice"] {
        diary.step(&format!("upgrade with the same values, {count}"), bench.install(helm, &[])).await?;
        diary.step("wait for every workload to settle", bench.settle()).await?;
    }
    diary.look(bench, AFTER, began).await
}
