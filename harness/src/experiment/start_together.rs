//! Start every replica that migrates when it starts at the same moment, on a database without anything in it. Twice.

use super::diary::Diary;
use crate::bench::{Bench, BenchError};

/// The moments after each start, in order.
pub const STARTED: &[&str] = &["after the first start", "after the second start"];

pub(super) async fn run(bench: &Bench, diary: &mut Diary) -> Result<(), BenchError> {
    let workloads = bench.installation().migrates_on_start.clone();
    let databases = diary.step("see which databases they have", bench.own_databases()).await?;
    for moment in STARTED {
        let replicas = diary.step("stop every replica", bench.stop(&workloads)).await?;
        diary.step("empty the databases", bench.empty(&databases)).await?;
        diary.step("start them together", bench.start(&replicas)).await?;
        diary.hope("wait for every workload to settle", bench.settle()).await;
        diary.look_at_databases(bench, moment, &databases).await?;
        if let Some(latest) = diary.latest() {
            latest.pods.retain(|pod| workloads.contains(&pod.workload));
        }
    }
    Ok(())
}
