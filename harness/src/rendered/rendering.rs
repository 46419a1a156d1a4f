//! Manifests of one rendering, read and understood on demand.

use std::sync::{Arc, OnceLock};

use crate::graph::{Container, DatabaseClient, Dsn, Graph, Producer, RefKind, Reference, Surroundings, Workload};
use crate::manifests::Manifests;
use crate::plaintext;

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
    ///
    /// A Secret may hold a whole environment, host names and all; what is masked there is what its name or its looks
    /// make a credential. A short word in small letters is left out, however much it is a password: it is part of too
    /// many other words (`postgres`), and whoever can read this report knows it already.
    pub fn credentials(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut add = |name: String, value: &str| {
            if !plaintext::is_word(value) {
                found.push((name, value.to_owned()));
            }
        };
        for secret in self.manifests().of_kind("Secret") {
            for (key, text) in self.graph().store().entries(RefKind::Secret, secret.name()) {
                let Some(value) = text.known() else { continue };
                let is_one = plaintext::is_password_name(key) || plaintext::is_credential(key, value);
                if is_one || plaintext::looks_random(value) || plaintext::holds_private_key(value) {
                    add(format!("{}[{key}]", secret.reference()), value);
                }
                for password in Dsn::parse(text).iter().flat_map(Dsn::passwords) {
                    add(format!("the password in {}[{key}]", secret.reference()), password);
                }
            }
        }
        for client in self.database_clients() {
            for holder in client.dsns() {
                for password in holder.dsn.passwords() {
                    add(format!("the password in {} of {}", holder.holder, client.container().workload()), password);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Rendering;
    use crate::graph::Surroundings;
    use crate::manifests::Manifests;

    #[test]
    fn credentials_are_told_from_what_stands_beside_them() {
        let text = "{apiVersion: v1, kind: Secret, metadata: {name: env}, stringData: {HOST: shop-postgresql, DB_PASSWORD: hunter2hunter2, WORD_PASSWORD: postgres, KEY_BASE: Xq8RzP2mKv7LtW4nYc9B, URL: 'postgres://a:p%40ssword-1@db/x'}}";
        let manifests = Manifests::parse(text, "test").unwrap();
        let rendering = Rendering::new(text.to_owned(), manifests, Arc::new(Surroundings::default()));
        let mut values: Vec<String> = rendering.credentials().into_iter().map(|(_, value)| value).collect();
        values.sort();
        assert_eq!(values, ["Xq8RzP2mKv7LtW4nYc9B", "hunter2hunter2", "p%40ssword-1", "p@ssword-1"]);
    }
}
