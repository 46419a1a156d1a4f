//! Named disturbances, each run once per subject and overlay, leaving a sealed record.
//!
//! Only this module's children change anything on a cluster that a subject runs on. Checks read what they leave.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A named disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// Install into a fresh namespace with the declared prerequisites, and watch it become ready.
    Install,
    /// Replace the operator's CA by one with a new key, in the recommended order.
    RotateCa,
    /// Give the workloads a CA that did not sign the server's certificate.
    ForeignCa,
    /// Start the workloads without the CA Secret's key, then without the Secret.
    MissingCa,
}

impl Experiment {
    /// The name as files and command lines write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::RotateCa => "rotate-ca",
            Self::ForeignCa => "foreign-ca",
            Self::MissingCa => "missing-ca",
        }
    }
}

impl fmt::Display for Experiment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The sealed records that a live check may read.
#[derive(Debug, Default)]
pub struct Records {}
