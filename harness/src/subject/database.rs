//! The part of a subject file that says what its database is and how clients find it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::budget::Budget;

/// The database: at most one of `cluster`, `bundled` and `external`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Database {
    /// The name of a CloudNativePG Cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How that Cluster is in production, where the companion is smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_availability: Option<HighAvailability>,
    /// A PostgreSQL that the chart brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundled: Option<Bundled>,
    /// A PostgreSQL that nobody here manages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// How the CA reaches the clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaPlan>,
    /// What copies the CA into a Secret that clients read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_sync: Option<CaSync>,
    /// The Jobs that bring the schema up to date, where neither name, image nor command says so, `job/shop-setup`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    /// The workloads whose pods bring the schema up to date when they start, `deployment/shop`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrates_on_start: Vec<String>,
    /// The pools of clients of which neither a variable nor a connection string tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// The Secrets with credentials of the database.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// How the Secret of an application's credential is called, `<app>-db-auth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_pattern: Option<String>,
    /// The least length of a generated password, in characters. Default: 24.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_length: Option<usize>,
}

/// A Cluster of several instances, of which one can take over from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HighAvailability {
    /// How many instances it has, at least 2.
    #[schemars(range(min = 2))]
    pub instances: u32,
    /// Whether a commit is acknowledged only when another instance has it, too (`spec.postgresql.synchronous`).
    #[serde(default)]
    pub synchronous: bool,
}

/// A PostgreSQL that the chart brings.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundled {
    /// The name of its StatefulSet.
    pub stateful_set: String,
    /// Dotted path of the value that switches it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_value: Option<String>,
    /// Dotted path of the value that is its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_value: Option<String>,
    /// Heading of the chart's README under which people find how to change the password and keep the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy_keeping_data: Option<String>,
    /// Heading of the chart's README under which people find how to begin again with an empty volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy_deleting_data: Option<String>,
}

/// A PostgreSQL that nobody here manages.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct External {}

/// How the chart hands the CA to the database's clients. What is absent, the chart does not have.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaPlan {
    /// Dotted path of the value that names the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_value: Option<String>,
    /// Dotted path of the value that names the key within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_value: Option<String>,
    /// The folder where it is mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
    /// The reserved name of the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The environment variable that names the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Dotted path of the list in which users add volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_volumes_value: Option<String>,
    /// Where the chart's README says how to install with the CA, rotate it and go back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documented: Option<CaDocumentation>,
}

/// Headings of the chart's README with commands for the CA that the operator publishes, in the order in which they are
/// run as written: the second after the first, and the third after the second.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaDocumentation {
    /// How the chart is installed with it.
    pub install: String,
    /// How it is replaced.
    pub rotate: String,
    /// How the one of before comes back.
    pub roll_back: String,
}

/// What copies the CA into a Secret that clients read.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaSync {
    /// The workload that copies it, `cronjob/ca-sync`.
    pub workload: String,
    /// The Secret that it is copied into.
    pub target: SyncedKey,
    /// The Secret that it is copied from. Default: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SyncedKey>,
    /// Dotted path of the value that says in which namespace the source is. With it the live lane has the CA copied
    /// from a second namespace, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_namespace_value: Option<String>,
}

/// One key of a Secret, between which a CA is copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncedKey {
    /// The Secret's namespace. Default: that of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The Secret's name.
    pub secret: String,
    /// The key within it.
    pub key: String,
}

/// The sessions that a client keeps, where its manifests do not tell.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// The workload, `deployment/shop`.
    pub workload: String,
    /// The container within it. Default: each that dials the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// How many sessions it opens at most, in each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub size: Option<u64>,
    /// How old one of them becomes at most; `0s`: there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Budget>,
}

/// A Secret with credentials of one role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// The Secret's name.
    pub secret: String,
    /// The role in the database.
    pub role: String,
    /// The database that the role owns. Default: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Which key holds what.
    #[serde(default)]
    pub keys: CredentialKeys,
}

/// Which key of a Secret holds which part of a credential.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialKeys {
    /// The role's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A whole connection URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The same for JDBC, `jdbc:postgresql://...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jdbc_uri: Option<String>,
    /// A line of a password file, `host:port:database:role:password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgpass: Option<String>,
}
