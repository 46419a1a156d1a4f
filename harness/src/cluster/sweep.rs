//! Removing what runs left behind, by label.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};

use super::{Cluster, RUN_LABEL};

/// Why something could not be swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The namespaces cannot be listed.
    #[error("find the namespaces that runs made")]
    List(#[source] kube::Error),
    /// A namespace cannot be deleted.
    #[error("delete namespace {namespace}")]
    Delete {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
}

/// A namespace that a run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The run's id.
    pub run: String,
    /// The namespace.
    pub namespace: String,
}

impl Cluster {
    /// The namespaces that runs made and that nobody is deleting yet.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, SweepError> {
        let namespaces: Api<Namespace> = Api::all(self.client().clone());
        let listed =
            namespaces.list_metadata(&ListParams::default().labels(RUN_LABEL)).await.map_err(SweepError::List)?;
        let alive = listed.items.iter().filter(|one| one.metadata.deletion_timestamp.is_none());
        let of =
            |labels: &std::collections::BTreeMap<String, String>| labels.get(RUN_LABEL).cloned().unwrap_or_default();
        Ok(alive.map(|one| Leftover { run: of(one.labels()), namespace: one.name_any() }).collect())
    }

    /// Asks for the removal of a namespace that a run made, and does not wait for it.
    ///
    /// # Errors
    /// When the API server refuses. A namespace that is gone already is no error.
    pub async fn remove(&self, leftover: &Leftover) -> Result<(), SweepError> {
        let namespaces: Api<Namespace> = Api::all(self.client().clone());
        match namespaces.delete(&leftover.namespace, &DeleteParams::background()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(SweepError::Delete { namespace: leftover.namespace.clone(), source }),
        }
    }
}
