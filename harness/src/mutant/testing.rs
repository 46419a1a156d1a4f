//! Requirements and mutants for the tests of this room.

use super::file::{Mutant, MutantFile, MutantLane};
use crate::requirement::{Level, Requirement};

/// A requirement of the live lane.
pub(super) const LIVE: Requirement = Requirement {
    id: "CA-01",
    title: "",
    level: Level::Must,
    source: "",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[],
    remedy: "",
    rendered: None,
    live: Some(|_, _| {}),
};

/// A mutant of both lanes.
pub(super) fn mutant(target: &str, also: &[&str]) -> Mutant {
    let file = MutantFile {
        target: target.into(),
        lane: MutantLane::Both,
        also: also.iter().map(|id| (*id).to_owned()).collect(),
        why: String::new(),
        subject: "agents".into(),
        release: None,
        overlay: None,
        values: None,
        remove: Vec::new(),
        files: std::collections::BTreeMap::new(),
        manifests: Vec::new(),
        companions: std::collections::BTreeMap::new(),
        restart: Vec::new(),
        deleted: Vec::new(),
    };
    Mutant { name: "ca/a_mutant".into(), file }
}
