//! Give the workloads a CA that did not sign the server's certificate, and watch whether they get a session.
//!
//! The server of this bench would accept plaintext: a client that falls back to it is seen, not saved by the server.

use std::collections::BTreeMap;

use camino::Utf8Path;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use serde_json::Value;

use super::diary::Diary;
use super::{AFTER, BEFORE, DURING};
use crate::bench::{Bench, BenchError};
use crate::cluster::FIELD_MANAGER;
use crate::wait::Budget;

const FOREIGN_SECRET: &str = "holdfast-foreign-ca";

/// Long enough for several attempts of an application that retries every few seconds.
const WATCHED: Budget = Budget::seconds("a session of a pod that trusts a foreign CA", 10);

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let inputs = bench.ca_inputs()?.clone();
    diary.look(bench, BEFORE, Timestamp::now()).await?;
    let known = diary.step("note which pods there are", bench.pod_states()).await?;

    let began = Timestamp::now();
    diary.step("issue a CA that signed nothing", publish_foreign_ca(bench)).await?;
    let foreign = [(inputs.name, Value::from(FOREIGN_SECRET)), (inputs.key, Value::from("ca.crt"))];
    diary.step("upgrade to the foreign CA", bench.install(helm, &foreign)).await?;
    diary.step("wait for new pods of every workload to run", bench.new_pods_run(&known)).await?;
    diary.hope("watch for a session that must not appear", bench.session_of_new_pod(&known, WATCHED)).await;
    diary.look(bench, DURING, began).await?;

    diary.step("give the right CA back", bench.install(helm, &[])).await?;
    diary.step("wait for every workload to settle again", bench.settle()).await?;
    diary.look(bench, AFTER, Timestamp::now()).await
}

async fn publish_foreign_ca(bench: &Bench) -> Result<(), BenchError> {
    let pem = foreign_ca().map_err(|error| BenchError::Unsuited(format!("issue a CA: {error}")))?;
    let secret = Secret {
        metadata: kube::core::ObjectMeta { name: Some(FOREIGN_SECRET.into()), ..Default::default() },
        data: Some(BTreeMap::from([("ca.crt".to_owned(), ByteString(pem.into_bytes()))])),
        ..Secret::default()
    };
    let parameters = PatchParams::apply(FIELD_MANAGER);
    let applied = bench.secrets().patch(FOREIGN_SECRET, &parameters, &Patch::Apply(&secret)).await;
    applied.map(drop).map_err(|source| bench.objects("publish the foreign CA", source))
}

fn foreign_ca() -> Result<String, rcgen::Error> {
    let key = rcgen::KeyPair::generate()?;
    let mut parameters = rcgen::CertificateParams::new(Vec::new())?;
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "a CA that signed nothing");
    Ok(parameters.self_signed(&key)?.pem())
}
