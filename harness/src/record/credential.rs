//! What a credential's Secret says, beside what the database has of its role.

use serde::{Deserialize, Serialize};

use crate::finding::{Locate, Place};

/// One declared credential: facts about its Secret and its role, never a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialState {
    /// The Secret.
    pub secret: String,
    /// The role that it is for, as the subject says.
    pub role: String,
    /// Whether the Secret is there.
    pub exists: bool,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// Who owns it, `Cluster/agents-db`.
    pub owners: Vec<String>,
    /// Who wrote what it holds, by the names under which they did, without Holdfast itself; `a companion` where it is
    /// Holdfast that applied what a companion brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
    /// Whether whoever installs gave its password, by a companion or in the values, so that nobody generated it.
    #[serde(default)]
    pub given: bool,
    /// The user name that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The length of its password in characters, without white space at the ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// The least length that the subject declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_length: Option<usize>,
    /// Whether its password has white space at an end, or a control character.
    pub untidy: bool,
    /// Whether the database's verifier of the role is that of this password; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agrees: Option<bool>,
    /// The role's attributes that lead out of its database, `SUPERUSER`; absent where there is no such role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<String>>,
}

impl Locate for CredentialState {
    fn place(&self) -> Place {
        Place::object(format!("secret/{}", self.secret)).field(format!("role {}", self.role))
    }
}
