//! What became of one pod at one moment.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A pod that came, changed or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodChange {
    /// When it was seen, by the clock of this machine.
    pub at: Timestamp,
    /// The pod's name.
    pub pod: String,
    /// The workload that it belongs to, `deployment/agents`.
    pub workload: String,
    /// Its unique id.
    pub uid: String,
    /// Whether it was ready to serve.
    pub ready: bool,
    /// Whether it was on its way out.
    pub leaving: bool,
    /// Whether it was gone.
    pub gone: bool,
    /// How often its containers were restarted, in sum.
    pub restarts: i32,
    /// What keeps it from ever becoming ready by itself, `CrashLoopBackOff`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl PodChange {
    /// Whether it differs from another one by nothing but the time.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } == *other
    }
}

impl fmt::Display for PodChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.gone, self.leaving, self.ready) {
            (true, _, _) => "gone",
            (_, true, _) => "leaving",
            (_, _, true) => "ready",
            _ => "not ready",
        };
        write!(formatter, "pod {} {state} at {}", self.pod, self.at)?;
        if let Some(trouble) = &self.trouble {
            write!(formatter, ", {trouble}")?;
        }
        Ok(())
    }
}
