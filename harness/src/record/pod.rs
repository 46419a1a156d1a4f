//! A pod as it was seen at one moment.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::inspection::{InspectedCa, Inspection};
use crate::finding::{Locate, Place};

/// A pod of the subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// The workload that it belongs to, `deployment/agents`.
    pub workload: String,
    /// Whether it is a pod of the chart's own PostgreSQL, and none of the application.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_database: bool,
    /// Its unique id: a pod that was replaced has another.
    pub uid: String,
    /// Its address in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether it was ready.
    pub ready: bool,
    /// How often its containers were restarted, in sum.
    pub restarts: i32,
    /// Why a container is not running, `CreateContainerConfigError: secret "x" not found`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// The images of its containers, by container.
    pub images: BTreeMap<String, PodImage>,
    /// What its application says of itself, where the application can be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspected: Option<Inspection>,
}

/// The image of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodImage {
    /// The reference in the pod's template.
    pub reference: String,
    /// What the node resolved it to; empty until the container was made.
    pub id: String,
    /// Which of Holdfast's images stands for it, where the subject says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<String>,
}

impl PodState {
    /// The CA file that its application trusts, as far as the application can be asked.
    ///
    /// A driver that is told of no file looks for one in the home folder; that there is none is no finding.
    pub fn ca(&self) -> Option<&InspectedCa> {
        let inspected = self.inspected.as_ref()?;
        let told = inspected.dials("caPathSource") != Some("default");
        inspected.ca.as_ref().filter(|ca| ca.exists || told)
    }

    /// The digest of that file's content.
    pub fn ca_digest(&self) -> Option<&str> {
        self.ca()?.sha256.as_deref()
    }
}

impl Locate for PodState {
    fn place(&self) -> Place {
        Place::object(&self.workload).field(format!("pod {}", self.name))
    }
}

impl fmt::Display for PodState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pod {}", self.name)
    }
}
