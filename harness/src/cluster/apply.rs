//! Server-side apply of objects of any kind.

use std::collections::HashMap;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, ApiResource, Scope};
use kube::{Client, ResourceExt};

/// The field manager of everything that Holdfast writes, so that an owner can tell our hand from others'.
pub const FIELD_MANAGER: &str = "holdfast";

/// Applies objects; remembers which kinds the API server has.
pub struct Applier {
    client: Client,
    kinds: HashMap<GroupVersionKind, (ApiResource, ApiCapabilities)>,
}

/// Why an object was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The object does not say what it is.
    #[error("apply an object without apiVersion and kind")]
    Untyped,
    /// The API server does not have the kind.
    #[error("find kind {kind} of {api_version} on the cluster")]
    UnknownKind {
        /// The kind.
        kind: String,
        /// Its API version.
        api_version: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The API server refused it.
    #[error("apply {kind}/{name}")]
    Refused {
        /// The kind.
        kind: String,
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
}

impl Applier {
    /// An applier that knows no kind yet.
    pub fn new(client: Client) -> Self {
        Self { client, kinds: HashMap::new() }
    }

    /// Applies one object; one without a namespace goes to `namespace` if its kind has namespaces.
    ///
    /// # Errors
    /// When the kind is unknown or the API server refuses the object.
    pub async fn apply(&mut self, object: &DynamicObject, namespace: &str) -> Result<DynamicObject, ApplyError> {
        self.send(object, namespace, &PatchParams::apply(FIELD_MANAGER).force()).await
    }

    /// Asks the API server, webhooks included, whether it would accept an object. Nothing is kept.
    ///
    /// # Errors
    /// When it would not.
    pub async fn dry_run(&mut self, object: &DynamicObject, namespace: &str) -> Result<(), ApplyError> {
        self.send(object, namespace, &PatchParams::apply(FIELD_MANAGER).force().dry_run()).await.map(drop)
    }

    async fn send(
        &mut self,
        object: &DynamicObject,
        namespace: &str,
        parameters: &PatchParams,
    ) -> Result<DynamicObject, ApplyError> {
        let types = object.types.as_ref().ok_or(ApplyError::Untyped)?;
        let kind = GroupVersionKind::try_from(types).map_err(|_unparsable| ApplyError::Untyped)?;
        let (resource, capabilities) = self.resource(kind).await?;
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => {
                let namespace = object.metadata.namespace.as_deref().unwrap_or(namespace);
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
        };
        let name = object.name_any();
        api.patch(&name, parameters, &Patch::Apply(object)).await.map_err(|source| ApplyError::Refused {
            kind: resource.kind.clone(),
            name,
            source,
        })
    }

    async fn resource(&mut self, kind: GroupVersionKind) -> Result<(ApiResource, ApiCapabilities), ApplyError> {
        if let Some(known) = self.kinds.get(&kind) {
            return Ok(known.clone());
        }
        let found = kube::discovery::pinned_kind(&self.client, &kind).await.map_err(|source| {
            ApplyError::UnknownKind { kind: kind.kind.clone(), api_version: kind.api_version(), source }
        })?;
        self.kinds.insert(kind, found.clone());
        Ok(found)
    }
}
