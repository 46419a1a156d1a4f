//! Replace the operator's CA by one with a new key, in the recommended order, and see who follows.
//!
//! Renewal keeps the key, so that clients with a stale file go on verifying; only a new key tests the change of trust.
//! Deleting everything at once can sign a leaf with the old CA, so the leaves are deleted after the new CA is there.

use camino::Utf8Path;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use kube::runtime::watcher;

use super::diary::{CONNECTED, Diary};
use super::pooler::roll_the_pooler;
use crate::bench::{Bench, BenchError, COPIED, Presented};
use crate::probe::{Certificate, certificates_of};
use crate::record::{AFTER, BEFORE};
use crate::wait::{Budget, Progress, watch_until};

/// The step at whose end every pod of the database serves a leaf of the new CA.
pub const ON_THE_WIRE: &str = "wait for the new leaf on the wire";

/// The step that waits for what copies the CA, where something does.
pub const COPY_FOLLOWS: &str = "wait for the copy of the CA to follow";

const NEW_CA: Budget = Budget::seconds("the operator to issue a CA with a new key", 30);
const NEW_LEAF: Budget = Budget::seconds("the server to serve a leaf of the new CA", 60);
/// After the kubelet refreshed the volume: pools renew their sessions, and whoever failed for a while tries again.
pub(super) const FOLLOWED: Budget =
    Budget::seconds("every consumer to trust the new CA and to have connected under it", 45);

pub(super) async fn run(bench: &Bench, _helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let cluster = bench.database_name()?.to_owned();
    diary.hope(CONNECTED, bench.somebody_connects(None)).await;
    let began = Timestamp::now();
    diary.look(bench, BEFORE, began).await?;

    let old = bench.ca_pem().await?;
    diary.step("delete the operator's CA", delete(bench, &format!("{cluster}-ca"))).await?;
    diary.step("wait for a CA with a new key", new_ca(bench, &format!("{cluster}-ca"), &old)).await?;
    let pooled = bench.installation().pooler.is_some();
    // The pooler logs in at the server with a certificate of its own.
    for leaf in ["server", "replication", "pooler"].iter().filter(|leaf| pooled || **leaf != "pooler") {
        diary.step(&format!("delete the {leaf} certificate"), delete(bench, &format!("{cluster}-{leaf}"))).await?;
    }
    let of_new_ca = Presented::LeafOfPublishedCa;
    diary.step(ON_THE_WIRE, bench.server_presents(of_new_ca, bench.allow(NEW_LEAF))).await?;
    roll_the_pooler(bench, diary, of_new_ca, bench.allow(NEW_LEAF)).await?;

    let on_the_wire = Timestamp::now();
    if bench.installation().copier.is_some() {
        let budget = bench.allow(COPIED);
        diary.limit(COPY_FOLLOWS, budget.limit);
        diary.hope(COPY_FOLLOWS, bench.copy_follows(budget)).await;
    }
    diary
        .hope(
            "wait for every consumer to follow",
            bench.consumers_follow_ca(on_the_wire, bench.allow_refresh(FOLLOWED)),
        )
        .await;
    diary.look(bench, AFTER, began).await
}

async fn delete(bench: &Bench, secret: &str) -> Result<(), BenchError> {
    let deleted = bench.secrets().delete(secret, &DeleteParams::default()).await;
    deleted.map(drop).map_err(|source| bench.objects(format!("delete Secret {secret}"), source))
}

/// The key decides, not the bytes: a renewed CA has other bytes and the same key.
async fn new_ca(bench: &Bench, name: &str, old: &[u8]) -> Result<(), BenchError> {
    let old_key = key_of(old);
    let selection = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let renewed = watch_until(bench.api::<Secret>(), selection, bench.allow(NEW_CA), |secrets| {
        let data = secrets.get(name).and_then(|secret| secret.data.as_ref());
        match data.and_then(|data| data.get("ca.crt")).map(|pem| key_of(&pem.0)) {
            None => Progress::NotYet(format!("Secret {name} is not there")),
            Some(key) if key == old_key => Progress::NotYet(format!("Secret {name} still has the old key")),
            Some(_) => Progress::Ready(()),
        }
    });
    renewed.await.map_err(|error| bench.waited(error))
}

fn key_of(pem: &[u8]) -> Option<String> {
    let certificates = certificates_of(pem).ok()?;
    Some(Certificate::of_der(certificates.first()?).ok()?.spki_sha256)
}
