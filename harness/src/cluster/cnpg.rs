//! CloudNativePG on a cluster: applied, and ready when its webhook accepts a Cluster.
//!
//! The operator's Deployment being Available is not enough: the webhook's certificate is injected later.

use kube::api::DynamicObject;
use serde_json::json;

use super::{Applier, ApplyError, Cluster};
use crate::error::Chain;
use crate::wait::{Budget, Progress, WaitError, poll_until};

const ACCEPTS: Budget = Budget::seconds("CloudNativePG to accept a Cluster in a dry run", 120);

/// Why CloudNativePG cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// Its manifest cannot be applied.
    #[error("install CloudNativePG")]
    Apply(#[source] ApplyError),
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
            applier.apply(object, "cnpg-system").await.map_err(OperatorError::Apply)?;
        }
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
