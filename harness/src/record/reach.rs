//! Who reaches what of an installation: accounts of pods the Secrets, roles the databases, the outside the database.

use serde::{Deserialize, Serialize};

use crate::finding::{Locate, Place};

/// An account as which pods of the releases run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Whether the API server lets it list the Secrets of its namespace.
    pub lists_secrets: bool,
}

/// A database that the subject declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseState {
    /// Its name.
    pub name: String,
    /// The role that is declared to own it.
    pub declared: String,
    /// Who owns it; absent where there is no such database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How the login of each declared role ended, by role.
    pub logins: Vec<(String, String)>,
}

/// A Service or Ingress by which somebody comes to the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entrance {
    /// The object, `service/agents-db-rw`.
    pub object: String,
    /// What opens it to the outside, `type NodePort`; nothing where it stays inside.
    pub ways_in: Vec<String>,
}

impl Locate for Account {
    fn place(&self) -> Place {
        Place::object(format!("serviceaccount/{}", self.name))
    }
}

impl Locate for DatabaseState {
    fn place(&self) -> Place {
        Place::object(format!("database/{}", self.name))
    }
}

impl Locate for Entrance {
    fn place(&self) -> Place {
        Place::object(&self.object)
    }
}
