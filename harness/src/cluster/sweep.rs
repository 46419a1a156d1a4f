//! Removing what runs left behind, by label.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, DynamicObject, ListParams};
use kube::core::{GroupVersionKind, PartialObjectMeta};
use kube::discovery::ApiResource;
use kube::{Api, ResourceExt};

use super::{Cluster, RUN_LABEL};
use crate::error::Chain;

/// Why something could not be swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The namespaces cannot be listed.
    #[error("find the namespaces that runs made")]
    List(#[source] kube::Error),
    /// What a release put outside of its namespace cannot be found or deleted.
    #[error("remove what releases in namespace {namespace} put outside of it: {kind}")]
    Outside {
        /// The namespace.
        namespace: String,
        /// The kind of object.
        kind: &'static str,
        /// Why.
        #[source]
        source: kube::Error,
    },
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

    /// Asks for the removal of everything that one run made. What cannot be removed now, a sweep finds later.
    pub async fn abandon(&self, run: &str) {
        let leftovers = self.leftovers().await.unwrap_or_else(|error| {
            tracing::warn!("not swept: {}", Chain(&error));
            Vec::new()
        });
        for leftover in leftovers.iter().filter(|leftover| leftover.run == run) {
            if let Err(error) = self.remove(leftover).await {
                tracing::warn!("left behind: {}", Chain(&error));
            }
        }
    }

    /// Asks for the removal of a namespace that a run made, with what Helm put outside of it for a release in it, and
    /// does not wait for it.
    ///
    /// # Errors
    /// When the API server refuses. A namespace that is gone already is no error.
    pub async fn remove(&self, leftover: &Leftover) -> Result<(), SweepError> {
        for (kind, version, plural) in OUTSIDE {
            let removed = self.remove_outside(kind, version, plural, &leftover.namespace).await;
            removed.map_err(|source| SweepError::Outside { namespace: leftover.namespace.clone(), kind, source })?;
        }
        let namespaces: Api<Namespace> = Api::all(self.client().clone());
        match namespaces.delete(&leftover.namespace, &DeleteParams::background()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(SweepError::Delete { namespace: leftover.namespace.clone(), source }),
        }
    }

    async fn remove_outside(
        &self,
        kind: &str,
        version: &str,
        plural: &str,
        namespace: &str,
    ) -> Result<(), kube::Error> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let objects: Api<DynamicObject> = Api::all_with(self.client().clone(), &resource);
        let of_helm = ListParams::default().labels("app.kubernetes.io/managed-by=Helm");
        let listed = match objects.list_metadata(&of_helm).await {
            // Whoever may not list such objects could not make them either.
            Err(kube::Error::Api(status)) if status.code == 403 => return Ok(()),
            listed => listed?,
        };
        let of_namespace = |one: &&PartialObjectMeta<DynamicObject>| {
            one.annotations().get("meta.helm.sh/release-namespace").is_some_and(|name| name == namespace)
        };
        for object in listed.items.iter().filter(of_namespace) {
            match objects.delete(&object.name_any(), &DeleteParams::background()).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(source) => return Err(source),
            }
        }
        Ok(())
    }
}

/// Whether objects of a kind stand outside of every namespace, so that two releases of one chart can get in each
/// other's way.
pub(crate) fn is_outside(kind: &str) -> bool {
    OUTSIDE.iter().any(|(outside, _, _)| *outside == kind)
}

/// Objects of the cluster that charts bring: the namespace does not take them along when it goes.
const OUTSIDE: &[(&str, &str, &str)] = &[
    ("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"),
    ("PriorityClass", "scheduling.k8s.io/v1", "priorityclasses"),
    ("IngressClass", "networking.k8s.io/v1", "ingressclasses"),
    ("StorageClass", "storage.k8s.io/v1", "storageclasses"),
];
