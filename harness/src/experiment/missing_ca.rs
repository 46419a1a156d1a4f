//! Start the workloads with a key that the CA Secret does not have, then with a Secret that does not exist.

use camino::Utf8Path;
use jiff::Timestamp;
use serde_json::Value;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, BEFORE};
use crate::wait::Budget;

/// The moment when the Secret lacks the key.
pub const WRONG_KEY: &str = "the Secret lacks the key";
/// The moment when the Secret is not there.
pub const MISSING_SECRET: &str = "the Secret is missing";
/// The key that the Secret lacks.
pub const WRONG_KEY_NAME: &str = "holdfast-wrong-key.crt";
/// The Secret that is missing.
pub const MISSING_SECRET_NAME: &str = "holdfast-missing-secret";

const ANSWER: Budget = Budget::seconds("a new pod of every workload to be blocked or ready", 45);

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let inputs = bench.ca_inputs()?.clone();
    let disturbances = [(WRONG_KEY, inputs.key, WRONG_KEY_NAME), (MISSING_SECRET, inputs.name, MISSING_SECRET_NAME)];
    for (moment, value, missing) in disturbances {
        let began = Timestamp::now();
        // Before each disturbance anew: giving the right reference back may have replaced pods.
        diary.look(bench, BEFORE, began).await?;
        let known = diary.latest().map(|before| before.pods.clone()).unwrap_or_default();
        diary
            .step(&format!("upgrade so that {moment}"), bench.install_disturbed(helm, &[(value, Value::from(missing))]))
            .await?;
        diary
            .hope(
                "wait until new pods are blocked or ready",
                bench.new_pods_answer(&known, missing, bench.allow(ANSWER)),
            )
            .await;
        diary.look(bench, moment, began).await?;
        let disturbed = diary.latest().map(|during| during.pods.clone()).unwrap_or_default();
        // Back in between, so that each disturbance meets the same old pods.
        diary.step("give the right reference back", bench.install(helm, &[])).await?;
        diary.step("wait for every workload to settle again", bench.settle_beside(&disturbed)).await?;
    }
    diary.look(bench, AFTER, Timestamp::now()).await
}
