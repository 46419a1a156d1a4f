//! What stood on the volume of a PostgreSQL that a chart brought.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Locate, Place};

/// What stood on the volume of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// The Helm release.
    pub release: String,
    /// How many of the rows were there by which the volume is known again; absent where their table was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The tables of the application.
    pub tables: Vec<String>,
    /// The unique ids of its volume claims, by their names.
    pub claims: BTreeMap<String, String>,
}

impl Locate for Stored {
    fn place(&self) -> Place {
        Place::object(format!("release/{}", self.release))
    }
}
