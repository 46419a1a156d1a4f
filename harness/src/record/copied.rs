//! A copy of the CA beside what it was copied from: digests and facts, never a value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Locate, Place};

/// How a run of the copier ended that ran through.
pub const COPIED_THROUGH: &str = "ran through";
/// What the copier has to be able to do.
pub const WAYS_NEEDED: [&str; 2] = ["read the source", "change the copy"];
/// What it could also be able to do, and nobody wants.
pub const WAYS_BEYOND: [&str; 7] = [
    "list Secrets",
    "make Secrets",
    "read a credential",
    "change a credential",
    "change the source",
    "delete the copy",
    "run programs in pods",
];

/// A copy of the CA.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopiedCa {
    /// The Secret that holds it.
    pub secret: String,
    /// The key that holds it.
    pub key: String,
    /// The digest of what the key holds; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The digest of what the source holds; absent where it cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How many certificates can be read from the copy; absent where it is no whole PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<usize>,
    /// The keys of the Secret that hold a private key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<String>,
    /// Who wrote what the Secret holds, without Holdfast itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
    /// What the account of the copier may do, by what it would be for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rights: BTreeMap<String, bool>,
}

impl CopiedCa {
    /// Whether it is what its source is; nothing where that cannot be told.
    pub fn agrees(&self) -> Option<bool> {
        Some(self.sha256.as_ref() == Some(self.source.as_ref()?))
    }
}

impl Locate for CopiedCa {
    fn place(&self) -> Place {
        Place::object(format!("secret/{}", self.secret)).field(format!("data.{}", self.key))
    }
}
