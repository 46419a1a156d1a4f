//! Run what copies the CA again: beside its schedule and twice at once, around manifests that are applied by force, and
//! from a source that is empty for a moment.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use super::{AFTER, BEFORE, DURING};
use crate::bench::{Bench, BenchError, COPIED};

/// The moment after two runs at once.
pub const COPIED_TWICE: &str = "after two runs at once";
/// The moment after the manifests of the releases were applied by force, twice.
pub const APPLIED: &str = "after the manifests were applied by force";
/// How a run of the copier ended that ran through.
pub const COPIED_THROUGH: &str = "ran through";
/// The answer to how two runs at once ended, by their number.
pub const RUN: &str = "run";

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.look(bench, BEFORE, began).await?;
    let runs = diary.step("run the copier twice at once", bench.run_copier(2)).await?;
    diary.look(bench, COPIED_TWICE, began).await?;
    note(diary, &runs);
    for count in ["once", "twice"] {
        diary.step(&format!("apply the releases by force, {count}"), bench.apply_releases(helm)).await?;
    }
    diary.look(bench, APPLIED, began).await?;

    // Where the manifests took it away, its copier brings it back; what follows is about the copier.
    diary.step("wait for the copy to follow", follows(bench)).await?;
    let held = diary.step("empty the source", bench.empty_source()).await?;
    let ran = diary.step("run the copier from an empty source", bench.run_copier(1)).await;
    let seen = diary.look(bench, DURING, began).await;
    // Whatever came of it, what the operator published comes back first.
    diary.step("give the source back what it held", bench.fill_source(&held)).await?;
    seen?;
    note(diary, &ran?);
    diary.step("wait for the copy to follow again", follows(bench)).await?;
    diary.step("see that every workload is settled", bench.settle()).await?;
    diary.look(bench, AFTER, began).await
}

fn note(diary: &mut Diary, runs: &[String]) {
    if let Some(latest) = diary.latest() {
        latest.answers.extend(runs.iter().enumerate().map(|(at, ended)| (format!("{RUN} {}", at + 1), ended.clone())));
    }
}

async fn follows(bench: &Bench) -> Result<(), BenchError> {
    bench.copy_follows(bench.allow(COPIED)).await.map_err(|error| bench.waited(error))
}
