//! A database whose certificate an authority of our own signs, and the Secret that tells clients to trust it.
//!
//! The server's CA and the clients' trust are Secrets of their own, so that each can hold more than one CA, and each
//! can be changed without the other.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use secrecy::ExposeSecret;

use crate::authority::{Authority, IssueError, ServerCertificate};
use crate::bench::{Bench, BenchError};

/// The Secret of the CA by which the operator verifies the server's certificate.
pub(in crate::bench) const SERVER_CA_SECRET: &str = "holdfast-server-ca";
/// The Secret of the server's certificate.
pub(in crate::bench) const SERVER_SECRET: &str = "holdfast-server";
/// The Secret that tells clients whom to trust.
pub(in crate::bench) const TRUST_SECRET: &str = "holdfast-trust";

/// The operator takes changes of a Secret up at once only where it carries this label.
const RELOAD: &str = "cnpg.io/reload";

impl Bench {
    /// Makes the three Secrets, before there is a database.
    pub(in crate::bench) async fn begin_own_ca(&self) -> Result<(), BenchError> {
        let authority = self.new_authority()?;
        self.trust(authority.pem()).await?;
        self.let_operator_trust(authority.pem()).await?;
        self.serve_leaf_of(&authority).await.map(drop)
    }

    /// An authority with a new key.
    ///
    /// # Errors
    /// When no key can be made.
    pub(crate) fn new_authority(&self) -> Result<Authority, BenchError> {
        Authority::new().map_err(|source| self.issue(source))
    }

    /// Tells the clients whom to trust: one CA, or several one after the other, PEM.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn trust(&self, pem: &str) -> Result<(), BenchError> {
        self.put_secret(secret(TRUST_SECRET, "Opaque", [("ca.crt", pem)])).await
    }

    /// Tells the operator by which CA it verifies the server's certificate, PEM.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn let_operator_trust(&self, pem: &str) -> Result<(), BenchError> {
        self.put_secret(secret(SERVER_CA_SECRET, "Opaque", [("ca.crt", pem)])).await
    }

    /// Gives the server a new certificate that the authority signed, under every name of the cluster's Services and of
    /// a pooler, which presents the same; returns that certificate, PEM.
    ///
    /// # Errors
    /// When it cannot be issued or the API server refuses.
    pub(crate) async fn serve_leaf_of(&self, authority: &Authority) -> Result<String, BenchError> {
        let names = service_names(self.database_name()?, self.installation.pooler.as_deref(), self.namespace());
        let ServerCertificate { certificate, key } = authority.issue(&names).map_err(|source| self.issue(source))?;
        let content = [("tls.crt", certificate.as_str()), ("tls.key", key.expose_secret())];
        self.put_secret(secret(SERVER_SECRET, "kubernetes.io/tls", content)).await?;
        Ok(certificate)
    }

    fn issue(&self, source: IssueError) -> BenchError {
        BenchError::Issue { namespace: self.namespace().to_owned(), source }
    }
}

fn secret<'a>(name: &str, kind: &str, content: impl IntoIterator<Item = (&'a str, &'a str)>) -> Secret {
    let bytes = |(key, text): (&str, &str)| (key.to_owned(), ByteString(text.as_bytes().to_vec()));
    Secret {
        metadata: kube::core::ObjectMeta {
            name: Some(name.into()),
            labels: Some(BTreeMap::from([(RELOAD.to_owned(), "true".to_owned())])),
            ..Default::default()
        },
        type_: Some(kind.into()),
        data: Some(content.into_iter().map(bytes).collect()),
        ..Secret::default()
    }
}

/// The names under which clients in the cluster dial CloudNativePG's Services, and that of a pooler.
fn service_names(cluster: &str, pooler: Option<&str>, namespace: &str) -> Vec<String> {
    let services = ["rw", "r", "ro"].map(|role| format!("{cluster}-{role}"));
    let spellings = |service: String| {
        let in_namespace = format!("{service}.{namespace}");
        let in_cluster = format!("{in_namespace}.svc");
        [service.clone(), in_namespace, in_cluster.clone(), format!("{in_cluster}.cluster.local")]
    };
    services.into_iter().chain(pooler.map(str::to_owned)).flat_map(spellings).collect()
}

#[cfg(test)]
mod tests {
    use super::service_names;

    #[test]
    fn every_service_is_named_in_every_spelling() {
        let names = service_names("db", Some("db-pooler"), "test");
        assert_eq!((names.len(), service_names("db", None, "test").len()), (16, 12));
        assert!(
            ["db-rw", "db-r.test", "db-ro.test.svc.cluster.local", "db-pooler.test.svc"]
                .iter()
                .all(|name| names.iter().any(|one| one == name))
        );
    }
}
