//! Registers every credential of a bench before anything uses it, so that no artefact ever holds one.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::watcher;

use crate::bench::{Bench, BenchError};
use crate::cluster::FIELD_MANAGER;
use crate::digest::sha256;
use crate::graph::Dsn;
use crate::plaintext::{is_credential, is_name, is_password_name, is_setting, is_word};
use crate::record::Experiment;
use crate::redact::SHORTEST;
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
        self.register_all_of(&secrets)
    }

    fn register_all_of(&self, secrets: &[Secret]) -> Result<(), BenchError> {
        let installed = &self.installation;
        let of_the_bench = [&self.namespace, &installed.subject, &installed.overlay].map(String::as_str);
        let credentials = credentials_in(secrets, &of_the_bench);
        let named = credentials.iter().map(|(path, value)| (format!("{}/{path}", self.namespace), value.as_str()));
        let named: Vec<(String, &str)> = named.collect();
        let named = named.iter().map(|(name, value)| (name.as_str(), *value));
        self.keep.redactor.register_all(named).map_err(|source| BenchError::Confidence { source })
    }

    /// Every Secret of the namespace but those in which Helm keeps releases.
    ///
    /// # Errors
    /// When the Secrets cannot be read.
    pub(in crate::bench) async fn read_secrets(&self) -> Result<Vec<Secret>, BenchError> {
        let listed = self.secrets().list(&ListParams::default()).await;
        let listed = listed.map_err(|source| self.objects("read the Secrets", source))?;
        Ok(listed.items.into_iter().filter(|secret| secret.type_.as_deref() != Some(HELM_RELEASE)).collect())
    }

    /// Writes a Secret; what is in it is registered before.
    ///
    /// # Errors
    /// When a value cannot be registered or the API server refuses.
    pub(crate) async fn put_secret(&self, secret: Secret) -> Result<(), BenchError> {
        self.register_all_of(std::slice::from_ref(&secret))?;
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
}

/// The credentials in Secrets, `secret/key` and value; `names` are of the run, and a report without them is none.
///
/// A Secret may hold a whole environment. What is masked there is all but plain words, names and what is part of a name
/// by which artefacts are called: it would tear holes into every text and hide nothing.
fn credentials_in(secrets: &[Secret], names: &[&str]) -> Vec<(String, String)> {
    let of_secrets: Vec<String> = secrets.iter().map(ResourceExt::name_any).collect();
    let experiments = Experiment::ALL.iter().map(|experiment| experiment.name());
    let names: Vec<&str> =
        names.iter().copied().chain(of_secrets.iter().map(String::as_str)).chain(experiments).collect();
    let mut found = Vec::new();
    for (secret, name) in secrets.iter().zip(&of_secrets) {
        for (key, value) in secret.data.iter().flatten() {
            // What is no text cannot stand in a text.
            let Ok(value) = std::str::from_utf8(&value.0) else { continue };
            let dsn = Dsn::parse_str(value);
            let values = is_confidential(key, value).then_some(value).into_iter();
            let values = values.chain(dsn.iter().flat_map(Dsn::passwords));
            let is_part = |value: &str| names.iter().any(|name| name.contains(value.trim_end()));
            // Short ones are never masked, and the report says of which that is so.
            let kept = values.filter(|value| value.len() < SHORTEST || !is_word(value) && !is_part(value));
            found.extend(kept.map(|value| (format!("{name}/{key}"), value.to_owned())));
        }
    }
    found
}

/// Whether a value must not be shown: whatever its key is called, unless it says itself that it is none.
fn is_confidential(key: &str, value: &str) -> bool {
    if PUBLIC_KEYS.contains(&key) {
        return false;
    }
    is_password_name(key) || is_credential(key, value) || !(is_setting(value) || is_name(key, value))
}

/// The digests of credentials, by Secret and key. Digests are SHA-256 in lower-case hexadecimal.
pub(in crate::bench) fn digests_of(secrets: &[Secret]) -> BTreeMap<String, BTreeMap<String, String>> {
    let digests = secrets.iter().map(|secret| {
        let values = secret.data.iter().flatten().filter(|(key, _)| !PUBLIC_KEYS.contains(&key.as_str()));
        (secret.name_any(), values.map(|(key, value)| (key.clone(), sha256(&value.0))).collect())
    });
    digests.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use kube::api::ObjectMeta;
    use rstest::rstest;

    use super::credentials_in;

    fn secret(name: &str, key: &str, value: &str) -> Secret {
        let data = BTreeMap::from([(key.to_owned(), ByteString(value.as_bytes().to_vec()))]);
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        Secret { metadata, data: Some(data), ..Secret::default() }
    }

    fn registered(key: &str, value: &str) -> Vec<String> {
        let secrets = [secret("agents-db-app", "password", "ab"), secret("env", key, value)];
        let found = credentials_in(&secrets, &["hf-20261122-1412-k3f9-shop-x1-declared", "shop-x1", "declared"]);
        found.into_iter().filter(|(name, _)| name.starts_with("env/")).map(|(_, value)| value).collect()
    }

    #[rstest]
    #[case::database("POSTGRES_DB", "infisical")]
    #[case::database_of_two_words("POSTGRES_DB", "agents_runtime")]
    #[case::role("POSTGRES_USER", "postgres")]
    #[case::role_with_a_digit("PGUSER", "app_v2")]
    #[case::host("DB_HOST", "agents-db-rw.default.svc")]
    #[case::overlay("NODE_ENV", "production")]
    #[case::sslmode("PGSSLMODE", "verify-full")]
    #[case::level("LOG_LEVEL", "WARNING")]
    #[case::capital("MODE", "Development")]
    #[case::public("ca.crt", "-----BEGIN CERTIFICATE-----")]
    #[case::subject("APP", "shop-x1")]
    #[case::part_of_the_namespace("PREFIX", "shop-x1-declared")]
    #[case::part_of_the_name_of_a_secret("PREFIX", "agents-db")]
    #[case::experiment("MODE", "rotate-password")]
    #[case::word_for_a_password("PASSWORD", "postgres")]
    fn what_tears_holes_and_hides_nothing_is_not_registered(#[case] key: &str, #[case] value: &str) {
        assert_eq!(registered(key, value), [""; 0]);
    }

    #[rstest]
    #[case::password("password", "kX9fT2mQ7rLw")]
    #[case::password_of_words("DB_PASSWORD", "correct-horse")]
    #[case::long_word("DB_PASSWORD", "correcthorsebattery")]
    #[case::password_like_an_sslmode("password", "verify-full")]
    #[case::password_in_capitals("password", "LETMEIN")]
    #[case::key_of_no_name("whatever", "kX9fT2mQ7rLw")]
    #[case::words_under_no_name("whatever", "correct-horse")]
    #[case::word_with_a_digit("whatever", "hunter2")]
    #[case::digits("pin", "12345678")]
    #[case::short("password", "abc")]
    #[case::under_the_name_of_a_name("DB_USER", "kX9fT2mQ7rLw")]
    #[case::random_where_a_host_should_be("DB_HOST", "0123456789abcdef0123456789abcdef")]
    fn a_password_is_registered_whatever_its_key_is_called(#[case] key: &str, #[case] value: &str) {
        assert_eq!(registered(key, value), [value]);
    }

    #[test]
    fn the_password_of_a_connection_string_is_registered_by_itself_too() {
        let uri = "postgresql://app:p%40ss-w0rd@db/app";
        assert_eq!(registered("DATABASE", uri), [uri, "p@ss-w0rd", "p%40ss-w0rd"]);
    }
}
