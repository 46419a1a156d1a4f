//! What an experiment leaves: a sealed record of what was done, when, and what was seen.
//!
//! A record is data. It is complete when it is written, it never changes afterwards, and checks read nothing else.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Experiment;
use super::change::PodChange;
use super::inspection::{InspectedCa, Inspection};
use super::snapshot::{NOTHING, Snapshot};
use crate::finding::{Locate, Place};
use crate::history::History;

/// The record of one experiment on one subject under one overlay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// What was done.
    pub experiment: Experiment,
    /// To which subject.
    pub subject: String,
    /// Under which overlay.
    pub overlay: String,
    /// Whether that overlay is marked as production.
    #[serde(default)]
    pub production: bool,
    /// In which namespace.
    pub namespace: String,
    /// When it began, by the clock of this machine.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What was seen, by the name of the moment, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// What a writer saw of the database meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// What became of the pods of the releases meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PodChange>,
    /// How long things may take here, in seconds, by what they are: physical bounds, stretched for this cluster.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
    /// Why it did not come to its end, if it did not: then nothing can be concluded from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// One step of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What was done, a verb phrase.
    pub name: String,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// What did not come true within the time that the step allowed, where that is an answer and not a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<String>,
}

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

/// What came of a search for live credentials where they must not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposed {
    /// The credentials that were searched for, `secret/agents-db-app, password`.
    pub searched: Vec<String>,
    /// What was searched: objects of the release, notes, ConfigMaps.
    pub places: Vec<Place>,
    /// What people read when something went wrong, and was searched too: logs and events.
    #[serde(default)]
    pub logs: Vec<Place>,
    /// Logs that were written, and that nobody could read to the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Place>,
    /// The places among all these that hold one.
    pub found: Vec<Place>,
}

/// One session of a client, as the server has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The role.
    pub role: String,
    /// The address of the client.
    pub client: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// When the server began to serve it, by the server's clock.
    pub began: Timestamp,
}

/// A login that the server's log tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedLogin {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The role.
    pub role: String,
    /// The address of the client.
    pub client: String,
    /// Whether the session was encrypted.
    pub encrypted: bool,
}

/// A login or a handshake that failed, as the server's log tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedFailure {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The role; empty where it did not come so far.
    pub role: String,
    /// The address of the client.
    pub client: String,
    /// `28P01` for a wrong password, `08P01` for a handshake that the client broke off.
    pub sqlstate: String,
    /// Whether the client ended the handshake because it refused the server's certificate.
    #[serde(default)]
    pub refused: bool,
    /// What the server wrote, for people.
    pub message: String,
}

impl Record {
    /// The snapshot of a moment; an empty one if the experiment did not come so far.
    pub fn at(&self, moment: &str) -> &Snapshot {
        self.snapshots.iter().rev().find(|snapshot| snapshot.moment == moment).unwrap_or(&NOTHING)
    }

    /// The snapshot that was taken last before a moment; an empty one if there is none.
    pub fn preceding(&self, moment: &str) -> &Snapshot {
        let place = self.snapshots.iter().rposition(|snapshot| snapshot.moment == moment);
        place.and_then(|place| self.snapshots.get(place.checked_sub(1)?)).unwrap_or(&NOTHING)
    }

    /// A step, by its name; nothing if the experiment did not come so far.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().rev().find(|done| done.name == name)
    }

    /// When a step was over; nothing if the experiment did not come so far.
    pub fn over(&self, step: &str) -> Option<Timestamp> {
        let step = self.step(step)?;
        step.began.checked_add(SignedDuration::from_secs_f64(step.seconds)).ok()
    }
}

impl Record {
    /// How long something may take here, in seconds; nothing if the experiment sets no bound for it.
    pub fn limit(&self, what: &str) -> Option<f64> {
        self.limits.get(what).copied()
    }
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

impl fmt::Display for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carried = if self.encrypted { "encrypted" } else { "plaintext" };
        write!(formatter, "{carried}, role {}, from {} since {}", self.role, self.client, self.began)
    }
}

impl fmt::Display for LoggedLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carried = if self.encrypted { "encrypted" } else { "plaintext" };
        write!(formatter, "{carried}, role {}, from {} at {}", self.role, self.client, self.at)
    }
}

impl fmt::Display for LoggedFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} from {} at {} ({})", self.sqlstate, self.client, self.at, self.message)
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
