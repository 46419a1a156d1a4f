//! The engine of Holdfast.
//!
//! Holdfast installs a Helm chart beside a real CloudNativePG, does to it what production does, and says, requirement
//! by requirement, whether the chart holds. This library knows how to render, install, disturb, observe and report; it
//! knows no requirement by name. `ARCHITECTURE.md` beside this crate draws the map.

pub mod authority;
pub mod bench;
pub mod benchmark;
pub mod cache;
pub mod check;
pub mod cluster;
pub mod conformance;
pub mod contract;
pub mod digest;
pub mod docker;
pub mod error;
pub mod exit;
pub mod expectation;
pub mod experiment;
pub mod feature;
pub mod finding;
pub mod graph;
pub mod helm;
pub mod history;
pub mod host;
pub mod images;
pub mod judge;
pub mod kind_config;
pub mod manifests;
pub mod mutant;
pub mod plaintext;
pub mod probe;
pub mod profile;
pub mod progress;
pub mod readme;
pub mod record;
pub mod redact;
pub mod rendered;
pub mod report;
pub mod requirement;
pub mod run;
pub mod script;
pub mod subject;
pub mod tools;
pub mod verdict;
pub mod versions;
pub mod wait;
pub mod waiver;
pub mod yaml;
