//! What a subject can claim, and what its manifests can show.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A property that some requirements presuppose.
///
/// A feature that the manifests show counts as claimed, so that leaving it out of the subject file wins nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Feature {
    /// The database is dialled over TLS with a CA that a Secret provides.
    #[serde(rename = "ca")]
    Ca,
    /// All workloads mount the CA at the same path, with the same items, mode and variable.
    #[serde(rename = "ca.identical")]
    CaIdentical,
    /// A new CA is taken up without a change of the release.
    #[serde(rename = "ca.rotation")]
    CaRotation,
    /// A new password is taken up without a change of the release.
    #[serde(rename = "password.rotation")]
    PasswordRotation,
    /// The roles and passwords of the database are owned by CloudNativePG and its Secrets.
    #[serde(rename = "cnpg")]
    Cnpg,
    /// The chart brings a PostgreSQL of its own.
    #[serde(rename = "postgres.bundled")]
    PostgresBundled,
    /// Clients of the application identify themselves by keys.
    #[serde(rename = "api-keys")]
    ApiKeys,
    /// A Job brings the schema of the database up to date.
    #[serde(rename = "migrations")]
    Migrations,
    /// Something copies the database's CA into a Secret that clients read.
    #[serde(rename = "ca.sync")]
    CaSync,
    /// Clients reach the database through PgBouncer.
    #[serde(rename = "pooler")]
    Pooler,
    /// The application serves TLS itself.
    #[serde(rename = "tls.served")]
    TlsServed,
    /// With cluster-scoped rights switched off, the chart stays within its namespace.
    #[serde(rename = "rbac.namespaced")]
    RbacNamespaced,
    /// The release is rendered without access to the cluster.
    #[serde(rename = "gitops")]
    Gitops,
}

impl Feature {
    /// Every feature, in the order of documentation.
    pub const ALL: &[Self] = &[
        Self::Ca,
        Self::CaIdentical,
        Self::CaRotation,
        Self::PasswordRotation,
        Self::Cnpg,
        Self::PostgresBundled,
        Self::ApiKeys,
        Self::Migrations,
        Self::CaSync,
        Self::Pooler,
        Self::TlsServed,
        Self::RbacNamespaced,
        Self::Gitops,
    ];

    /// Whether whoever promises this one promises the other too.
    pub fn implies(self, other: Self) -> bool {
        other == Self::Ca && matches!(self, Self::CaIdentical | Self::CaRotation | Self::CaSync)
    }

    /// The name as subject files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::CaIdentical => "ca.identical",
            Self::CaRotation => "ca.rotation",
            Self::PasswordRotation => "password.rotation",
            Self::Cnpg => "cnpg",
            Self::PostgresBundled => "postgres.bundled",
            Self::ApiKeys => "api-keys",
            Self::Migrations => "migrations",
            Self::CaSync => "ca.sync",
            Self::Pooler => "pooler",
            Self::TlsServed => "tls.served",
            Self::RbacNamespaced => "rbac.namespaced",
            Self::Gitops => "gitops",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
