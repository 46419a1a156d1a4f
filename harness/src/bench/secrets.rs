//! Registers every credential of a bench before anything uses it, so that no artefact ever holds one.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::watcher;

use super::{Bench, BenchError};
use crate::cluster::FIELD_MANAGER;
use crate::digest::sha256;
use crate::wait::{Budget, Objects, Progress, watch_until};

const AGAIN: Budget = Budget::seconds("a deleted Secret to be made again", 30);

/// Keys whose values are names, addresses or public certificates; to mask them would hide evidence.
const PUBLIC_KEYS: &[&str] =
    &["username", "user", "dbname", "host", "port", "ca.crt", "tls.crt", "namespace", "service-ca.crt"];

/// Helm keeps whole releases in Secrets of this type; what is secret in them is registered from its own Secret.
const HELM_RELEASE: &str = "helm.sh/release.v1";

impl Bench {
    /// Registers the credentials of every Secret of the namespace. To be called after anything that may make one.
    ///
    /// # Errors
    /// When the Secrets cannot be read or a value cannot be registered.
    pub(crate) async fn register_credentials(&self) -> Result<(), BenchError> {
        let secrets = self.read_secrets().await?;
        let credentials: Vec<(String, String)> =
            secrets.iter().flat_map(|secret| self.credentials_of(secret)).collect();
        let credentials = credentials.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.keep.redactor.register_all(credentials).map_err(|source| BenchError::Confidence { source })
    }

    /// Every Secret of the namespace but those in which Helm keeps releases.
    ///
    /// # Errors
    /// When the Secrets cannot be read.
    pub(super) async fn read_secrets(&self) -> Result<Vec<Secret>, BenchError> {
        let listed = self.secrets().list(&ListParams::default()).await;
        let listed = listed.map_err(|source| self.objects("read the Secrets", source))?;
        Ok(listed.items.into_iter().filter(|secret| secret.type_.as_deref() != Some(HELM_RELEASE)).collect())
    }

    /// Writes a Secret; what is in it is registered before.
    ///
    /// # Errors
    /// When a value cannot be registered or the API server refuses.
    pub(crate) async fn put_secret(&self, secret: Secret) -> Result<(), BenchError> {
        let credentials = self.credentials_of(&secret);
        let credentials = credentials.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.keep.redactor.register_all(credentials).map_err(|source| BenchError::Confidence { source })?;
        let name = secret.name_any();
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let applied = self.secrets().patch(&name, &parameters, &Patch::Apply(&secret)).await;
        applied.map(drop).map_err(|source| self.objects(format!("write Secret {name}"), source))
    }

    /// Deletes what the installation says is deleted, and waits until it is made again.
    ///
    /// # Errors
    /// When the API server refuses, or nobody makes it again.
    pub(crate) async fn plant_deletions(&self) -> Result<(), BenchError> {
        for name in &self.installation.deleted {
            let deleted = self.secrets().delete(name, &DeleteParams::default()).await;
            let deleted = deleted.map_err(|source| self.objects(format!("delete Secret {name}"), source))?;
            let before = deleted.right().and_then(|status| status.details).map(|details| details.uid);
            let selection = watcher::Config::default().fields(&format!("metadata.name={name}"));
            let again = watch_until(self.secrets(), selection, self.allow(AGAIN), |secrets: &Objects<Secret>| {
                match secrets.values().next() {
                    Some(secret) if secret.metadata.uid != before => Progress::Ready(()),
                    Some(_) => Progress::NotYet(format!("Secret {name} is still the one of before")),
                    None => Progress::NotYet(format!("Secret {name} is not there")),
                }
            });
            again.await.map_err(|error| self.waited(error))?;
        }
        self.register_credentials().await
    }

    fn credentials_of(&self, secret: &Secret) -> Vec<(String, String)> {
        let name = secret.name_any();
        let values = secret.data.iter().flatten().filter(|(key, _)| !PUBLIC_KEYS.contains(&key.as_str()));
        // What is no text cannot stand in a text.
        let texts = values.filter_map(|(key, value)| Some((key, std::str::from_utf8(&value.0).ok()?.to_owned())));
        texts.map(|(key, text)| (format!("{}/{name}/{key}", self.namespace), text)).collect()
    }
}

/// The digests of credentials, by Secret and key. Digests are SHA-256 in lower-case hexadecimal.
pub(super) fn digests_of(secrets: &[Secret]) -> BTreeMap<String, BTreeMap<String, String>> {
    let digests = secrets.iter().map(|secret| {
        let values = secret.data.iter().flatten().filter(|(key, _)| !PUBLIC_KEYS.contains(&key.as_str()));
        (secret.name_any(), values.map(|(key, value)| (key.clone(), sha256(&value.0))).collect())
    });
    digests.collect()
}
