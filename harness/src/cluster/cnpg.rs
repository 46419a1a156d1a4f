//! CloudNativePG on a cluster: applied, and ready when its webhook accepts a Cluster.
//!
//! The operator's Deployment being Available is not enough: the webhook's certificate is injected later.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{Applier, ApplyError, Cluster, Provider};
use crate::error::Chain;
use crate::wait::{Budget, Objects, Progress, WaitError, poll_until, watch_until};

/// Where the operator's manifest puts it.
const NAMESPACE: &str = "cnpg-system";
/// Its Deployment there.
const DEPLOYMENT: &str = "cnpg-controller-manager";
/// On its pods.
const PODS: &str = "app.kubernetes.io/name=cloudnative-pg";
/// On the Deployment while it is scaled to zero: the run that did it.
const STOPPED_BY: &str = "holdfast.dev/stopped-by";

const GONE: Budget = Budget::seconds("the operator's pods to end", 60);
const ACCEPTS: Budget = Budget::seconds("CloudNativePG to accept a Cluster in a dry run", 120);

/// Why CloudNativePG cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// Its manifest cannot be applied.
    #[error("install CloudNativePG")]
    Apply(#[source] ApplyError),
    /// Its Deployment cannot be scaled.
    #[error("scale CloudNativePG to {replicas}")]
    Scale {
        /// To how many pods.
        replicas: u8,
        /// Why not.
        #[source]
        source: kube::Error,
    },
    /// It does not accept a Cluster.
    #[error("wait for CloudNativePG")]
    Wait(#[source] WaitError),
    /// The literal object is wrong; a defect of Holdfast.
    #[error("describe a database cluster for the dry run")]
    Literal(#[source] serde_json::Error),
}

impl Cluster {
    /// Whether CloudNativePG accepts a Cluster now.
    pub async fn accepts_databases(&self) -> Result<bool, OperatorError> {
        let mut applier = Applier::new(self.client().clone());
        Ok(applier.dry_run(&trial()?, "default").await.is_ok())
    }

    /// Installs CloudNativePG from the objects of its manifest and waits until it accepts a Cluster.
    ///
    /// # Errors
    /// When an object is refused or the budget is used up.
    pub async fn install_operator(&self, manifest: &[DynamicObject]) -> Result<(), OperatorError> {
        let mut applier = Applier::new(self.client().clone());
        for object in manifest {
            applier.apply(object, NAMESPACE).await.map_err(OperatorError::Apply)?;
        }
        self.databases_accepted().await
    }

    /// Scales the operator to zero for a run and waits until nothing of it is left. Databases go on; nobody looks after
    /// them.
    ///
    /// # Errors
    /// When the API server refuses, or a pod of it does not end.
    pub(crate) async fn stop_operator(&self, run: &str) -> Result<(), OperatorError> {
        self.scale_operator(0, Some(run)).await?;
        let pods: Api<Pod> = Api::namespaced(self.client().clone(), NAMESPACE);
        let gone = watch_until(pods, watcher::Config::default().labels(PODS), GONE, |pods: &Objects<Pod>| {
            match pods.values().next() {
                None => Progress::Ready(()),
                Some(pod) => Progress::NotYet(format!("pod {} is there", pod.name_any())),
            }
        });
        gone.await.map_err(OperatorError::Wait)
    }

    /// Scales the operator back and waits until it accepts a Cluster.
    ///
    /// # Errors
    /// When the API server refuses, or it does not come back.
    pub(crate) async fn start_operator(&self) -> Result<(), OperatorError> {
        self.scale_operator(1, None).await?;
        self.databases_accepted().await
    }

    /// Starts the operator again if a run had scaled it to zero that is dead; a run that is alive starts it itself. Says
    /// whether it did.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn revive_operator(&self, is_dead: impl Fn(&str) -> bool) -> Result<bool, OperatorError> {
        let deployments: Api<Deployment> = Api::namespaced(self.client().clone(), NAMESPACE);
        let found = deployments.get_opt(DEPLOYMENT).await;
        let found = found.map_err(|source| OperatorError::Scale { replicas: 1, source })?;
        let left_stopped = found.is_some_and(|found| is_left_stopped(&found, is_dead));
        if left_stopped {
            self.scale_operator(1, None).await?;
        }
        Ok(left_stopped)
    }

    /// The operator's pods, with the labels that select them; nothing on a cluster of somebody else's, where the rights
    /// of a run end at its namespaces.
    pub(crate) fn pods_of_operator(&self) -> Option<(Api<Pod>, &'static str)> {
        let is_ours = self.handle().provider == Provider::Kind;
        is_ours.then(|| (Api::namespaced(self.client().clone(), NAMESPACE), PODS))
    }

    async fn scale_operator(&self, replicas: u8, stopped_by: Option<&str>) -> Result<(), OperatorError> {
        let deployments: Api<Deployment> = Api::namespaced(self.client().clone(), NAMESPACE);
        let scale = Patch::Merge(json!({
            "metadata": {"annotations": {STOPPED_BY: stopped_by}},
            "spec": {"replicas": replicas},
        }));
        let scaled = deployments.patch(DEPLOYMENT, &PatchParams::default(), &scale).await;
        scaled.map(drop).map_err(|source| OperatorError::Scale { replicas, source })
    }

    pub(super) async fn databases_accepted(&self) -> Result<(), OperatorError> {
        let trial = trial()?;
        let accepted = poll_until(ACCEPTS, || async {
            // A new applier each time: the kinds were not there a moment ago.
            match Applier::new(self.client().clone()).dry_run(&trial, "default").await {
                Ok(()) => Progress::Ready(()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        accepted.await.map_err(OperatorError::Wait)
    }
}

/// Whether nobody will start it again. What says no run was stopped by an older build, or by hand.
fn is_left_stopped(operator: &Deployment, is_dead: impl Fn(&str) -> bool) -> bool {
    let stopped = operator.spec.as_ref().is_some_and(|spec| spec.replicas == Some(0));
    stopped && operator.annotations().get(STOPPED_BY).is_none_or(|run| is_dead(run))
}

/// The smallest Cluster, for dry runs.
pub(super) fn trial() -> Result<DynamicObject, OperatorError> {
    serde_json::from_value(json!({
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "holdfast-dry-run"},
        "spec": {"instances": 1, "storage": {"size": "64Mi"}},
    }))
    .map_err(OperatorError::Literal)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;
    use rstest::rstest;
    use serde_json::json;

    use super::{STOPPED_BY, is_left_stopped};

    #[rstest]
    #[case::it_runs(1, json!({}), false)]
    #[case::by_a_run_that_is_dead(0, json!({STOPPED_BY: "dead"}), true)]
    #[case::by_a_run_that_is_alive(0, json!({STOPPED_BY: "alive"}), false)]
    #[case::by_nobody_that_is_known(0, json!({}), true)]
    fn the_operator_is_revived_when(
        #[case] replicas: i32,
        #[case] annotations: serde_json::Value,
        #[case] expected: bool,
    ) {
        let spec = json!({"replicas": replicas, "selector": {}, "template": {}});
        let operator = json!({"metadata": {"annotations": annotations}, "spec": spec});
        let operator: Deployment = serde_json::from_value(operator).unwrap();
        assert_eq!(is_left_stopped(&operator, |run| run == "dead"), expected);
    }
}
