//! Give the workloads a CA that did not sign the server's certificate, and watch whether they get a session.
//!
//! The server of this bench would accept plaintext: a client that falls back to it is seen, not saved by the server.

use std::collections::BTreeMap;

use camino::Utf8Path;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::diary::{CONNECTED, Diary};
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, BEFORE, DURING};
use crate::wait::Budget;

const FOREIGN_SECRET: &str = "holdfast-foreign-ca";

/// An application may take its time before it dials at all.
const TRIED: Budget = Budget::seconds("a new pod of every client to try", 60);

/// Long enough for several attempts of an application that retries every few seconds.
const WATCHED: Budget = Budget::seconds("a session of a pod that trusts a foreign CA", 10);

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let inputs = bench.ca_inputs()?.clone();
    diary.hope(CONNECTED, bench.somebody_connects(None)).await;
    // All of them: a Job that ran at the installation must not have come in plain text either.
    diary.look(bench, BEFORE, bench.standing_since()).await?;
    let clients = diary.clients();
    let known = diary.step("note which pods there are", bench.pod_states()).await?;

    let began = Timestamp::now();
    diary.step("issue a CA that signed nothing", publish_foreign_ca(bench)).await?;
    let foreign = [(inputs.name, Value::from(FOREIGN_SECRET)), (inputs.key, Value::from("ca.crt"))];
    diary.step("upgrade to the foreign CA", bench.install_disturbed(helm, &foreign)).await?;
    diary.step("wait for new pods of every workload to run", bench.new_pods_run(&known)).await?;
    let tried = bench.new_pods_try(&known, &clients, began, bench.allow(TRIED));
    diary.hope("wait until a new pod of every client tried to come to the database", tried).await;
    diary
        .hope("watch for a session that must not appear", bench.session_of_new_pod(&known, None, bench.allow(WATCHED)))
        .await;
    diary.look(bench, DURING, began).await?;
    let disturbed = diary.latest().map(|during| during.pods.clone()).unwrap_or_default();

    let back = Timestamp::now();
    diary.step("give the right CA back", bench.install(helm, &[])).await?;
    diary.step("wait for every workload to settle again", bench.settle_beside(&disturbed)).await?;
    diary.look(bench, AFTER, back).await
}

async fn publish_foreign_ca(bench: &Bench) -> Result<(), BenchError> {
    let authority = bench.new_authority()?;
    let secret = Secret {
        metadata: kube::core::ObjectMeta { name: Some(FOREIGN_SECRET.into()), ..Default::default() },
        data: Some(BTreeMap::from([("ca.crt".to_owned(), ByteString(authority.pem().as_bytes().to_vec()))])),
        ..Secret::default()
    };
    bench.put_secret(secret).await
}
