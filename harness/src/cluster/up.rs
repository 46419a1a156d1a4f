//! From images and tools to a cluster that takes databases: made when there is none, reused while it is sound.

use std::time::Instant;

use k8s_openapi::api::core::v1::Node;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};

use super::{Cluster, CommandError, ConnectError, Found, Handle, KindCluster, OperatorError};
use crate::error::Chain;
use crate::progress::{Event, Progress as Listener};
use crate::wait::{Budget, Objects, Progress, WaitError, poll_until, watch_until};

const SOUND: Budget = Budget::seconds("a running cluster to accept databases", 15);
const NODES: Budget = Budget::seconds("the nodes of the cluster to be ready", 120);

/// What is put on a new cluster.
#[derive(Debug, Clone)]
pub struct Furnishing {
    /// CloudNativePG's manifest.
    pub operator: Vec<DynamicObject>,
    /// Images that the node image does not have: an archive and the reference in it.
    pub images: Vec<(camino::Utf8PathBuf, String)>,
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Somebody else has a cluster of that name.
    #[error(
        "use the kind cluster {name}: there is one, and Holdfast did not make it; give another name by --name, or \
         remove it with `kind delete cluster --name {name}`"
    )]
    Taken {
        /// The cluster.
        name: String,
    },
    /// kind or docker failed.
    #[error("work on the kind cluster {name}; `holdfast doctor` looks at what it needs")]
    Kind {
        /// The cluster.
        name: String,
        /// Why.
        #[source]
        source: CommandError,
    },
    /// The cluster cannot be reached.
    #[error("reach the kind cluster {name}")]
    Connect {
        /// The cluster.
        name: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// The cluster does not come up.
    #[error(
        "bring up the kind cluster {name}; `holdfast doctor` looks at this machine, `docker logs {name}-control-plane` \
         says what its node does"
    )]
    Wait {
        /// The cluster.
        name: String,
        /// What did not come true.
        #[source]
        source: WaitError,
    },
    /// CloudNativePG does not come up.
    #[error("put CloudNativePG on the kind cluster {name}")]
    Operator {
        /// The cluster.
        name: String,
        /// Why.
        #[source]
        source: OperatorError,
    },
}

impl KindCluster {
    /// Makes the cluster, or adopts it if it is there and sound, and furnishes it.
    ///
    /// A cluster that is stopped, of another node image or does not answer is replaced, and that is said: after a
    /// restart of the daemon a node comes back under another address.
    ///
    /// # Errors
    /// When it cannot be made, reached or furnished.
    pub async fn bring_up(&self, furnishing: &Furnishing, progress: &dyn Listener) -> Result<Handle, UpError> {
        let cluster = match self.adopt(progress).await? {
            Some(cluster) => cluster,
            None => {
                self.step(progress, "cluster", "a kind cluster", self.create())
                    .await
                    .map_err(|e| self.kind_error(e))?;
                self.attach().await?
            }
        };
        self.step(progress, "nodes", "nodes that are ready", nodes_ready(&cluster))
            .await
            .map_err(|source| UpError::Wait { name: self.name.clone(), source })?;
        self.keep_services_inside().await.map_err(|e| self.kind_error(e))?;

        let known = self.references().await.map_err(|e| self.kind_error(e))?;
        for (archive, reference) in furnishing.images.iter().filter(|(_, reference)| !known.contains(reference)) {
            let load = self.load(archive);
            self.step(progress, "images", reference, load).await.map_err(|e| self.kind_error(e))?;
        }
        let failed = |source| UpError::Operator { name: self.name.clone(), source };
        if !cluster.accepts_databases().await.map_err(failed)? {
            let install = cluster.install_operator(&furnishing.operator);
            self.step(progress, "operator", "CloudNativePG", install).await.map_err(failed)?;
        }
        Ok(self.handle())
    }

    async fn adopt(&self, progress: &dyn Listener) -> Result<Option<Cluster>, UpError> {
        let name = &self.name;
        match self.find_ours().await? {
            Found::Nothing => return Ok(None),
            Found::Running { image } if image == self.node_image => {
                self.export().await.map_err(|e| self.kind_error(e))?;
                let cluster = self.attach().await?;
                match sound(&cluster).await {
                    Ok(()) => {
                        progress.say(&format!("The kind cluster {name} is running; it is used as it is."));
                        return Ok(Some(cluster));
                    }
                    Err(error) => {
                        progress
                            .say(&format!("The kind cluster {name} is running but unsound ({error}); it is replaced."));
                    }
                }
            }
            Found::Running { image } => {
                progress.say(&format!("The kind cluster {name} runs another node image ({image}); it is replaced."));
            }
            Found::Restarted { .. } => progress.say(&format!(
                "The nodes of the kind cluster {name} were restarted, which they do not always survive; it is replaced."
            )),
            Found::Stopped { .. } => progress.say(&format!("The kind cluster {name} was stopped; it is replaced.")),
        }
        self.delete().await.map_err(|e| self.kind_error(e))?;
        Ok(None)
    }

    /// Removes the cluster if Holdfast made it. One that is not there is no error.
    ///
    /// # Errors
    /// When somebody else made it, or Docker or kind fails.
    pub async fn take_down(&self) -> Result<(), UpError> {
        match self.find_ours().await? {
            Found::Nothing => Ok(()),
            Found::Running { .. } | Found::Stopped { .. } | Found::Restarted { .. } => {
                self.delete().await.map_err(|e| self.kind_error(e))
            }
        }
    }

    async fn find_ours(&self) -> Result<Found, UpError> {
        let found = self.find().await.map_err(|e| self.kind_error(e))?;
        if self.is_ours(&found) { Ok(found) } else { Err(UpError::Taken { name: self.name.clone() }) }
    }

    async fn attach(&self) -> Result<Cluster, UpError> {
        let attached = Cluster::attach(self.handle()).await;
        attached.map_err(|source| UpError::Connect { name: self.name.clone(), source })
    }

    fn kind_error(&self, source: CommandError) -> UpError {
        UpError::Kind { name: self.name.clone(), source }
    }

    async fn step<T, E>(
        &self,
        progress: &dyn Listener,
        step: &str,
        what: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        progress.tell(Event::Began { step, what, expected: None });
        let began = Instant::now();
        let outcome = work.await;
        progress.tell(Event::Ended { step, succeeded: outcome.is_ok(), took: began.elapsed() });
        outcome
    }
}

/// A cluster whose daemon was killed comes back in pieces: its API server answers long before the operator's webhook
/// does, if ever. To replace it takes half a minute and is sure to end.
async fn sound(cluster: &Cluster) -> Result<(), WaitError> {
    poll_until(SOUND, || async {
        match cluster.accepts_databases().await {
            Ok(true) => Progress::Ready(()),
            Ok(false) => Progress::NotYet("CloudNativePG does not accept a Cluster in a dry run".into()),
            Err(error) => Progress::Hopeless(Chain(&error).to_string()),
        }
    })
    .await
}

async fn nodes_ready(cluster: &Cluster) -> Result<(), WaitError> {
    let nodes: Api<Node> = Api::all(cluster.client().clone());
    watch_until(nodes, watcher::Config::default(), NODES, |nodes: &Objects<Node>| {
        if nodes.is_empty() {
            return Progress::NotYet("no node has registered yet".into());
        }
        match nodes.values().find(|node| !is_ready(node)) {
            Some(node) => Progress::NotYet(format!("node {} is not ready", node.name_any())),
            None => Progress::Ready(()),
        }
    })
    .await
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
