//! The database as its superuser sees it, over the local socket of the primary.
//!
//! The local socket needs no password and no network, so that what is read there is independent of everything that an
//! experiment disturbs.

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde::de::DeserializeOwned;

use crate::cluster::{ExecError, Executed, exec, exec_with_input};

/// A CloudNativePG cluster in a namespace.
#[derive(Clone)]
pub struct Database {
    pods: Api<Pod>,
    cluster: String,
}

/// Why a query of the superuser has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The pods of the cluster cannot be listed.
    #[error("find the primary of database cluster {cluster}")]
    List {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// No pod has the label of the primary.
    #[error("find the primary of database cluster {0}: no pod is labelled as primary")]
    NoPrimary(String),
    /// psql did not run.
    #[error("query database cluster {cluster} over its local socket")]
    Exec {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// psql failed.
    #[error("query database cluster {cluster} over its local socket: {message}")]
    Failed {
        /// The cluster.
        cluster: String,
        /// What psql wrote.
        message: String,
    },
    /// The answer is not what the query promises.
    #[error("read the answer of database cluster {cluster}")]
    Answer {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Database {
    /// The cluster of that name in the namespace.
    pub fn new(client: Client, namespace: &str, cluster: &str) -> Self {
        Self { pods: Api::namespaced(client, namespace), cluster: cluster.into() }
    }

    /// The name of the pod that is the primary now.
    ///
    /// # Errors
    /// When the pods cannot be listed or none is labelled as primary.
    pub async fn primary(&self) -> Result<String, QueryError> {
        let selection =
            ListParams::default().labels(&format!("cnpg.io/cluster={},cnpg.io/instanceRole=primary", self.cluster));
        let listed = self.pods.list_metadata(&selection).await;
        let listed = listed.map_err(|source| QueryError::List { cluster: self.cluster.clone(), source })?;
        let primary = listed.items.iter().find(|pod| pod.metadata.deletion_timestamp.is_none());
        primary.map(ResourceExt::name_any).ok_or_else(|| QueryError::NoPrimary(self.cluster.clone()))
    }

    /// Asks a query and returns its rows, each read from a JSON object of its columns.
    ///
    /// # Errors
    /// When the query cannot be asked or its rows are of another shape.
    pub async fn rows<T: DeserializeOwned>(&self, query: &str) -> Result<Vec<T>, QueryError> {
        self.rows_of("postgres", query).await
    }

    /// The same, in another database of the cluster.
    ///
    /// # Errors
    /// When the query cannot be asked or its rows are of another shape.
    pub async fn rows_of<T: DeserializeOwned>(&self, database: &str, query: &str) -> Result<Vec<T>, QueryError> {
        let primary = self.primary().await?;
        let wrapped = format!("select coalesce(json_agg(answer), '[]') from ({query}) as answer");
        let psql = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", &wrapped];
        let ran = exec(&self.pods, &primary, "postgres", &psql).await;
        let ran = self.succeeded(ran)?;
        serde_json::from_str(&ran.stdout).map_err(|source| QueryError::Answer { cluster: self.cluster.clone(), source })
    }
    /// Runs statements; they travel by standard input, so that they may hold a password.
    ///
    /// # Errors
    /// When they cannot be run, or one of them fails.
    pub async fn execute(&self, statements: &str) -> Result<(), QueryError> {
        let primary = self.primary().await?;
        let psql = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "-"];
        // The API server does not pass on where the input ends, so psql is told.
        let input = format!("{statements}\n\\q\n");
        let ran = exec_with_input(&self.pods, &primary, "postgres", &psql, input.as_bytes()).await;
        self.succeeded(ran).map(drop)
    }

    fn succeeded(&self, ran: Result<Executed, ExecError>) -> Result<Executed, QueryError> {
        let ran = ran.map_err(|source| QueryError::Exec { cluster: self.cluster.clone(), source })?;
        if !ran.succeeded {
            return Err(QueryError::Failed { cluster: self.cluster.clone(), message: ran.stderr.trim().to_owned() });
        }
        Ok(ran)
    }
}
