//! Take the CA away from the values, and see whether the application still starts, without any rest of the CA.

use camino::Utf8Path;
use jiff::Timestamp;
use serde_json::Value;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, BEFORE, DURING};

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let inputs = bench.ca_inputs()?.clone();
    let began = Timestamp::now();
    diary.look(bench, BEFORE, began).await?;

    let unset = [(inputs.name, Value::from(""))];
    diary.step("upgrade without a CA", bench.install(helm, &unset)).await?;
    // A workload that does not start without its CA is an answer.
    diary.hope("wait for every workload to settle", bench.settle()).await;
    diary.look(bench, DURING, began).await?;
    let disturbed = diary.latest().map(|during| during.pods.clone()).unwrap_or_default();

    diary.step("give the CA back", bench.install(helm, &[])).await?;
    diary.step("wait for every workload to settle again", bench.settle_beside(&disturbed)).await?;
    diary.look(bench, AFTER, began).await
}
