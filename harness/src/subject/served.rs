//! The part of a subject file that says what the application itself serves: who may ask, and under which certificate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The keys with which clients of the application identify themselves.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKeys {
    /// Dotted path of the value that lists them, separated by commas.
    pub value: String,
    /// The Secret in which the server finds them.
    pub secret: String,
    /// The key within that Secret.
    pub key: String,
    /// The Service that asks for one.
    pub service: String,
    /// A path that answers 2xx to a listed key and 401 to any other, `/api/v1/rows`.
    pub path: String,
    /// The workloads that present a key, `daemonset/certctl-agent`.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Heading of the chart's README under which people find how to rotate a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<String>,
}

/// The certificate that the application serves itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServedTls {
    /// The Service whose port speaks TLS.
    pub service: String,
    /// Dotted path of the value that names a Secret of the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_value: Option<String>,
    /// The Secret with the certificate that the chart generates where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_secret: Option<String>,
    /// The lowest version of TLS that is served, `1.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
}
