//! Replace a CA of our own by one with a new key, in three steps: trust both, serve the new leaf, drop the old CA.
//!
//! Who trusts both while the leaf changes loses no handshake; the server's log tells of every one that a client broke
//! off. That the log would tell is proven by a client of ours that trusts the old CA alone.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use super::pooler::roll_the_pooler;
use crate::bench::{Bench, BenchError, Presented};
use crate::probe::{Login, Transport};
use crate::record::{AFTER, DURING};
use crate::wait::Budget;

/// The step at whose end every pod of the database serves a leaf of the new CA.
pub const NEW_LEAF_SERVED: &str = "wait until the new leaf is served";
/// A login after the rotation, by a client that trusts the old CA alone.
pub const OLD_CA_ALONE: &str = "trusting the old CA alone";

const SERVED: Budget = Budget::seconds("the server to serve the new leaf", 60);
/// After the kubelet refreshed the volume: pools renew their sessions.
const FOLLOWED: Budget = Budget::seconds("every consumer to trust the changed bundle and to have connected since", 45);
const CONNECTED: Budget = Budget::seconds("every consumer to have connected under the new leaf", 45);
/// The log passes through the operator's sidecar and the kubelet on its way. It keeps its order: with this line seen,
/// every earlier one is there too.
const TOLD: Budget = Budget::seconds("the server's log to tell of the handshake that our own client broke off", 15);

pub(super) async fn run(bench: &Bench, _helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.look_at_clients(bench, None).await?;
    let clients = diary.clients();
    let old = String::from_utf8_lossy(&bench.ca_pem().await?).into_owned();
    let authority = bench.new_authority()?;
    let both = format!("{old}{}", authority.pem());
    let followed = bench.allow_refresh(FOLLOWED);

    diary.step("let everybody trust both CAs", bench.trust(&both)).await?;
    diary.step("let the operator trust both CAs", bench.let_operator_trust(&both)).await?;
    let told = Timestamp::now();
    diary.hope("wait until every consumer trusts both", bench.consumers_follow_ca(told, followed)).await;

    let leaf = diary.step("give the server a leaf of the new CA", bench.serve_leaf_of(&authority)).await?;
    let leaf = Presented::Certificate(&leaf);
    diary.step(NEW_LEAF_SERVED, bench.server_presents(leaf, bench.allow(SERVED))).await?;
    roll_the_pooler(bench, diary, leaf, bench.allow(SERVED)).await?;
    let served = Timestamp::now();
    let connected = bench.connects_anew(&clients, served, bench.allow(CONNECTED));
    diary.hope("wait until every consumer connected anew, or failed to", connected).await;
    diary.look(bench, DURING, began).await?;

    diary.step("drop the old CA from the operator's trust", bench.let_operator_trust(authority.pem())).await?;
    diary.step("drop the old CA from everybody's trust", bench.trust(authority.pem())).await?;
    let dropped = Timestamp::now();
    let alone = bench.consumers_follow_ca(dropped, followed);
    diary.hope("wait until every consumer trusts the new one alone", alone).await;

    let tried = Timestamp::now();
    let stale = diary.step("log in trusting the old CA alone", login_of_a_stale_client(bench, &old)).await?;
    let told = bench.turns_a_stranger_away(tried, bench.allow(TOLD));
    diary.hope("wait until the server's log tells of it", told).await;
    diary.look(bench, AFTER, began).await?;
    if let Some(after) = diary.latest() {
        after.tried.extend(stale.map(|login| (OLD_CA_ALONE.to_owned(), login)));
    }
    Ok(())
}

async fn login_of_a_stale_client(bench: &Bench, old: &str) -> Result<Option<Login>, BenchError> {
    let Some(credential) = bench.application_credential().await? else { return Ok(None) };
    let name = format!("{}-rw", bench.database_name()?);
    bench.try_login(&credential, Transport::Verified { name: &name, ca: old.as_bytes() }).await.map(Some)
}
