//! How far a disturbance reaches, and so on whose cluster it may run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::Provider;
use crate::record::Experiment;

/// How far a disturbance reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Radius {
    /// The namespaces of the run.
    Namespace,
    /// A node, with whatever else runs there.
    Node,
    /// The whole cluster: its API server, its operators.
    Cluster,
}

impl Radius {
    /// Whether a disturbance of this radius may run on a cluster of that provider: others' nodes are left alone.
    pub fn is_allowed_on(self, provider: Provider) -> bool {
        provider == Provider::Kind || self == Self::Namespace
    }
}

impl fmt::Display for Radius {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Namespace => "namespace",
            Self::Node => "node",
            Self::Cluster => "cluster",
        })
    }
}

impl Experiment {
    /// How far the disturbance reaches.
    pub fn radius(self) -> Radius {
        match self {
            Self::Install
            | Self::RotateCa
            | Self::ForeignCa
            | Self::MissingCa
            | Self::WithoutCa
            | Self::Upgrade
            | Self::ForcedMode
            | Self::HostilePassword
            | Self::RotateBundle
            | Self::RollBackCa
            | Self::FollowCaDocumentation
            | Self::CopyAgain
            | Self::RotatePassword
            | Self::RotateKillingClients
            | Self::RotateLosingPrimary
            | Self::RotateSwitchingOver
            | Self::RotateKillingPooler
            | Self::RotateAgain
            | Self::RecreateCredential
            | Self::BreakCredential
            | Self::ChangeFirstPassword
            | Self::Reinstall
            | Self::MendKeepingData
            | Self::MendDeletingData
            | Self::RotateApiKey
            | Self::Migrate
            | Self::InstallWaiting
            | Self::StartTogether => Radius::Namespace,
            // Its account is granted every right in the namespace, which only who has them all can grant.
            Self::TenantInstall => Radius::Cluster,
            Self::RotateWithoutKubelet => Radius::Node,
            // Whoever else has a database there is without an operator meanwhile, or without an API server.
            Self::RotateWithoutOperator | Self::RotateKillingApiServer => Radius::Cluster,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Radius;
    use crate::cluster::Provider;

    #[rstest]
    #[case::a_namespace_of_somebody_elses_cluster(Radius::Namespace, Provider::Existing, true)]
    #[case::a_node_of_somebody_elses_cluster(Radius::Node, Provider::Existing, false)]
    #[case::somebody_elses_cluster(Radius::Cluster, Provider::Existing, false)]
    #[case::a_node_of_our_own(Radius::Node, Provider::Kind, true)]
    #[case::our_own_cluster(Radius::Cluster, Provider::Kind, true)]
    fn what_reaches_beyond_a_namespace_stays_on_our_own_cluster(
        #[case] radius: Radius,
        #[case] provider: Provider,
        #[case] allowed: bool,
    ) {
        assert_eq!(radius.is_allowed_on(provider), allowed);
    }
}
