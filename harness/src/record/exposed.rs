//! Live credentials that stand where they must not.

use serde::{Deserialize, Serialize};

use crate::finding::Place;

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
