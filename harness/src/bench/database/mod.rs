//! When the database of a bench can be used: its primary is ready and an authenticated query is answered.

mod bundled;
mod migrating;
mod migration;
mod own_ca;
mod pooler;
mod schemas;
mod serving;
mod slowed;
mod stored;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::watcher;
use serde::Deserialize;

pub use self::bundled::BundledServer;
pub use self::migration::Migration;
pub(super) use self::own_ca::{SERVER_CA_SECRET, SERVER_SECRET, TRUST_SECRET};
pub(super) use self::pooler::POOLER_LABEL;
pub(crate) use self::serving::Presented;
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::wait::{Budget, Objects, Progress, poll_until, trouble_of, watch_until};

const PRIMARY: Budget = Budget::seconds("the primary of the database to be ready", 120);
const INSTANCES: Budget = Budget::seconds("every instance of the database to be ready", 120);
const GONE: Budget = Budget::seconds("the database to be gone with its volumes", 90);
const ANSWER: Budget = Budget::seconds("the database to answer its superuser", 30);

#[derive(Deserialize)]
struct Answer {
    writable: bool,
}

impl Bench {
    /// The name of the CloudNativePG cluster.
    ///
    /// # Errors
    /// When the subject has none.
    pub(crate) fn database_name(&self) -> Result<&str, BenchError> {
        self.installation.database.as_deref().ok_or_else(|| {
            BenchError::Unsuited("the subject names no CloudNativePG cluster under `database.cluster`".into())
        })
    }

    /// Waits until the database answers and takes writes. A subject without a database of ours is ready at once.
    ///
    /// # Errors
    /// When a budget is used up, or a pod of the database is in a state that does not mend itself.
    pub(super) async fn database_ready(&self) -> Result<(), BenchError> {
        let Some(cluster) = &self.installation.database else { return Ok(()) };
        let pods_of_cluster = watcher::Config::default().labels(&format!("cnpg.io/cluster={cluster}"));
        watch_until(self.pods(), pods_of_cluster, self.allow(PRIMARY), primary_ready)
            .await
            .map_err(|error| self.waited(error))?;

        let database = self.database()?;
        poll_until(self.allow(ANSWER), || async {
            match database.rows::<Answer>("select not pg_is_in_recovery() as writable").await {
                Ok(rows) if rows.iter().all(|row| row.writable) => Progress::Ready(()),
                Ok(_) => Progress::NotYet("it is in recovery".into()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        })
        .await
        .map_err(|error| self.waited(error))?;
        self.instances_ready().await
    }

    /// Waits until as many instances are ready as the installation has, each following the primary or being it.
    pub(super) async fn instances_ready(&self) -> Result<(), BenchError> {
        let (Some(cluster), wanted) = (&self.installation.database, self.installation.instances) else { return Ok(()) };
        let instances =
            watcher::Config::default().labels(&format!("cnpg.io/cluster={cluster},cnpg.io/podRole=instance"));
        let ready = watch_until(self.pods(), instances, self.allow(INSTANCES), |pods: &Objects<Pod>| {
            match pods.values().filter(|pod| is_ready(pod)).count() {
                ready if ready >= wanted => Progress::Ready(()),
                ready => Progress::NotYet(format!("{ready} of {wanted} are ready")),
            }
        });
        ready.await.map_err(|error| self.waited(error))
    }

    /// Removes the database's cluster with its volumes, and the databases that objects declare in it.
    ///
    /// # Errors
    /// When the API server refuses, or something of it stays.
    pub(crate) async fn remove_database(&self) -> Result<(), BenchError> {
        let name = self.database_name()?;
        let declared = self.of_the_operator("Database");
        let removed = declared.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
        removed.map_err(|source| self.objects("remove the declared databases", source))?;
        let removed = self.clusters().delete(name, &DeleteParams::foreground()).await;
        removed.map_err(|source| self.objects(format!("remove cluster {name}"), source))?;
        let of_it = ListParams::default().labels(&format!("cnpg.io/cluster={name}"));
        let gone = poll_until(self.allow(GONE), || async {
            match self.rest_of_database(name, &of_it).await {
                Ok(None) => Progress::Ready(()),
                Ok(Some(rest)) => Progress::NotYet(format!("{rest} is still there")),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        gone.await.map_err(|error| self.waited(error))
    }

    async fn rest_of_database(&self, name: &str, of_it: &ListParams) -> Result<Option<String>, kube::Error> {
        if self.clusters().get_opt(name).await?.is_some() {
            return Ok(Some(format!("cluster {name}")));
        }
        if let Some(pod) = self.pods().list_metadata(of_it).await?.items.first() {
            return Ok(Some(format!("pod {}", pod.name_any())));
        }
        let claims = self.api::<PersistentVolumeClaim>().list_metadata(of_it).await?;
        Ok(claims.items.first().map(|claim| format!("claim {}", claim.name_any())))
    }

    /// Waits until the primary is another pod than the one with this id.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(super) async fn primary_replaced(&self, uid: &str) -> Result<(), BenchError> {
        let pods_of_cluster = watcher::Config::default().labels("cnpg.io/instanceRole=primary");
        let replaced = watch_until(self.pods(), pods_of_cluster, self.allow(PRIMARY), |pods: &Objects<Pod>| match pods
            .values()
            .find(|pod| pod.metadata.deletion_timestamp.is_none())
        {
            Some(pod) if pod.metadata.uid.as_deref() != Some(uid) => Progress::Ready(()),
            Some(pod) => Progress::NotYet(format!("pod {} is still the one of before", pod.name_any())),
            None => Progress::NotYet("there is no primary".into()),
        });
        replaced.await.map_err(|error| self.waited(error))
    }
}

fn primary_ready(pods: &Objects<Pod>) -> Progress<()> {
    if let Some(trouble) = pods.values().find_map(trouble_of) {
        return Progress::Hopeless(trouble);
    }
    let is_primary = |pod: &&Pod| pod.labels().get("cnpg.io/instanceRole").is_some_and(|role| role == "primary");
    match pods.values().find(is_primary) {
        Some(pod) if is_ready(pod) => Progress::Ready(()),
        Some(pod) => Progress::NotYet(format!("pod {} is the primary and not ready yet", pod.name_any())),
        None if pods.is_empty() => Progress::NotYet("the operator has not made a pod yet".into()),
        None => {
            let names: Vec<String> = pods.values().map(|pod| format!("{} is {}", pod.name_any(), phase(pod))).collect();
            Progress::NotYet(format!("no pod is the primary yet: {}", names.join(", ")))
        }
    }
}

/// Whether the kubelet says that a pod is ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("without a phase")
}
