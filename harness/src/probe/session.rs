//! Who came to the server, and who did not get in, as the server itself tells it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One session of a client, as the server has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The role.
    pub role: String,
    /// The address of the client.
    pub client: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// When the server began to serve it, by the server's clock.
    pub began: Timestamp,
}

/// A login that the server's log tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedLogin {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The role.
    pub role: String,
    /// The address of the client.
    pub client: String,
    /// Whether the session was encrypted.
    pub encrypted: bool,
}

/// A login or a handshake that failed, as the server's log tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedFailure {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The role; empty where it did not come so far.
    pub role: String,
    /// The address of the client.
    pub client: String,
    /// `28P01` for a wrong password, `08P01` for a handshake that the client broke off.
    pub sqlstate: String,
    /// Whether the client ended the handshake because it refused the server's certificate.
    #[serde(default)]
    pub refused: bool,
    /// What the server wrote, for people.
    pub message: String,
}

impl fmt::Display for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carried = if self.encrypted { "encrypted" } else { "plaintext" };
        write!(formatter, "{carried}, role {}, from {} since {}", self.role, self.client, self.began)
    }
}

impl fmt::Display for LoggedLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carried = if self.encrypted { "encrypted" } else { "plaintext" };
        write!(formatter, "{carried}, role {}, from {} at {}", self.role, self.client, self.at)
    }
}

impl fmt::Display for LoggedFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} from {} at {} ({})", self.sqlstate, self.client, self.at, self.message)
    }
}
