//! `report.json`: what was judged, on what, with which verdict.
//!
//! The shape is an interface: `harness/schemas/report.v1.json` is generated from it, and a change of meaning raises the
//! version in `apiVersion`. Other formats are made from this value alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::feature::Feature;
use crate::finding::Finding;
use crate::requirement::{Lane, Level};
use crate::run::{Key, RunId, Scope, SubjectIdentity};
use crate::verdict::Verdict;

/// The version of the shape.
pub const API_VERSION: &str = "holdfast.dev/report/v1";

/// The kind of document.
pub const KIND: &str = "ConformanceReport";

/// Everything that is known of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ConformanceReport")]
pub struct Report {
    /// `holdfast.dev/report/v1`.
    pub api_version: String,
    /// `ConformanceReport`.
    pub kind: String,
    /// Whether every planned judgement was made and the run came to its end.
    pub complete: bool,
    /// Whether everything was asked for that the contract has for these subjects.
    pub scope: Scope,
    /// Whether the subjects can be called conformant: the scope is full, the run complete and sound, something holds,
    /// and every MUST that applies holds, without a waiver.
    pub conformant: bool,
    /// The run.
    pub run: RunFacts,
    /// What judged.
    pub harness: HarnessFacts,
    /// The version of the contract.
    pub contract: String,
    /// The profile that a gate demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What is under test.
    pub subjects: Vec<SubjectIdentity>,
    /// What it ran on: names and values.
    pub environment: BTreeMap<String, String>,
    /// The verdicts over lanes, one for each subject, overlay and requirement.
    pub requirements: Vec<RequirementResult>,
    /// The verdicts in each lane.
    pub results: Vec<LaneResult>,
    /// What the owner of the gate accepts for a time.
    pub waivers: Vec<Waiver>,
    /// Experiments that broke off; the verdicts say what follows from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken_off: Vec<BrokenOff>,
    /// How many of each verdict.
    pub statistics: Statistics,
    /// Worth knowing, and no reason to doubt the verdicts.
    pub notes: Vec<String>,
    /// Why the verdicts cannot be trusted. Empty in a sound report.
    pub problems: Vec<String>,
    /// The exit code that follows from all this.
    pub exit_code: u8,
}

/// When, and by which command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunFacts {
    /// The run's id.
    pub id: RunId,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When it ended; absent if it did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub finished: Option<Timestamp>,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The signal that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<String>,
    /// Whether a SHOULD bound like a MUST.
    pub strict: bool,
    /// The command line that makes it again.
    pub command: Vec<String>,
}

/// What judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarnessFacts {
    /// The version of Holdfast that ran.
    pub version: String,
}

/// The verdict of one requirement over its lanes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequirementResult {
    /// The subject's name.
    pub subject: String,
    /// The overlay's name.
    pub overlay: String,
    /// The requirement's id.
    pub id: String,
    /// Its area.
    pub area: String,
    /// Its level.
    pub level: Level,
    /// Its statement.
    pub title: String,
    /// The document that asks for it.
    pub source: String,
    /// What to do about a violation.
    pub remedy: String,
    /// The lanes that can prove it.
    pub decisive: Vec<Lane>,
    /// Whether it is newer than the contract that the subject pins, and so does not bind it yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Whether a violation, or not knowing, fails this run.
    pub binding: bool,
    /// The verdict over the lanes.
    pub verdict: Verdict,
    /// Whether it was asked for and could not be told, also in a lane that could only have refuted it.
    pub open: bool,
    /// Whether it keeps the exit code from being 0: binding, and violated or open where that counts.
    pub fails: bool,
}

/// The verdict of one requirement in one lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaneResult {
    /// What it is about.
    #[serde(flatten)]
    pub key: Key,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not a plain `holds` or `violated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The features for whose absence alone it is violated: the profile demands them, and the subject neither claims
    /// nor shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demanded: Vec<Feature>,
    /// How many observations were compared with an expectation.
    pub examined: usize,
    /// Everything that was seen.
    pub findings: Vec<Finding>,
    /// The artefacts that it was read from, from the run directory on.
    pub evidence: Vec<String>,
    /// How long the check took, in seconds; absent if none ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// An experiment that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokenOff {
    /// Its name, `rotate-ca`. New ones come without a new version of this shape.
    pub experiment: String,
    /// On which subject.
    pub subject: String,
    /// Under which overlay.
    pub overlay: String,
    /// The step that failed, and why.
    pub reason: String,
}

/// What the owner of a gate accepts for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiver {
    /// The requirement's id.
    pub id: String,
    /// The subject's name.
    pub subject: String,
    /// The overlay's name; absent: every overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// The lane; absent: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepts it.
    pub owner: String,
    /// The last day on which it counts, in UTC.
    #[schemars(with = "String")]
    pub expires: jiff::civil::Date,
    /// What became of it in this run.
    pub state: WaiverState,
}

/// What became of a waiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaiverState {
    /// It turned a violation into `waived`.
    Used,
    /// Nothing that it covers was seen to be violated.
    Unused,
    /// Its last day is over; it changed nothing.
    Expired,
}

/// How many of each verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Over lanes.
    pub requirements: Counts,
    /// In each lane.
    pub results: Counts,
    /// How many observations were compared with an expectation, in all.
    pub examined: usize,
}

/// How many of each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each field is the verdict of its name")]
pub struct Counts {
    pub holds: usize,
    pub violated: usize,
    pub unchecked: usize,
    pub not_run: usize,
    pub not_applicable: usize,
    pub not_claimed: usize,
    pub waived: usize,
}

impl Counts {
    /// The numbers in the order in which people want them, without zeros but for what holds.
    pub fn told(self) -> Vec<(Verdict, usize)> {
        let all = [
            (Verdict::Holds, self.holds),
            (Verdict::Violated, self.violated),
            (Verdict::Unchecked, self.unchecked),
            (Verdict::Waived, self.waived),
            (Verdict::NotRun, self.not_run),
            (Verdict::NotApplicable, self.not_applicable),
            (Verdict::NotClaimed, self.not_claimed),
        ];
        all.into_iter().filter(|(verdict, count)| *count > 0 || *verdict == Verdict::Holds).collect()
    }
}

impl FromIterator<Verdict> for Counts {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            *match verdict {
                Verdict::Holds => &mut counts.holds,
                Verdict::Violated => &mut counts.violated,
                Verdict::Unchecked => &mut counts.unchecked,
                Verdict::NotRun => &mut counts.not_run,
                Verdict::NotApplicable => &mut counts.not_applicable,
                Verdict::NotClaimed => &mut counts.not_claimed,
                Verdict::Waived => &mut counts.waived,
            } += 1;
        }
        counts
    }
}

impl Report {
    /// The results of a requirement's lanes.
    pub fn lanes<'a>(&'a self, of: &'a RequirementResult) -> impl Iterator<Item = &'a LaneResult> {
        self.results.iter().filter(move |result| of.is_about(&result.key))
    }

    /// The command line that makes the run again, quoted for a shell.
    pub fn command(&self) -> String {
        quoted(&self.run.command)
    }

    /// The command line that judges one requirement again. Only `run` and `check` select.
    pub fn command_for(&self, id: &str) -> String {
        let mut command = self.run.command.clone();
        let selects = command.get(1).is_some_and(|name| name == "run");
        if selects && !command.iter().any(|argument| argument == "--only" || argument.starts_with("--only=")) {
            command.extend(["--only".to_owned(), id.to_owned()]);
        }
        quoted(&command)
    }
}

impl RequirementResult {
    /// Whether a result is one of this requirement's lanes.
    pub fn is_about(&self, key: &Key) -> bool {
        self.id == key.id && self.subject == key.subject && self.overlay == key.overlay
    }
}

fn quoted(command: &[String]) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,@%+".contains(character);
    let words = command.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
