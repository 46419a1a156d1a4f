//! Put a wrong CA into the Secret that clients trust, let every pod start with it, and put the prior one back.
//!
//! The pods start anew with the wrong CA, as they do when a node is drained that night: only so is found out whether
//! the way back reaches them.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use super::{AFTER, DURING};
use crate::bench::{Bench, BenchError};
use crate::wait::Budget;

/// The step that puts the prior CA back.
pub const PRIOR_CA_BACK: &str = "put the prior CA back into the Secret";

const TURNED_AWAY: Budget = Budget::seconds("every client to fail under the wrong CA", 60);
/// After the kubelet refreshed the volume: a client that failed for a while waits before it tries again.
const RESTORED: Budget = Budget::seconds("every client to trust the prior CA again and to have connected under it", 30);

pub(super) async fn run(bench: &Bench, _helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    diary.look_at_clients(bench).await?;
    let clients = diary.clients();
    let prior = String::from_utf8_lossy(&bench.ca_pem().await?).into_owned();

    let known = bench.pod_states().await?;
    diary.step("put a wrong CA into the Secret", bench.trust(bench.new_authority()?.pem())).await?;
    diary.step("let every pod start anew", bench.replace_pods()).await?;
    diary.step("wait for new pods of every workload to run", bench.new_pods_run(&known)).await?;
    // The old ones may have been turned away on their way out; that says nothing of how the new ones began.
    let began = Timestamp::now();
    let failing = bench.turned_away(&clients, began, bench.allow(TURNED_AWAY));
    diary.hope("wait until every client was turned away", failing).await;
    diary.look(bench, DURING, began).await?;

    diary.step(PRIOR_CA_BACK, bench.trust(&prior)).await?;
    let back = Timestamp::now();
    diary
        .hope("wait until every client is served again", bench.consumers_follow_ca(back, bench.allow_refresh(RESTORED)))
        .await;
    diary.look(bench, AFTER, back).await
}
