//! Start every replica that migrates when it starts at the same moment, on a database without anything in it. Twice.

use jiff::Timestamp;

use super::diary::Diary;
use super::snapshot::Snapshot;
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
        let schemas = diary.step("look at the databases", bench.schemas(&databases)).await?;
        let pods = diary.step("look at what runs", bench.pod_states()).await?;
        let pods = pods.into_iter().filter(|pod| workloads.contains(&pod.workload)).collect();
        let moment = (*moment).to_owned();
        diary.keep(Snapshot { moment, at: Timestamp::now(), pods, schemas, ..Snapshot::default() });
    }
    Ok(())
}
