//! TLS-07: the prior CA restores service.
//!
//! A rotation that went wrong is taken back by putting the prior Secret in its place. That fails where the Secret is
//! immutable, or where the clients that had to be restarted on the way there are not restarted on the way back.

use harness::feature::Feature;
use harness::requirement::{Lane, Level, Requirement};

/// The prior CA restores service.
pub const TLS_07: Requirement = Requirement {
    id: "TLS-07",
    title: "The prior CA restores service",
    level: Level::Must,
    source: "S0: rollback, \"revert Secret to prior version\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca, Feature::CaRotation],
    experiments: &[],
    decisive: &[Lane::Live],
    remedy: "keep the CA Secret mutable, and let its clients follow it on the way back as on the way there",
    rendered: None,
    live: None,
};
