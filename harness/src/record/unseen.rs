//! What manifests leave open of a client that nobody sees at work on a bench.

use serde::{Deserialize, Serialize};

use crate::finding::Place;

/// A client whose time does not come while a bench stands, or which no look reaches. Where its manifests leave something
/// open, a cluster does not tell it either.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// The client.
    pub client: Place,
    /// Whether its mode of TLS is open, and none of its sessions is ever seen.
    pub mode: bool,
    /// Whether its CA is open, and it is never asked which file it trusts.
    pub ca: bool,
}
