//! The contract: what a Helm chart that uses PostgreSQL owes the people who run it.
//!
//! One requirement is one file, `<area>/<id>_<statement>.rs`: what it is for, its descriptor, its rendered check, its
//! live check, in that order. [`CATALOG`] lists them in the order of the contract.

use harness::requirement::Requirement;

/// Every requirement, in the order of the contract.
pub const CATALOG: &[&Requirement] = &[];
