//! Put a wrong CA into the Secret that clients trust, let every pod start with it, and put the prior one back.
//!
//! The pods start anew with the wrong CA, as they do when a node is drained that night: only so is found out whether
//! the way back reaches them.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, DURING};
use crate::wait::Budget;

/// The step at whose end only pods are there that started with the wrong CA.
pub const OLD_PODS_GONE: &str = "wait until the pods of before are gone";
/// The step that puts the prior CA back.
pub const PRIOR_CA_BACK: &str = "put the prior CA back into the Secret";

/// A pod has 30 s to end unless it says otherwise.
const GONE: Budget = Budget::seconds("the pods of before to be gone", 45);
const TURNED_AWAY: Budget = Budget::seconds("every client to fail under the wrong CA", 60);
/// After the kubelet refreshed the volume: a client that failed for a while waits before it tries again.
const RESTORED: Budget = Budget::seconds("every client to trust the prior CA again and to have connected under it", 30);

pub(super) async fn run(bench: &Bench, _helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    diary.look_at_clients(bench, None).await?;
    let clients = diary.clients();
    let prior = String::from_utf8_lossy(&bench.ca_pem().await?).into_owned();

    let known = diary.latest().map(|before| before.pods.clone()).unwrap_or_default();
    let began = Timestamp::now();
    diary.step("put a wrong CA into the Secret", bench.trust(bench.new_authority()?.pem())).await?;
    diary.step("let every pod start anew", bench.replace_pods()).await?;
    diary.hope("wait for new pods of every workload to run", bench.new_pods_run(&known)).await;
    // The old ones may be turned away on their way out; that says nothing of how the new ones began.
    diary.hope(OLD_PODS_GONE, bench.known_pods_are_gone(&known, bench.allow(GONE))).await;
    let failing = bench.turned_away(&clients, began, Timestamp::now(), bench.allow(TURNED_AWAY));
    diary.hope("wait until every client was turned away", failing).await;
    diary.look(bench, DURING, began).await?;

    diary.step(PRIOR_CA_BACK, bench.trust(&prior)).await?;
    let back = Timestamp::now();
    diary
        .hope("wait until every client is served again", bench.consumers_follow_ca(back, bench.allow_refresh(RESTORED)))
        .await;
    diary.look(bench, AFTER, back).await
}
