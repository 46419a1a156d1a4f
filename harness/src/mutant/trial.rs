//! What both lanes are given: the contract, the mutants and where their subjects are.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;

use super::file::Mutant;
use crate::error::Chain;
use crate::helm::Helms;
use crate::requirement::{Lane, Requirement};
use crate::subject::Subject;

/// What is tried: every mutant of a lane, and each of their subjects without a defect.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The contract, in its order.
    pub catalog: &'a [&'static Requirement],
    /// The mutants. A lane passes over those of the other one.
    pub mutants: &'a [Mutant],
    /// The folder of the subject files.
    pub subjects: &'a Utf8Path,
    /// The Helms that render.
    pub helms: &'a Arc<Helms>,
}

/// The subjects of a lane's mutants by the name of their file, each read once.
pub(super) type Subjects<'a> = BTreeMap<&'a str, Result<Arc<Subject>, String>>;

/// A subject under one overlay: what mutants are copies of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Original<'a> {
    /// The name of the subject's file.
    pub(super) subject: &'a str,
    /// The overlay; none: the subject's first.
    pub(super) overlay: Option<&'a str>,
}

impl<'a> Trial<'a> {
    /// The mutants that are to be seen in a lane.
    pub(super) fn of(&self, lane: Lane) -> Vec<&'a Mutant> {
        self.mutants.iter().filter(|mutant| mutant.file.lane.includes(lane)).collect()
    }

    /// Reads the subjects of mutants.
    pub(super) fn read(&self, mutants: &[&'a Mutant]) -> Subjects<'a> {
        let mut subjects = Subjects::new();
        for mutant in mutants {
            let name = mutant.file.subject.as_str();
            subjects.entry(name).or_insert_with(|| {
                let read = Subject::read(&self.subjects.join(format!("{name}.yaml")));
                read.map(Arc::new).map_err(|error| Chain(&error).to_string())
            });
        }
        subjects
    }
}

impl<'a> Original<'a> {
    /// What a mutant is a copy of.
    pub(super) fn of(mutant: &'a Mutant) -> Self {
        Self { subject: &mutant.file.subject, overlay: mutant.file.overlay.as_deref() }
    }

    /// What mutants are copies of, each once.
    pub(super) fn all(mutants: &[&'a Mutant]) -> Vec<Self> {
        let mut originals: Vec<Self> = mutants.iter().map(|mutant| Self::of(mutant)).collect();
        originals.sort();
        originals.dedup();
        originals
    }
}

impl std::fmt::Display for Original<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} [{}]", self.subject, self.overlay.unwrap_or("first overlay"))
    }
}
