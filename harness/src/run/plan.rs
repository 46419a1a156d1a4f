//! What a run must judge, written down before it judges anything.
//!
//! The plan holds all that a report needs beyond the journals, also of the catalogue, so that a report can be made from
//! the directory alone, by another version, years later.

use std::collections::BTreeMap;
use std::fmt;

use camino::Utf8PathBuf;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunId;
use crate::feature::Feature;
use crate::requirement::{Lane, Level, Requirement};
use crate::verdict::Verdict;
use crate::waiver::Waiver;

/// Everything that a run must judge, and what is under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The run that this is the plan of.
    pub run: RunId,
    /// When it was made.
    pub started: Timestamp,
    /// The version of Holdfast that made it.
    pub harness: String,
    /// The version of the contract.
    pub contract: String,
    /// The profile that a gate demands, `cnpg-app@1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What the owner of the gate accepts for a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// Whether everything was asked for.
    pub scope: Scope,
    /// Whether a SHOULD binds like a MUST.
    pub strict: bool,
    /// What an undecided MUST does to the exit code.
    pub undecided: Undecided,
    /// The command line that makes this run again, as it would be typed; no credential is ever an argument.
    pub command: Vec<String>,
    /// What is under test.
    pub subjects: Vec<SubjectIdentity>,
    /// What it runs on, as far as it is known beforehand: `kubernetes`, `cloudnative-pg`, `helm`, `provider` ...
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The requirements of the contract, all of them, in its order.
    pub requirements: Vec<PlannedRequirement>,
    /// What was noticed beforehand and explains what may follow from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// One item for each subject, overlay, requirement and lane.
    pub items: Vec<PlanItem>,
    /// The run's private folder, for its other processes. It is removed when the run ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<Utf8PathBuf>,
}

/// Whether a run was asked for everything that the contract has for its subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Every requirement, overlay and lane.
    Full,
    /// A selection. It is never called conformant.
    Partial,
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full => "full",
            Self::Partial => "partial",
        })
    }
}

/// What becomes of a MUST that was examined and could not be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Undecided {
    /// The run is incomplete.
    Incomplete,
    /// It is listed, and fails only with `--strict`: for a chart without a subject file, which nobody promised anything
    /// about. What was planned and never looked at stays incomplete all the same.
    Listed,
}

/// What is under test, as exactly as it can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectIdentity {
    /// The subject's name.
    pub name: String,
    /// Its overlays, in the order of the subject file.
    pub overlays: Vec<String>,
    /// The version of the contract that it was written for; absent where no subject file says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The profile that it means to meet; a gate may demand another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What it claims.
    #[serde(default)]
    pub claims: Vec<Feature>,
    /// Its releases, in the order of installation.
    pub releases: Vec<ReleaseIdentity>,
    /// The images of its pods, as far as they are known.
    #[serde(default)]
    pub images: Vec<ImageIdentity>,
}

/// One release of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseIdentity {
    /// The release's name.
    pub name: String,
    /// Its chart.
    pub chart: ChartIdentity,
}

/// A chart, as exactly as it can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartIdentity {
    /// The name that its Chart.yaml gives.
    pub name: String,
    /// The version that its Chart.yaml gives.
    pub version: String,
    /// The digest of its content, `sha256:...`.
    pub digest: String,
    /// The folder that it lies in, from the one in which Holdfast was called; absent for a packaged chart and for one
    /// from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// An image, as exactly as it can be named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageIdentity {
    /// The reference that a pod uses.
    pub reference: String,
    /// What it resolved to, `sha256:...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What the report says of a requirement beyond its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRequirement {
    /// Area and number, `CA-06`.
    pub id: String,
    /// `CA`.
    pub area: String,
    /// Whether a gate fails on it.
    pub level: Level,
    /// The statement.
    pub title: String,
    /// The document that asks for it.
    pub source: String,
    /// The contract version that introduced it.
    pub since: String,
    /// The lanes in which it can be judged.
    pub lanes: Vec<Lane>,
    /// Those that can prove it.
    pub decisive: Vec<Lane>,
    /// What to do about a violation.
    pub remedy: String,
}

impl From<&Requirement> for PlannedRequirement {
    fn from(requirement: &Requirement) -> Self {
        Self {
            id: requirement.id.into(),
            area: requirement.area().into(),
            level: requirement.level,
            title: requirement.title.into(),
            source: requirement.source.into(),
            since: requirement.since.into(),
            lanes: requirement.lanes().collect(),
            decisive: requirement.decisive.to_vec(),
            remedy: requirement.remedy.into(),
        }
    }
}

/// What one judgement is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The subject's name.
    pub subject: String,
    /// The overlay's name.
    pub overlay: String,
    /// The requirement's id.
    pub id: String,
    /// The lane.
    pub lane: Lane,
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} [{}, {}]", self.id, self.subject, self.overlay, self.lane)
    }
}

/// What is to become of one subject, overlay, requirement and lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanItem {
    /// What it is about.
    #[serde(flatten)]
    pub key: Key,
    /// Whether it is to be judged.
    #[serde(flatten)]
    pub disposition: Disposition,
}

/// How the reason ends why an overlay or a requirement was left out that the caller did not choose.
pub const NOT_ASKED_FOR: &str = "was not asked for";

/// Whether something is to be judged, or was settled before anything was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "disposition")]
pub enum Disposition {
    /// A journal must hold a judgement of it.
    Judge,
    /// The planner knew: `not-run`, `not-applicable` or `not-claimed`. Never `holds`: only a check can say that.
    Settled {
        /// What was known.
        verdict: Verdict,
        /// Why.
        reason: String,
    },
    /// The profile demands features that the subject neither claims nor shows: violated, without a look.
    Demanded {
        /// Those features.
        features: Vec<Feature>,
    },
}
