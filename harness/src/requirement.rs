//! The vocabulary of the contract: what a requirement is, without naming any.
//!
//! The requirements themselves are in the library `suites`, one file each.
//! This module only says what such a file has to tell.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::feature::Feature;
use crate::record::{Experiment, Records};
use crate::rendered::Rendered;

/// One requirement of the contract.
///
/// `id` is permanent: a retired id is never used again.
#[derive(Debug, Clone, Copy)]
pub struct Requirement {
    /// Area and number, `CA-06`.
    pub id: &'static str,
    /// The statement, in the present tense, without a full stop.
    pub title: &'static str,
    /// Whether a gate fails on it.
    pub level: Level,
    /// The document that asks for it, and its words.
    pub source: &'static str,
    /// The contract version that introduced it.
    pub since: &'static str,
    /// Counts changes of meaning since then, from 1.
    pub revision: u32,
    /// What a subject must claim (or its manifests show) for the requirement to apply. Empty: always.
    pub features: &'static [Feature],
    /// The experiments whose records the live lane reads; those under a fault only where they could be run.
    pub experiments: &'static [Experiment],
    /// The lanes that can prove the requirement; the others can only refute it.
    pub decisive: &'static [Lane],
    /// What to do about a violation, as an imperative.
    pub remedy: &'static str,
    /// The check on what Helm renders.
    pub rendered: Option<RenderedCheck>,
    /// The check on the records of experiments.
    pub live: Option<LiveCheck>,
}

/// A check on rendered manifests: a function of the rendering alone.
pub type RenderedCheck = fn(&Rendered, &mut Check);

/// A check on sealed records: it never touches the cluster.
pub type LiveCheck = fn(&Records, &mut Check);

impl Requirement {
    /// The area, read from the id.
    pub fn area(&self) -> &'static str {
        self.id.split_once('-').map_or(self.id, |(area, _)| area)
    }

    /// The experiments without which the live lane cannot tell.
    pub fn needs(&self) -> impl Iterator<Item = Experiment> + use<> {
        self.experiments.iter().copied().filter(|one| !one.is_under_fault())
    }

    /// The experiments under a fault, whose records are judged too where there are some.
    pub fn faults(&self) -> impl Iterator<Item = Experiment> + use<> {
        self.experiments.iter().copied().filter(|one| one.is_under_fault())
    }

    /// The lanes in which the requirement can be judged.
    pub fn lanes(&self) -> impl Iterator<Item = Lane> + use<> {
        let rendered = self.rendered.map(|_| Lane::Rendered);
        let live = self.live.map(|_| Lane::Live);
        rendered.into_iter().chain(live)
    }
}

/// How binding a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// A violation fails the run.
    Must,
    /// A violation is reported; it fails only a strict run.
    Should,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        })
    }
}

/// Where a requirement is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// On what Helm renders; needs no cluster.
    Rendered,
    /// On what experiments recorded on a cluster.
    Live,
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rendered => "rendered",
            Self::Live => "live",
        })
    }
}
