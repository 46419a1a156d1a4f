//! Run what copies the CA again: beside its schedule and twice at once, around manifests that are applied by force, from
//! a source that is empty for a moment, and from another namespace.

use camino::Utf8Path;
use jiff::Timestamp;
use serde_json::Value;

use super::diary::Diary;
use crate::bench::{Bench, BenchError, COPIED};
use crate::record::{AFTER, BEFORE, DURING, Snapshot};

/// The moment after two runs at once.
pub const COPIED_TWICE: &str = "after two runs at once";
/// The moment after the manifests of the releases were applied by force, twice.
pub const APPLIED: &str = "after the manifests were applied by force";
/// The moment after the CA was copied from another namespace.
pub const ACROSS: &str = "copied from another namespace";
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
    diary.look(bench, AFTER, began).await?;
    match bench.source_namespace_value() {
        Some(value) => copy_across(bench, helm, diary, value).await,
        None => Ok(()),
    }
}

/// The database stands in a namespace of its own, as it does in production.
async fn copy_across(bench: &Bench, helm: &Utf8Path, diary: &mut Diary, value: &str) -> Result<(), BenchError> {
    let annex = diary.step("make a second namespace", bench.raise_annex()).await?;
    let copied = async {
        let published = diary.step("publish the CA there, and another one", bench.publish_in(&annex)).await?;
        let there = [(value.to_owned(), Value::from(annex.as_str()))];
        diary.step("have the copier read there", bench.install_by_force(helm, &there)).await?;
        let runs = diary.step("run the copier", bench.run_copier(1)).await?;
        let copied = diary.step("look at the copy", bench.copied_from(&annex, published)).await?;
        diary.keep(Snapshot { moment: ACROSS.into(), at: Timestamp::now(), copied, ..Snapshot::default() });
        note(diary, &runs);
        Ok(())
    };
    let copied = copied.await;
    // Whatever came of it, the copier reads here again.
    diary.step("have the copier read here again", bench.install_by_force(helm, &[])).await?;
    diary.step("remove the second namespace", bench.clear_annex(&annex)).await?;
    copied?;
    diary.step("wait for the copy to follow once more", follows(bench)).await?;
    diary.step("wait for every workload to settle", bench.settle()).await
}

fn note(diary: &mut Diary, runs: &[String]) {
    if let Some(latest) = diary.latest() {
        latest.answers.extend(runs.iter().enumerate().map(|(at, ended)| (format!("{RUN} {}", at + 1), ended.clone())));
    }
}

async fn follows(bench: &Bench) -> Result<(), BenchError> {
    bench.copy_follows(bench.allow(COPIED)).await.map_err(|error| bench.waited(error))
}
