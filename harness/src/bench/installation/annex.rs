//! A second namespace of a bench, for a CA that is published where the database is and read where the application is.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use crate::authority::Authority;
use crate::bench::{Bench, BenchError, namespace_object};
use crate::cluster::{FIELD_MANAGER, Leftover, Provider};
use crate::digest::sha256;
use crate::record::CopiedCa;

impl Bench {
    /// The value that says in which namespace the copier finds its source, where there may be a second namespace:
    /// whoever lends a cluster has given rights in one.
    pub(crate) fn source_namespace_value(&self) -> Option<&str> {
        let copier = self.installation.copier.as_ref().filter(|copier| copier.source.is_some());
        let ours = self.cluster.handle().provider == Provider::Kind;
        copier.filter(|_| ours).and_then(|copier| copier.source_namespace_value.as_deref())
    }

    /// Makes the second namespace, and returns its name. It goes with the run like the first one.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn raise_annex(&self) -> Result<String, BenchError> {
        let own = self.namespace().strip_prefix(&format!("hf-{}-", self.run)).unwrap_or(self.namespace());
        let namespace = Self::namespace_of(&self.run, &format!("{own}-source"));
        let object = namespace_object(&namespace, &self.run, &self.installation.subject)?;
        let api: Api<Namespace> = Api::all(self.cluster.client().clone());
        let made = api.create(&by_us(), &object).await;
        made.map_err(|source| BenchError::Namespace { namespace: namespace.clone(), source })?;
        Ok(namespace)
    }

    /// Asks for the removal of the second namespace, and does not wait for it.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn clear_annex(&self, namespace: &str) -> Result<(), BenchError> {
        let removed = self.cluster.remove(&Leftover::namespace(&self.run, namespace)).await;
        removed.map_err(|source| BenchError::Clear { namespace: namespace.to_owned(), source })
    }

    /// Publishes in a second namespace what the copier reads here, and behind it a CA of ours, and returns its digest.
    /// Whoever trusts both goes on as before, and the copy tells where it comes from.
    ///
    /// # Errors
    /// When the source cannot be read, or the API server refuses.
    pub(crate) async fn publish_in(&self, namespace: &str) -> Result<String, BenchError> {
        let (name, key) = self.source()?;
        let held = self.secrets().get(name).await;
        let held = held.map_err(|source| self.objects(format!("read Secret {name}"), source))?;
        let mut content = held.data.and_then(|mut data| data.remove(key)).unwrap_or_default().0;
        let other =
            Authority::new().map_err(|source| BenchError::Issue { namespace: self.namespace().to_owned(), source })?;
        content.extend_from_slice(other.pem().as_bytes());
        let digest = sha256(&content);
        let secret = Secret {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            data: Some([(key.to_owned(), ByteString(content))].into()),
            ..Secret::default()
        };
        let made = Api::<Secret>::namespaced(self.cluster.client().clone(), namespace).create(&by_us(), &secret).await;
        made.map_err(|source| BenchError::Objects {
            action: format!("make Secret {name}"),
            namespace: namespace.to_owned(),
            source,
        })?;
        Ok(digest)
    }

    /// The copy beside what was published in a second namespace, and what the copier may do there.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub(crate) async fn copied_from(&self, namespace: &str, published: String) -> Result<Option<CopiedCa>, BenchError> {
        let Some(copied) = self.copied_ca(&self.read_secrets().await?) else { return Ok(None) };
        let rights = self.rights_of_copier_in(namespace).await?;
        Ok(Some(CopiedCa { source: Some(published), rights, ..copied }))
    }
}

fn by_us() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() }
}
