//! What an experiment leaves: a sealed record of what was done, when, and what was seen.
//!
//! A record is data. It is complete when it is written, it never changes afterwards, and checks read nothing else.
//! Benches write it down piece by piece, experiments seal it, and only then it is judged.

mod asked;
mod change;
mod complaint;
mod copied;
mod credential;
mod experiment;
mod exposed;
mod inspection;
mod migrated;
mod pod;
mod reach;
mod records;
mod snapshot;
mod stored;
mod unseen;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::asked::Asked;
pub use self::change::PodChange;
pub use self::complaint::{Complaint, RemedyHeadings};
pub use self::copied::{COPIED_THROUGH, CopiedCa, WAYS_BEYOND, WAYS_NEEDED};
pub use self::credential::CredentialState;
pub use self::experiment::Experiment;
pub use self::exposed::Exposed;
pub use self::inspection::{InspectedCa, InspectedCertificate, InspectedMount, Inspection};
pub use self::migrated::{Attempt, Schema};
pub use self::pod::{PodImage, PodState};
pub use self::reach::{Account, DatabaseState, Entrance};
pub use self::records::Records;
use self::snapshot::NOTHING;
pub use self::snapshot::Snapshot;
pub use self::stored::Stored;
pub use self::unseen::Unseen;
use crate::history::History;

/// The moment before a disturbance.
pub const BEFORE: &str = "before";
/// The moment while a disturbance lasts.
pub const DURING: &str = "during";
/// The moment when a disturbance is over and everything had its time to recover.
pub const AFTER: &str = "after";

/// What stands between an experiment that broke off and its reason, where a record says why it could not follow.
pub const BROKE_OFF: &str = " before it broke off: ";
/// The answer that names the role whose credential an experiment changes.
pub const ROLE: &str = "the role whose credential is changed";

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
    /// What the manifests leave open, and no look at the bench tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Unseen>,
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
    /// Why it did not come to what it is for: an answer where it waited for something, else the failure of the experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<String>,
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

    /// How long something may take here, in seconds; nothing if the experiment sets no bound for it.
    pub fn limit(&self, what: &str) -> Option<f64> {
        self.limits.get(what).copied()
    }
}
