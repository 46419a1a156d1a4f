//! The kill matrix: for each planted defect, which requirements saw it, and which should have.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use camino::Utf8Path;

use super::file::Mutant;
use super::plant::{self, Planted};
use crate::error::Chain;
use crate::helm::Helms;
use crate::judge;
use crate::rendered::{Rendered, in_parallel};
use crate::requirement::Requirement;
use crate::subject::Subject;
use crate::verdict::Verdict;

/// What every mutant did in the rendered lane.
#[derive(Debug, Clone)]
pub struct KillMatrix {
    /// One row for each mutant.
    pub rows: Vec<Row>,
    /// What is already violated without any defect; it must be nothing. By subject and overlay.
    pub baseline: Vec<(String, Vec<String>)>,
}

/// What one mutant did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The mutant.
    pub mutant: String,
    /// The requirements that it must violate, `target` first.
    pub expected: Vec<&'static str>,
    /// The requirements that it violated, in the order of the catalogue.
    pub red: Vec<&'static str>,
    /// Expected ones that stayed open instead, with the reason.
    pub open: Vec<(&'static str, String)>,
    /// Why it could not be judged at all.
    pub broken: Option<String>,
}

impl Row {
    /// Whether the red set is exactly what was expected.
    pub fn is_exact(&self) -> bool {
        self.broken.is_none() && self.survived().next().is_none() && self.collateral().next().is_none()
    }

    /// Requirements that should have seen the defect and did not.
    pub fn survived(&self) -> impl Iterator<Item = &'static str> {
        self.expected.iter().copied().filter(|id| !self.red.contains(id))
    }

    /// Requirements that were violated though nobody expects it.
    pub fn collateral(&self) -> impl Iterator<Item = &'static str> {
        self.red.iter().copied().filter(|id| !self.expected.contains(id))
    }
}

impl KillMatrix {
    /// Whether every mutant violates what it should, and nothing is violated without one.
    pub fn is_exact(&self) -> bool {
        self.rows.iter().all(Row::is_exact) && self.baseline.iter().all(|(_, violated)| violated.is_empty())
    }

    /// How many mutants do exactly what is expected of them.
    pub fn exact(&self) -> usize {
        self.rows.iter().filter(|row| row.is_exact()).count()
    }
}

/// Judges a catalogue on every mutant of the rendered lane, and on each of their subjects without a defect.
///
/// `subjects` is the folder of the subject files. A mutant that cannot be planted is a row that says so.
pub fn matrix(
    catalog: &[&'static Requirement],
    mutants: &[Mutant],
    subjects: &Utf8Path,
    helms: &Arc<Helms>,
) -> KillMatrix {
    let mutants: Vec<&Mutant> = mutants.iter().filter(|mutant| mutant.file.lane.is_rendered()).collect();
    let mut read: BTreeMap<&str, Result<Arc<Subject>, String>> = BTreeMap::new();
    for mutant in &mutants {
        let name = mutant.file.subject.as_str();
        read.entry(name).or_insert_with(|| {
            Subject::read(&subjects.join(format!("{name}.yaml")))
                .map(Arc::new)
                .map_err(|error| Chain(&error).to_string())
        });
    }
    let rows = in_parallel(&mutants, |mutant| match &read[mutant.file.subject.as_str()] {
        Ok(subject) => row(catalog, mutant, subject, helms),
        Err(problem) => broken(catalog, mutant, problem.clone()),
    });
    let mut sound: Vec<(&str, &Arc<Subject>, Option<&str>)> = mutants
        .iter()
        .filter_map(|mutant| {
            let subject = read[mutant.file.subject.as_str()].as_ref().ok()?;
            Some((mutant.file.subject.as_str(), subject, mutant.file.overlay.as_deref()))
        })
        .collect();
    sound.sort_by_key(|(name, _, overlay)| (*name, *overlay));
    sound.dedup_by_key(|(name, _, overlay)| (*name, *overlay));
    let baseline = in_parallel(&sound, |(name, subject, overlay)| {
        let violated = match plant::overlay(subject, *overlay) {
            Ok(overlay) => match Rendered::new(Arc::clone(subject), overlay, Arc::clone(helms)) {
                Ok(rendered) => violated(catalog, &rendered).0.into_iter().map(str::to_owned).collect(),
                Err(error) => vec![Chain(&error).to_string()],
            },
            Err(error) => vec![Chain(&error).to_string()],
        };
        (format!("{name} [{}]", overlay.unwrap_or("first overlay")), violated)
    });
    KillMatrix { rows, baseline }
}

fn row(catalog: &[&'static Requirement], mutant: &Mutant, subject: &Subject, helms: &Arc<Helms>) -> Row {
    let planted = match plant::plant(subject, mutant) {
        Ok(planted) => planted,
        Err(error) => return broken(catalog, mutant, Chain(&error).to_string()),
    };
    let Planted { subject, overlay, .. } = &planted;
    let rendered = match Rendered::new(Arc::clone(subject), overlay, Arc::clone(helms)) {
        Ok(rendered) => rendered,
        Err(error) => return broken(catalog, mutant, Chain(&error).to_string()),
    };
    let (red, mut open) = violated(catalog, &rendered);
    let expected = expected(catalog, mutant);
    open.retain(|(id, _)| expected.contains(id));
    Row { mutant: mutant.name.clone(), expected, red, open, broken: unknown(catalog, mutant) }
}

/// A requirement that the mutant names and the catalogue does not have.
fn unknown(catalog: &[&'static Requirement], mutant: &Mutant) -> Option<String> {
    let mut named = std::iter::once(&mutant.file.target).chain(&mutant.file.also);
    let id = named.find(|id| catalog.iter().all(|requirement| requirement.id != **id))?;
    Some(format!("the catalogue has no requirement {id}"))
}

fn broken(catalog: &[&'static Requirement], mutant: &Mutant, problem: String) -> Row {
    Row {
        mutant: mutant.name.clone(),
        expected: expected(catalog, mutant),
        red: Vec::new(),
        open: Vec::new(),
        broken: Some(problem),
    }
}

/// The target and those that must fall with it, as far as they have a rendered check.
fn expected(catalog: &[&'static Requirement], mutant: &Mutant) -> Vec<&'static str> {
    let named = std::iter::once(&mutant.file.target).chain(&mutant.file.also);
    named
        .filter_map(|id| catalog.iter().find(|requirement| requirement.id == *id && requirement.rendered.is_some()))
        .map(|requirement| requirement.id)
        .collect()
}

type Open = Vec<(&'static str, String)>;

fn violated(catalog: &[&'static Requirement], rendered: &Rendered) -> (Vec<&'static str>, Open) {
    let (mut red, mut open) = (Vec::new(), Vec::new());
    for requirement in catalog.iter().filter(|requirement| requirement.rendered.is_some()) {
        let judgement = judge::judge_rendered(rendered, requirement);
        match judgement.verdict {
            Verdict::Violated => red.push(requirement.id),
            Verdict::Holds => {}
            _ => open.push((requirement.id, judgement.reason.unwrap_or_default())),
        }
    }
    (red, open)
}

impl fmt::Display for KillMatrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.mutant.len()).max().unwrap_or(0);
        for row in &self.rows {
            let mark = if row.is_exact() { "killed" } else { "WRONG " };
            writeln!(formatter, "{mark}  {:width$}  {}", row.mutant, row.expected.join(" "))?;
            if let Some(problem) = &row.broken {
                writeln!(formatter, "        cannot be judged: {problem}")?;
                continue;
            }
            for id in row.survived() {
                let open = row.open.iter().find(|(open, _)| *open == id);
                let why = open.map_or_else(|| "it holds".to_owned(), |(_, reason)| format!("it stays open: {reason}"));
                writeln!(formatter, "        {id} does not see it: {why}")?;
            }
            for id in row.collateral() {
                writeln!(formatter, "        {id} is violated too, and nobody expects it")?;
            }
        }
        for (subject, violated) in self.baseline.iter().filter(|(_, violated)| !violated.is_empty()) {
            writeln!(formatter, "WRONG   {subject} without a defect violates {}", violated.join(", "))?;
        }
        write!(formatter, "{} of {} mutants do exactly what is expected of them", self.exact(), self.rows.len())
    }
}
