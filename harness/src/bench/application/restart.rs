//! Pods that start anew: by the way in which people restart workloads, or all at once as when a node goes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::bench::application::OF_A_RELEASE;
use crate::bench::credential::TOUCHED;
use crate::bench::installation::ModeVariable;
use crate::bench::{Bench, BenchError};
use crate::cluster::FIELD_MANAGER;

fn restarted() -> Value {
    let annotation = json!({"kubectl.kubernetes.io/restartedAt": Timestamp::now().to_string()});
    json!({"spec": {"template": {"metadata": {"annotations": annotation}}}})
}

impl Bench {
    /// Does what `kubectl rollout restart` does to every workload of the releases.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn restart(&self) -> Result<(), BenchError> {
        let patch = restarted();
        self.patch_all::<Deployment>(&patch).await?;
        self.patch_all::<StatefulSet>(&patch).await?;
        self.patch_all::<DaemonSet>(&patch).await
    }

    /// The same to these workloads alone, each written as `deployment/agents`.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn restart_workloads(&self, workloads: &BTreeSet<String>) -> Result<(), BenchError> {
        let patch = restarted();
        for workload in workloads {
            match workload.split_once('/') {
                Some(("deployment", name)) => self.patch_one::<Deployment>(name, &patch).await?,
                Some(("statefulset", name)) => self.patch_one::<StatefulSet>(name, &patch).await?,
                Some(("daemonset", name)) => self.patch_one::<DaemonSet>(name, &patch).await?,
                _ => {} // A pod of its own, or of a Job: nobody restarts it.
            }
        }
        Ok(())
    }

    /// The same to one workload, which need not be of the releases.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(in crate::bench) async fn restart_one<K>(&self, name: &str) -> Result<(), BenchError>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: DeserializeOwned,
    {
        self.patch_one::<K>(name, &restarted()).await
    }

    /// Takes every pod of the releases away at once; their workloads make new ones.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn replace_pods(&self) -> Result<(), BenchError> {
        let listed = self.pods().list_metadata(&ListParams::default().labels(OF_A_RELEASE)).await;
        let listed = listed.map_err(|source| self.objects("list the pods", source))?;
        for pod in listed.items {
            let deleted = self.pods().delete(&pod.name_any(), &DeleteParams::default()).await;
            deleted.map_err(|source| self.objects(format!("take pod {} away", pod.name_any()), source))?;
        }
        Ok(())
    }

    /// Takes the pod of the primary away, and waits until its database answers again.
    ///
    /// # Errors
    /// When there is no primary, or the database does not come back within its budget.
    pub(crate) async fn restart_primary(&self) -> Result<(), BenchError> {
        let deleted = self.delete_primary().await?;
        self.primary_is_back(&deleted).await
    }

    /// Has the operator look at the cluster again, by an annotation that changes nothing else.
    ///
    /// # Errors
    /// When the subject has no cluster, or the API server refuses.
    pub(crate) async fn touch_cluster(&self) -> Result<(), BenchError> {
        let (name, clusters) = (self.database_name()?, self.clusters());
        let touched = json!({"metadata": {"annotations": {TOUCHED: jiff::Timestamp::now().to_string()}}});
        let patched = clusters.patch(name, &PatchParams::default(), &Patch::Merge(touched)).await;
        patched.map(drop).map_err(|source| self.objects(format!("touch cluster {name}"), source))
    }

    /// Tells containers another sslmode than the chart does.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn force_modes<'m>(
        &self,
        modes: impl IntoIterator<Item = (&'m ModeVariable, &'m str)>,
    ) -> Result<(), BenchError> {
        for (variable, mode) in modes {
            let env = json!([{"name": ModeVariable::NAME, "value": mode}]);
            let container = json!({"name": variable.container, "env": env});
            let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
            match variable.kind.as_str() {
                "Deployment" => self.patch_one::<Deployment>(&variable.name, &patch).await?,
                "StatefulSet" => self.patch_one::<StatefulSet>(&variable.name, &patch).await?,
                _ => {} // Nothing rolls out there; its pods are watched by nobody.
            }
        }
        Ok(())
    }

    async fn patch_all<K>(&self, patch: &Value) -> Result<(), BenchError>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: DeserializeOwned,
    {
        let listed = self.api::<K>().list_metadata(&ListParams::default()).await;
        let listed = listed.map_err(|source| self.objects("list the workloads", source))?;
        for object in listed.items {
            self.patch_one::<K>(&object.name_any(), patch).await?;
        }
        Ok(())
    }

    async fn patch_one<K>(&self, name: &str, patch: &Value) -> Result<(), BenchError>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: DeserializeOwned,
    {
        let api: Api<K> = self.api();
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let patched = api.patch(name, &parameters, &Patch::Strategic(patch)).await;
        patched.map(drop).map_err(|source| self.objects(format!("change {name}"), source))
    }
}
