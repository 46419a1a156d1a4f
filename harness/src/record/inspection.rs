//! What the stand-in application says of itself: digests of what it trusts and uses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the stand-in application answers to `inspect`: digests, never values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// How it dials the database.
    pub database: Value,
    /// The CA file that it trusts.
    #[serde(default)]
    pub ca: Option<InspectedCa>,
    /// The settings that it understood.
    #[serde(default)]
    pub settings: Value,
    /// The digests of its environment, by variable.
    #[serde(default)]
    pub environment: Value,
}

/// The CA file that an application trusts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedCa {
    /// The file.
    pub path: String,
    /// Whether it is there.
    pub exists: bool,
    /// The digest of its content.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The certificates that can be read from it, in order.
    #[serde(default)]
    pub certificates: Vec<InspectedCertificate>,
    /// What is mounted where the file is; absent when nothing is.
    #[serde(default)]
    pub mount: Option<InspectedMount>,
}

/// One certificate of a CA file. Digests are SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedCertificate {
    /// The digest of the whole certificate.
    pub sha256: String,
    /// The digest of its public key: a renewed certificate with the same key has the same.
    pub spki_sha256: String,
}

/// The mount that holds a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedMount {
    /// The mount point.
    pub point: String,
    /// The file system, `tmpfs` for Secrets.
    pub file_system: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// What the pod has there, by the field that declares the volume, `secret`; absent where the pod names no such mount.
    /// The application cannot tell: the file system of a ConfigMap is the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
}

impl Inspection {
    /// How it dials the database, by the name of the setting, `sslmode`; nothing where it dials none.
    pub fn dials(&self, setting: &str) -> Option<&str> {
        self.database.get(setting)?.as_str()
    }
}
