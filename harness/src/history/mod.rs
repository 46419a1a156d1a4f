//! What a writer saw of the database while an experiment ran, and what the database kept of it.
//!
//! Every operation ends in one of three ways: acknowledged, failed for certain, or unknown (COMMIT was sent and no
//! answer came). Unknown is never counted as one of the others. The rows are read by the superuser over the local
//! socket, so that what is read does not depend on what was disturbed.

mod reading;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::reading::HistoryError;

/// The lane whose sessions come from a pool, as those of the application do.
pub const STEADY: &str = "steady";
/// The lane that opens a session for every operation; a stale credential shows here first.
pub const FRESH: &str = "fresh";

/// Length of a [`Tick`], in milliseconds.
pub const TICK_MS: i64 = 500;

/// The history of one writer, in the time of its own clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The lanes, by name.
    pub lanes: BTreeMap<String, LaneHistory>,
    /// What the experiment did, in order of time.
    pub marks: Vec<Mark>,
    /// How many rows the database has of this writer.
    pub stored: u64,
    /// Rows that were acknowledged and are not there.
    pub lost: Vec<String>,
    /// Rows that are there although their operation failed for certain.
    pub risen: Vec<String>,
}

/// What happened in one lane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneHistory {
    /// Operations whose commit was acknowledged.
    pub acknowledged: u64,
    /// When the first one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// When the last one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Of these, those whose session was not encrypted.
    pub plaintext: u64,
    /// Operations that failed for certain, by SQLSTATE.
    pub failed: BTreeMap<String, u64>,
    /// Operations of which nobody knows whether they were kept.
    pub unknown: u64,
    /// The longest time between two acknowledgements that followed one another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_gap: Option<Gap>,
    /// What ended in each half second, where something did.
    pub ticks: Vec<Tick>,
}

/// A time without an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The last acknowledgement before it.
    pub from: Timestamp,
    /// How long it lasted, by the monotonic clock.
    pub seconds: f64,
}

/// What ended in one half second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// When the half second began.
    pub at: Timestamp,
    /// Acknowledged operations.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub acknowledged: u32,
    /// Failed operations, by SQLSTATE.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u32>,
    /// Operations whose end is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: u32,
}

/// Something that the experiment did, stamped by the writer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What, a verb phrase.
    pub name: String,
}

impl History {
    /// A lane, by its name; an empty one if the writer had none of that name.
    pub fn lane(&self, name: &str) -> &LaneHistory {
        static NOTHING: LaneHistory = LaneHistory {
            acknowledged: 0,
            first: None,
            last: None,
            plaintext: 0,
            failed: BTreeMap::new(),
            unknown: 0,
            longest_gap: None,
            ticks: Vec::new(),
        };
        self.lanes.get(name).unwrap_or(&NOTHING)
    }

    /// When something was done; nothing if it was not.
    pub fn mark(&self, name: &str) -> Option<Timestamp> {
        self.marks.iter().find(|mark| mark.name == name).map(|mark| mark.at)
    }
}

impl LaneHistory {
    /// How many operations were acknowledged within a time.
    pub fn acknowledged_between(&self, from: Timestamp, to: Timestamp) -> u64 {
        self.between(from, to).map(|tick| u64::from(tick.acknowledged)).sum()
    }

    /// How many operations failed within a time, by SQLSTATE.
    pub fn failed_between(&self, from: Timestamp, to: Timestamp) -> BTreeMap<String, u64> {
        let mut failed = BTreeMap::new();
        for (sqlstate, count) in self.between(from, to).flat_map(|tick| &tick.failed) {
            *failed.entry(sqlstate.clone()).or_default() += u64::from(*count);
        }
        failed
    }

    fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Tick> {
        self.ticks.iter().filter(move |tick| tick.at >= from && tick.at < to)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
