//! What a pod of the application answered over HTTP.

use serde::{Deserialize, Serialize};

use crate::finding::{Locate, Place};

/// One question to one pod, and its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The pod.
    pub pod: String,
    /// The workload that it belongs to, `deployment/certctl-server`.
    pub workload: String,
    /// How it was asked, `with the old key`.
    pub how: String,
    /// The status of the answer; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The digest of the certificate that it served, SHA-256 in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
}

impl Asked {
    /// The answer, for people.
    pub fn answer(&self) -> String {
        match (self.status, &self.failed) {
            (Some(status), _) => status.to_string(),
            (None, Some(reason)) => format!("none: {reason}"),
            (None, None) => "none".to_owned(),
        }
    }

    /// Whether it was served.
    pub fn is_served(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Locate for Asked {
    fn place(&self) -> Place {
        Place::object(&self.workload).field(format!("pod {}", self.pod))
    }
}
