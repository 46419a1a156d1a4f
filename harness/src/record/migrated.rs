//! What a migration did to the databases, and how an attempt at one ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Locate, Place};

/// What one database held at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// The database.
    pub database: String,
    /// Its tables, columns, indexes and other objects, `column app.items.id bigint not null`, in order.
    pub objects: Vec<String>,
    /// How many rows each table had.
    pub rows: BTreeMap<String, u64>,
    /// What its history tables list as applied, by table, in order.
    pub applied: BTreeMap<String, Vec<String>>,
    /// The roles of applications that may make objects, by schema.
    pub creators: BTreeMap<String, Vec<String>>,
}

/// How an attempt to migrate ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Whether it came to the end that it is made for.
    pub succeeded: bool,
    /// After how many seconds; absent where it had not ended when nobody waited any longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What Helm and the pods of its Jobs said, masked.
    pub said: String,
}

impl Schema {
    /// Those of its history tables that list something more than once.
    pub fn repeated(&self) -> impl Iterator<Item = String> {
        let repeats = |versions: &Vec<String>| versions.windows(2).any(|two| two[0] == two[1]);
        self.applied.iter().filter(move |(_, versions)| repeats(versions)).map(|(table, _)| table.clone())
    }
}

impl Locate for Schema {
    fn place(&self) -> Place {
        Place::object(format!("database/{}", self.database))
    }
}
