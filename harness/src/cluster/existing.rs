//! A cluster that somebody else made: attached by a context that was named, proven fit, and never changed outside the
//! namespaces of a run.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiResource, Scope};

use super::access::AccessError;
use super::cnpg::{OperatorError, trial};
use super::{Cluster, ConnectError, Handle, Provider};
use crate::error::Chain;
use crate::manifests::Object;

/// Why a cluster of somebody else's cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExistingError {
    /// The kubeconfig or the context is wrong.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Rights are missing.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no CloudNativePG.
    #[error(
        "find CloudNativePG on the cluster of context {context}: it does not know a Cluster of postgresql.cnpg.io/v1; \
         install it there, since Holdfast puts no operator on a cluster that it did not make"
    )]
    NoOperator {
        /// The context.
        context: String,
    },
    /// CloudNativePG does not accept databases.
    #[error(
        "use CloudNativePG on the cluster of context {context}, which refuses a Cluster in a dry run; mend it there"
    )]
    Operator {
        /// The context.
        context: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The literal object is wrong; a defect of Holdfast.
    #[error(transparent)]
    Literal(#[from] OperatorError),
}

impl Cluster {
    /// Attaches to a cluster of somebody else's and proves that a run can do its work there. Nothing is made.
    ///
    /// # Errors
    /// When the context is not there, rights are missing, or CloudNativePG does not accept databases.
    pub async fn existing(context: &str, kubeconfig: Utf8PathBuf) -> Result<Self, ExistingError> {
        let cluster = Self::attach(handle(context, kubeconfig)).await?.prove_rights().await?;
        cluster.find_operator().await?;
        Ok(cluster)
    }

    /// Attaches to a cluster of somebody else's to remove what runs left there.
    ///
    /// # Errors
    /// When the context is not there, or its API server does not answer this user.
    pub async fn existing_to_sweep(context: &str, kubeconfig: Utf8PathBuf) -> Result<Self, ExistingError> {
        let cluster = Self::attach(handle(context, kubeconfig)).await?;
        cluster.user().await?;
        Ok(cluster)
    }

    /// The version of Kubernetes that the API server tells.
    pub async fn kubernetes_version(&self) -> Option<String> {
        let version = self.client().apiserver_version().await.ok()?;
        Some(version.git_version.trim_start_matches('v').to_owned())
    }

    /// Creates a Cluster in a dry run, in the namespace of the context: nothing is kept, and webhooks are asked too.
    async fn find_operator(&self) -> Result<(), ExistingError> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("postgresql.cnpg.io", "v1", "Cluster"));
        let clusters: Api<DynamicObject> = Api::default_namespaced_with(self.client().clone(), &kind);
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        match clusters.create(&dry_run, &trial()?).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => {
                Err(ExistingError::NoOperator { context: self.handle().context.clone() })
            }
            Err(source) => Err(ExistingError::Operator { context: self.handle().context.clone(), source }),
        }
    }

    /// What of the objects would be made outside the namespace that they are installed into; `namespace` is what the
    /// manifests call it. Only a cluster of somebody else's is asked: on Holdfast's own nobody is disturbed.
    ///
    /// # Errors
    /// With the kind that the API server does not know.
    pub(crate) async fn strays<'a>(
        &self,
        objects: impl Iterator<Item = &'a Object>,
        namespace: &str,
    ) -> Result<Vec<String>, String> {
        let mut strays = Vec::new();
        if self.handle().provider != Provider::Existing {
            return Ok(strays);
        }
        let mut scopes: BTreeMap<String, Scope> = BTreeMap::new();
        for object in objects {
            let named = || format!("{} ({})", object.reference(), object.api_version());
            let (group, version) = object.api_version().split_once('/').unwrap_or(("", object.api_version()));
            let kind = GroupVersionKind::gvk(group, version, object.kind());
            let key = format!("{}/{}", object.api_version(), object.kind());
            let scope = match scopes.get(&key) {
                Some(scope) => scope.clone(),
                None => {
                    let found = kube::discovery::pinned_kind(self.client(), &kind).await;
                    let (_, capabilities) =
                        found.map_err(|error| format!("find the kind of {}: {}", named(), Chain(&error)))?;
                    scopes.insert(key, capabilities.scope.clone());
                    capabilities.scope
                }
            };
            match (scope, object.namespace()) {
                (Scope::Cluster, _) => strays.push(format!("{}, which has no namespace", named())),
                (Scope::Namespaced, Some(other)) if other != namespace => {
                    strays.push(format!("{} in namespace {other}", named()));
                }
                (Scope::Namespaced, _) => {}
            }
        }
        Ok(strays)
    }
}

fn handle(context: &str, kubeconfig: Utf8PathBuf) -> Handle {
    Handle {
        name: context.into(),
        provider: Provider::Existing,
        kubeconfig,
        context: context.into(),
        nodes: None,
        stand_in: None,
        postgres_library: None,
    }
}
