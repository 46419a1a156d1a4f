//! Manifests of one rendering, read and understood on demand.

use std::sync::{Arc, OnceLock};

use crate::graph::{Container, DatabaseClient, Graph, Producer, RefKind, Reference, Surroundings, Workload};
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

    /// The credentials that stand in what was rendered, by name: contents of Secrets, passwords of connection strings.
    /// Whoever says anything about the rendering masks them.
    pub fn credentials(&self) -> Vec<(String, String)> {
        // These keys hold names and addresses, or certificates that everybody may see.
        let open = ["username", "user", "host", "port", "dbname", "database", "ca.crt", "tls.crt"];
        let mut found = Vec::new();
        for secret in self.manifests().of_kind("Secret") {
            for (key, text) in self.graph().store().entries(RefKind::Secret, secret.name()) {
                if let Some(value) = text.known().filter(|_| !open.contains(&key)) {
                    found.push((format!("{}[{key}]", secret.reference()), value.to_owned()));
                }
            }
        }
        for client in self.database_clients() {
            for dsn in client.dsns() {
                for password in dsn.dsn.password.iter().chain(&dsn.dsn.raw_password) {
                    let name = format!("the password in {} of {}", dsn.holder, client.container().workload());
                    found.extend(password.known().map(|value| (name, value.to_owned())));
                }
            }
        }
        found
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
