//! TLS-04: the operator keeps its own certificates.
//!
//! A `certificates` block tells CloudNativePG that somebody else makes and renews what it names. Naming the Secrets
//! that the operator itself generated switches their renewal off without a word; 90 days later every client and every
//! replica is locked out at the same hour.

use harness::requirement::{Lane, Level, Requirement};

/// The operator keeps its own certificates.
pub const TLS_04: Requirement = Requirement {
    id: "TLS-04",
    title: "The operator keeps its own certificates",
    level: Level::Must,
    source: "S0: non-goal, \"Managing Postgres certificates themselves\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "drop from spec.certificates what the operator generates, or name Secrets that somebody else renews",
    rendered: None,
    live: None,
};
