//! The database as its superuser sees it, over the local socket of the primary.
//!
//! The local socket needs no password and no network, so that what is read there is independent of everything that an
//! experiment disturbs.

use std::fmt;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde::de::DeserializeOwned;

use crate::cluster::{ExecError, Executed, exec, exec_with_input};

/// A PostgreSQL server in a namespace.
#[derive(Clone)]
pub struct Database {
    pods: Api<Pod>,
    server: Server,
}

/// How a server is found, and who its superuser is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// A CloudNativePG cluster: its primary carries a label, and its superuser is whom the operating system says.
    Cluster(String),
    /// A StatefulSet of docker-library's image: its first pod, and a local socket that believes everybody.
    StatefulSet {
        /// Its name.
        name: String,
        /// The role that was made with the data folder, which is its superuser.
        superuser: String,
    },
}

impl Server {
    /// The label selector of its pods; docker-library's have the name that Kubernetes gives the first of a StatefulSet.
    pub fn selector(&self) -> String {
        match self {
            Self::Cluster(name) => format!("cnpg.io/cluster={name}"),
            Self::StatefulSet { name, .. } => format!("statefulset.kubernetes.io/pod-name={name}-0"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(name) => write!(formatter, "cluster {name}"),
            Self::StatefulSet { name, .. } => write!(formatter, "statefulset/{name}"),
        }
    }
}

/// Why a query of the superuser has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The pods of the server cannot be listed.
    #[error("find the primary of database {server}")]
    List {
        /// The server.
        server: Server,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// No pod is its primary.
    #[error("find the primary of database {0}: there is none")]
    NoPrimary(Server),
    /// psql did not run.
    #[error("query database {server} over its local socket")]
    Exec {
        /// The server.
        server: Server,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// psql failed.
    #[error("query database {server} over its local socket: {message}")]
    Failed {
        /// The server.
        server: Server,
        /// What psql wrote.
        message: String,
    },
    /// The answer is not what the query promises.
    #[error("read the answer of database {server}")]
    Answer {
        /// The server.
        server: Server,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// A pod to ask, and how.
struct Primary {
    pod: String,
    container: String,
}

impl Database {
    /// That server in the namespace.
    pub fn new(client: Client, namespace: &str, server: Server) -> Self {
        Self { pods: Api::namespaced(client, namespace), server }
    }

    /// The name of the pod that is the primary now.
    ///
    /// # Errors
    /// When the pods cannot be listed or none is the primary.
    pub async fn primary(&self) -> Result<String, QueryError> {
        Ok(self.find().await?.pod)
    }

    /// Asks a query and returns its rows, each read from a JSON object of its columns.
    ///
    /// # Errors
    /// When the query cannot be asked or its rows are of another shape.
    pub async fn rows<T: DeserializeOwned>(&self, query: &str) -> Result<Vec<T>, QueryError> {
        self.rows_of("postgres", query).await
    }

    /// The same, in another database of the server.
    ///
    /// # Errors
    /// When the query cannot be asked or its rows are of another shape.
    pub async fn rows_of<T: DeserializeOwned>(&self, database: &str, query: &str) -> Result<Vec<T>, QueryError> {
        let wrapped = format!("select coalesce(json_agg(answer), '[]') from ({query}) as answer");
        let primary = self.find().await?;
        let psql = self.psql(database, ["-c", &wrapped]);
        let ran = exec(&self.pods, &primary.pod, &primary.container, &psql).await;
        let ran = self.succeeded(ran)?;
        serde_json::from_str(&ran.stdout).map_err(|source| QueryError::Answer { server: self.server.clone(), source })
    }

    /// Runs statements; they travel by standard input, so that they may hold a password.
    ///
    /// # Errors
    /// When they cannot be run, or one of them fails.
    pub async fn execute(&self, statements: &str) -> Result<(), QueryError> {
        self.execute_in("postgres", statements).await
    }

    /// The same, in another database of the server.
    ///
    /// # Errors
    /// When they cannot be run, or one of them fails.
    pub async fn execute_in(&self, database: &str, statements: &str) -> Result<(), QueryError> {
        let primary = self.find().await?;
        let psql = self.psql(database, ["-f", "-"]);
        // The API server does not pass on where the input ends, so psql is told.
        let input = format!("{statements}\n\\q\n");
        let ran = exec_with_input(&self.pods, &primary.pod, &primary.container, &psql, input.as_bytes()).await;
        self.succeeded(ran).map(drop)
    }

    fn psql<'a>(&'a self, database: &'a str, what: [&'a str; 2]) -> Vec<&'a str> {
        let mut psql = vec!["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database];
        if let Server::StatefulSet { superuser, .. } = &self.server {
            psql.extend(["-U", superuser]);
        }
        psql.extend(what);
        psql
    }

    async fn find(&self) -> Result<Primary, QueryError> {
        let unlisted = |source| QueryError::List { server: self.server.clone(), source };
        let found = match &self.server {
            Server::Cluster(name) => {
                let labels = format!("cnpg.io/cluster={name},cnpg.io/instanceRole=primary");
                let listed = self.pods.list_metadata(&ListParams::default().labels(&labels)).await.map_err(unlisted)?;
                let primary = listed.items.iter().find(|pod| pod.metadata.deletion_timestamp.is_none());
                primary.map(|pod| Primary { pod: pod.name_any(), container: "postgres".into() })
            }
            Server::StatefulSet { name, .. } => {
                let pod = self.pods.get_opt(&format!("{name}-0")).await.map_err(unlisted)?;
                let pod = pod.filter(|pod| pod.metadata.deletion_timestamp.is_none());
                pod.and_then(|pod| {
                    let container = pod.spec.as_ref()?.containers.first()?.name.clone();
                    Some(Primary { pod: pod.name_any(), container })
                })
            }
        };
        found.ok_or_else(|| QueryError::NoPrimary(self.server.clone()))
    }

    fn succeeded(&self, ran: Result<Executed, ExecError>) -> Result<Executed, QueryError> {
        let ran = ran.map_err(|source| QueryError::Exec { server: self.server.clone(), source })?;
        if !ran.succeeded {
            return Err(QueryError::Failed { server: self.server.clone(), message: ran.stderr.trim().to_owned() });
        }
        Ok(ran)
    }
}
