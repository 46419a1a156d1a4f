//! Registers every credential of a bench before anything uses it, so that no artefact ever holds one.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::ListParams;

use super::{Bench, BenchError};

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
    pub(super) async fn register_credentials(&self) -> Result<(), BenchError> {
        let listed = self.secrets().list(&ListParams::default()).await;
        let listed = listed.map_err(|source| self.objects("read the Secrets", source))?;
        let kept = listed.items.iter().filter(|secret| secret.type_.as_deref() != Some(HELM_RELEASE));
        let credentials: Vec<(String, String)> = kept.flat_map(|secret| self.credentials_of(secret)).collect();
        let credentials = credentials.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.keep.redactor.register_all(credentials).map_err(|source| BenchError::Confidence { source })
    }

    fn credentials_of(&self, secret: &Secret) -> Vec<(String, String)> {
        let name = secret.name_any();
        let values = secret.data.iter().flatten().filter(|(key, _)| !PUBLIC_KEYS.contains(&key.as_str()));
        // What is no text cannot stand in a text.
        let texts = values.filter_map(|(key, value)| Some((key, std::str::from_utf8(&value.0).ok()?.to_owned())));
        texts.map(|(key, text)| (format!("{}/{name}/{key}", self.namespace), text)).collect()
    }
}
