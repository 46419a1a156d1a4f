//! CA-08: the CA Secret is documented.
//!
//! The CA Secret is made by people who did not write the chart, at night, from what its README says. An example with
//! another key than the one that the chart mounts costs them an hour. So the words are checked like code: the README
//! must tell the keys, how to install, to rotate and to roll back, and its examples must fit the chart.

use harness::feature::Feature;
use harness::requirement::{Lane, Level, Requirement};

/// The CA Secret is documented.
pub const CA_08: Requirement = Requirement {
    id: "CA-08",
    title: "The CA Secret is documented",
    level: Level::Should,
    source: "S0: \"Add documentation for required Secret contents and examples\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "say in the chart's README which keys the CA Secret needs, with an example, and how to rotate and roll back",
    rendered: None,
    live: None,
};
