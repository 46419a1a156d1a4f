//! What can go wrong around a subject: pods die, its database loses its primary, the operator or a kubelet is away.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::discovery::ApiResource;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::application::OF_A_RELEASE;
use super::{Bench, BenchError};
use crate::wait::{Budget, Objects, Progress, watch_until, workload_of};

/// Longer than CloudNativePG's own bound for a hand-over on such a cluster, 20 s, by what a busy machine takes.
const HAND_OVER: Budget = Budget::seconds("the other instance to be the primary", 60);

impl Bench {
    /// Kills every pod of these workloads: none gets a moment to end in.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn kill_pods_of(&self, workloads: &BTreeSet<String>) -> Result<(), BenchError> {
        let listed = self.pods().list(&ListParams::default().labels(OF_A_RELEASE)).await;
        let listed = listed.map_err(|source| self.objects("list the pods", source))?;
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        for pod in listed.items.iter().filter(|pod| workloads.contains(&workload_of(pod))) {
            let killed = self.pods().delete(&pod.name_any(), &at_once).await;
            killed.map_err(|source| self.objects(format!("kill pod {}", pod.name_any()), source))?;
        }
        Ok(())
    }

    /// Deletes the primary's pod, and returns the pod's unique id.
    ///
    /// # Errors
    /// When there is no primary, or the API server refuses.
    pub(crate) async fn delete_primary(&self) -> Result<String, BenchError> {
        let primary = self.database()?.primary().await;
        let primary = primary.map_err(|source| BenchError::Query { namespace: self.namespace.clone(), source })?;
        let deleted = self.pods().delete(&primary, &DeleteParams::default()).await;
        let deleted = deleted.map_err(|source| self.objects(format!("delete pod {primary}"), source))?;
        Ok(deleted.left().and_then(|pod| pod.metadata.uid).unwrap_or_default())
    }

    /// Waits until another pod than that one is the primary, and its database answers.
    ///
    /// # Errors
    /// When it is not within its budget.
    pub(crate) async fn primary_is_back(&self, deleted: &str) -> Result<(), BenchError> {
        self.primary_replaced(deleted).await?;
        self.database_ready().await
    }

    /// Has the operator make another instance the primary, as `kubectl cnpg promote` does, and returns its pod's name.
    ///
    /// # Errors
    /// When there is no other instance, or the API server refuses.
    pub(crate) async fn promote(&self) -> Result<String, BenchError> {
        let name = self.database_name()?;
        let replicas = ListParams::default().labels(&format!("cnpg.io/cluster={name},cnpg.io/instanceRole=replica"));
        let listed = self.pods().list_metadata(&replicas).await;
        let listed = listed.map_err(|source| self.objects("list the pods of the database", source))?;
        let replica = listed.items.first().map(ResourceExt::name_any).ok_or_else(|| {
            BenchError::Unsuited(format!("cluster {name} has no instance that could become the primary"))
        })?;
        let status = json!({"status": {
            "targetPrimary": replica,
            "targetPrimaryTimestamp": Timestamp::now().to_string(),
            "phase": "Switchover in progress",
            "phaseReason": format!("Switching over to {replica}"),
        }});
        let patched = self.clusters().patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await;
        patched.map_err(|source| self.objects(format!("have pod {replica} become the primary"), source))?;
        Ok(replica)
    }

    /// Waits until that pod is the primary and its database takes writes, and every instance is ready.
    ///
    /// # Errors
    /// When it is not within its budget.
    pub(crate) async fn hand_over_ends(&self, promoted: &str) -> Result<(), BenchError> {
        let primary = watcher::Config::default().labels("cnpg.io/instanceRole=primary");
        let handed_over = watch_until(self.pods(), primary, self.allow(HAND_OVER), |pods: &Objects<Pod>| {
            match pods.values().map(ResourceExt::name_any).next() {
                Some(name) if pods.len() == 1 && name == promoted => Progress::Ready(()),
                Some(name) => Progress::NotYet(format!("pod {name} is the primary")),
                None => Progress::NotYet("there is no primary".into()),
            }
        });
        handed_over.await.map_err(|error| self.waited(error))?;
        self.database_ready().await
    }

    /// Scales the operator of the databases to zero, for the whole cluster.
    ///
    /// # Errors
    /// When it does not end.
    pub(crate) async fn stop_operator(&self) -> Result<(), BenchError> {
        self.cluster.stop_operator(&self.run).await.map_err(BenchError::Operator)
    }

    /// Scales it back, and waits until it works.
    ///
    /// # Errors
    /// When it does not come back.
    pub(crate) async fn start_operator(&self) -> Result<(), BenchError> {
        self.cluster.start_operator().await.map_err(BenchError::Operator)
    }

    /// Stops the kubelet of every node. Each comes back by itself.
    ///
    /// # Errors
    /// When the nodes are not ours, or a kubelet still listens.
    pub(crate) async fn stop_kubelets(&self) -> Result<(), BenchError> {
        self.cluster.stop_kubelets().await.map_err(BenchError::Node)
    }

    /// Waits until the kubelet of every node answers.
    ///
    /// # Errors
    /// When one does not within its budget.
    pub(crate) async fn kubelets_are_back(&self) -> Result<(), BenchError> {
        self.cluster.kubelets_are_back().await.map_err(BenchError::Node)
    }

    /// Kills the API server.
    ///
    /// # Errors
    /// When the nodes are not ours.
    pub(crate) async fn kill_api_server(&self) -> Result<(), BenchError> {
        self.cluster.kill_api_server().await.map_err(BenchError::Node)
    }

    /// Waits until the API server is ready, and the operator works.
    ///
    /// # Errors
    /// When one of them is not within its budget.
    pub(crate) async fn api_server_is_back(&self) -> Result<(), BenchError> {
        self.cluster.api_server_is_back().await.map_err(BenchError::Node)
    }

    pub(super) fn clusters(&self) -> Api<DynamicObject> {
        self.of_the_operator("Cluster")
    }

    /// The objects of one of the operator's kinds.
    pub(super) fn of_the_operator(&self, kind: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("postgresql.cnpg.io", "v1", kind));
        Api::namespaced_with(self.cluster.client().clone(), self.namespace(), &kind)
    }
}
