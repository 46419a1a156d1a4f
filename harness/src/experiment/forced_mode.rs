//! Tell the workloads an sslmode that does not exist, past the chart, and see whether they start all the same.

use std::collections::BTreeSet;

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use crate::bench::{Bench, BenchError, ModeVariable};
use crate::record::{AFTER, BEFORE, DURING};
use crate::wait::Budget;

/// No mode of libpq.
const UNSUPPORTED: &str = "no-such-mode";

const ANSWER: Budget = Budget::seconds("a new pod of every workload to start or to give up", 45);

pub(super) async fn run(bench: &Bench, _helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let modes: &[ModeVariable] = &bench.installation().modes;
    if modes.is_empty() {
        let reason = format!("no workload is told its sslmode by a {} that the chart writes", ModeVariable::NAME);
        return Err(BenchError::Unsuited(reason));
    }
    let began = Timestamp::now();
    diary.look(bench, BEFORE, began).await?;
    let told: BTreeSet<String> =
        modes.iter().map(|mode| format!("{}/{}", mode.kind.to_lowercase(), mode.name)).collect();
    let mut known = diary.latest().map(|before| before.pods.clone()).unwrap_or_default();
    known.retain(|pod| told.contains(&pod.workload));

    let forced = modes.iter().map(|mode| (mode, UNSUPPORTED));
    diary.step("tell the workloads an sslmode that does not exist", bench.force_modes(forced)).await?;
    diary.hope("wait until new pods start or give up", bench.new_pods_start_or_fail(&known, bench.allow(ANSWER))).await;
    diary.look(bench, DURING, began).await?;
    let disturbed = diary.latest().map(|during| during.pods.clone()).unwrap_or_default();

    let right = modes.iter().map(|mode| (mode, mode.mode.as_str()));
    diary.step("tell them the right one again", bench.force_modes(right)).await?;
    diary.step("wait for every workload to settle again", bench.settle_beside(&disturbed)).await?;
    diary.look(bench, AFTER, began).await
}
