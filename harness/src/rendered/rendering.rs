//! Manifests of one rendering, read and understood on demand.

use std::sync::{Arc, OnceLock};

use crate::graph::{Container, DatabaseClient, Graph, Producer, Reference, Surroundings, Workload};
use crate::manifests::Manifests;

/// What Helm rendered once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rendering {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    text: String,
    manifests: Manifests,
    surroundings: Arc<Surroundings>,
    graph: OnceLock<Graph>,
}

impl Rendering {
    pub(super) fn new(text: String, manifests: Manifests, surroundings: Arc<Surroundings>) -> Self {
        Self { inner: Arc::new(Inner { text, manifests, surroundings, graph: OnceLock::new() }) }
    }

    /// What Helm printed, byte for byte.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// The objects.
    pub fn manifests(&self) -> &Manifests {
        &self.inner.manifests
    }

    /// What the objects mean together.
    pub fn graph(&self) -> &Graph {
        self.inner.graph.get_or_init(|| Graph::new(&self.inner.manifests, &self.inner.surroundings))
    }

    /// Everything that makes pods.
    pub fn workloads(&self) -> &[Workload] {
        self.graph().workloads()
    }

    /// Every container, init container and sidecar of every workload.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.graph().containers()
    }

    /// The containers that dial PostgreSQL.
    pub fn database_clients(&self) -> &[DatabaseClient] {
        self.graph().database_clients()
    }

    /// Everything that workloads and ExternalSecrets refer to by name.
    pub fn references(&self) -> &[Reference] {
        self.graph().references()
    }

    /// Who makes what a reference points to.
    pub fn producer(&self, reference: &Reference) -> Producer {
        self.graph().producer(reference)
    }

    /// What surrounds the manifests: companions, clusters, what is declared.
    pub fn surroundings(&self) -> &Surroundings {
        &self.inner.surroundings
    }

    pub(super) fn surroundings_shared(&self) -> Arc<Surroundings> {
        Arc::clone(&self.inner.surroundings)
    }

    /// The same rendering with other objects.
    #[must_use]
    pub fn with_manifests(&self, manifests: Manifests) -> Self {
        Self::new(self.inner.text.clone(), manifests, Arc::clone(&self.inner.surroundings))
    }
}
