//! The records of one subject under one overlay, as a check gets them.

use std::collections::BTreeMap;

use super::{Experiment, Record};

/// The sealed records of one subject under one overlay.
#[derive(Debug, Default)]
pub struct Records {
    records: BTreeMap<Experiment, Record>,
    /// What was not run, and why, where that is worth a word.
    excused: BTreeMap<Experiment, Option<String>>,
}

impl Records {
    /// The record of an experiment, if it was run and came to its end.
    ///
    /// The engine asks a check only when every experiment that its requirement names has such a record.
    pub fn of(&self, experiment: Experiment) -> Option<&Record> {
        self.records.get(&experiment).filter(|record| record.broken.is_none())
    }

    /// The records of these experiments that there are, in their order.
    pub fn all_of<'a>(&'a self, experiments: &'a [Experiment]) -> impl Iterator<Item = &'a Record> {
        experiments.iter().filter_map(|experiment| self.of(*experiment))
    }

    /// Says why an experiment under a fault was not run, so that its absence is no obstacle.
    pub fn excuse(&mut self, experiment: Experiment, reason: impl Into<String>) {
        self.excused.insert(experiment, Some(reason.into()));
    }

    /// Says that the subject has nothing that the fault of an experiment could befall.
    pub fn spare(&mut self, experiment: Experiment) {
        self.excused.insert(experiment, None);
    }

    /// Whether an experiment was not run, and nobody expected that.
    pub fn is_excused(&self, experiment: Experiment) -> bool {
        self.excused.contains_key(&experiment)
    }

    /// Why an experiment was not run, if somebody said so.
    pub fn excused(&self, experiment: Experiment) -> Option<&str> {
        self.excused.get(&experiment)?.as_deref()
    }

    /// Why an experiment cannot be judged from, if it cannot.
    pub fn obstacle(&self, experiment: Experiment) -> Option<String> {
        match self.records.get(&experiment) {
            None if self.is_excused(experiment) => None,
            None => Some(format!("experiment {experiment} left no record")),
            Some(record) => record.broken.as_ref().map(|reason| format!("experiment {experiment} broke off: {reason}")),
        }
    }
}

impl FromIterator<Record> for Records {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let records = records.into_iter().map(|record| (record.experiment, record)).collect();
        Self { records, excused: BTreeMap::new() }
    }
}
