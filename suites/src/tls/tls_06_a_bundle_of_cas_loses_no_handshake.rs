//! TLS-06: a bundle of CAs loses no handshake.
//!
//! Between the moment when the server serves a leaf of the new CA and the moment when a client has the new file, every
//! new connection of that client fails. Only a client that trusted both CAs before loses nothing. The operator's own CA
//! Secret cannot hold the two (a foreign `ca.crt` in it blocks CloudNativePG), so that the chart must let its users
//! name a Secret of their own for trust.

use harness::feature::Feature;
use harness::requirement::{Lane, Level, Requirement};

/// A bundle of CAs loses no handshake.
pub const TLS_06: Requirement = Requirement {
    id: "TLS-06",
    title: "A bundle of CAs loses no handshake",
    level: Level::Must,
    source: "S0: \"Provide clear rotation and rollback guidance\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca, Feature::CaRotation],
    experiments: &[],
    decisive: &[Lane::Live],
    remedy: "let a value name the CA Secret, and rotate in three steps: trust both, serve the new leaf, drop the old CA",
    rendered: None,
    live: None,
};
