//! What is said about a run, and about the contract, in every format that people and machines read.
//!
//! A report is made from a run directory alone: its plan says what must be judged, its journals what was. This module is
//! the only one that knows output formats. It judges nothing.

pub mod catalogue;
