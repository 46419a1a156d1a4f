//! What manifests mean together: workloads, their containers, what these are given, and who dials PostgreSQL.
//!
//! A chart is read as Kubernetes would run it. Where manifests cannot tell, the answer is [`Fact::Unknown`] with what
//! would tell; nothing is guessed into a verdict.

mod asks;
mod ca;
mod client;
pub mod cnpg;
mod dsn;
mod duty;
mod env;
mod fact;
mod openness;
mod producers;
mod recognise;
mod reference;
mod roles;
mod said;
mod service;
mod settings;
mod shell;
mod ssl;
mod store;
#[cfg(test)]
mod tests;
mod volume;
mod workload;

pub(crate) use self::ca::is_certificate;
pub use self::ca::{CaProvider, CaWiring};
pub use self::client::{DatabaseClient, FoundDsn};
pub use self::dsn::{Dsn, DsnStyle, percent_decoded};
pub use self::env::{EnvSource, EnvVar, expansions};
pub use self::fact::{Fact, Text};
pub use self::openness::ways_in;
pub use self::producers::{Producer, Writer};
pub use self::reference::{KeyRef, RefKind, Reference, Use};
pub use self::roles::{DeclaredDatabase, DeclaredRole, Engine};
pub use self::ssl::{NotAMode, SslMode};
pub use self::store::{Store, Surroundings};
pub use self::volume::{FileContent, Item, Mount, MountedFile, Volume, VolumeSource};
pub use self::workload::{Container, Role, Workload};
use crate::manifests::{Manifests, Object};

/// Workloads and what they are given.
#[derive(Debug, Clone)]
pub struct Graph {
    workloads: Vec<Workload>,
    clients: Vec<DatabaseClient>,
    references: Vec<Reference>,
    store: Store,
    producers: producers::Producers,
}

impl Graph {
    /// Reads manifests within their surroundings.
    pub fn new(manifests: &Manifests, surroundings: &Surroundings) -> Self {
        let mut surroundings = surroundings.clone();
        for cluster in cnpg::Cluster::all(manifests).into_iter().chain(cnpg::Cluster::all(&surroundings.companions)) {
            // What a manifest says of a Cluster is more than its name.
            surroundings.clusters.retain(|known| known.name != cluster.name);
            surroundings.clusters.push(cluster);
        }
        let store = Store::new(manifests, &surroundings);
        let workloads: Vec<Workload> =
            manifests.shared().iter().filter_map(|object| Workload::read(object, &store, &surroundings)).collect();
        let services: Vec<&Object> = manifests.of_kind("Service").collect();
        let clients = workloads.iter().flat_map(|workload| {
            let recognise =
                |container| DatabaseClient::recognise(workload, container, &store, &surroundings, &services);
            workload.containers().iter().filter_map(recognise).collect::<Vec<_>>()
        });
        let clients = clients.collect();
        let producers = producers::Producers::new(manifests, &surroundings);
        let mut references: Vec<Reference> = workloads.iter().flat_map(Workload::references).collect();
        references.extend(producers::store_references(manifests));
        Self { workloads, clients, references, store, producers }
    }

    /// Everything that makes pods.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// Every container of every workload.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.workloads.iter().flat_map(Workload::containers)
    }

    /// The containers that dial PostgreSQL.
    pub fn database_clients(&self) -> &[DatabaseClient] {
        &self.clients
    }

    /// Everything that workloads and ExternalSecrets refer to by name.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// What Secrets and ConfigMaps contain, as far as it is known.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Who makes what a reference points to, and whether it has the key.
    pub fn producer(&self, reference: &Reference) -> Producer {
        self.producers.of(reference, &self.store)
    }

    /// Everybody who writes a Secret.
    pub fn writers(&self, secret: &str) -> Vec<Writer> {
        self.producers.writers(secret)
    }
}
