//! What a speed page says: the machine, and rows of figures, each with its floor and its budget.
//!
//! It is data. How it is printed is the report's business; nothing here passes or fails.

use serde::Serialize;

use super::cold::BuiltArtefact;
use super::machine::{Load, Machine};
use super::statistics::{Samples, ratio};
use super::timeline::CriticalPath;

/// The version of the page's shape.
pub const API_VERSION: &str = "holdfast.dev/speed/v1";

/// Everything that was measured in one go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The version of this shape.
    pub api_version: &'static str,
    /// Where it was measured.
    pub machine: Machine,
    /// How busy the machine was when the last measurement ended; the machine tells how it began.
    pub load_at_end: Option<Load>,
    /// The figures.
    pub rows: Vec<Row>,
    /// What took longest in the latest run, by subject and overlay.
    pub critical_paths: Vec<CriticalPath>,
    /// What was built on this machine for the cluster, in the order of its building.
    pub artefacts: Vec<BuiltArtefact>,
}

impl Page {
    /// Whether something that could have been measured was not, because it broke.
    pub fn is_broken(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.outcome, Outcome::Failed { .. }))
    }
}

/// One thing that has a speed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What, a noun phrase.
    pub what: String,
    /// What came of measuring it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How much it may take.
    pub budget: Option<Budget>,
    /// What a reader has to know about it.
    pub notes: Vec<String>,
}

/// What came of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// It was measured.
    Measured {
        /// How much it takes.
        figure: Figure,
        /// The least that it can take.
        floor: Option<Floor>,
        /// How many times the floor it takes; of speeds, how many times slower than the floor it is.
        ratio: Option<f64>,
        /// Whether it is within its budget, if it has one and that can be told.
        within: Option<bool>,
    },
    /// There is nothing here to measure.
    Absent {
        /// What would have to be there.
        why: String,
    },
    /// It could not be measured.
    Failed {
        /// Why not.
        why: String,
    },
}

/// The least that something can take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Floor {
    /// What takes so long, a noun phrase.
    pub what: String,
    /// How long.
    pub figure: Figure,
}

/// What is said of several measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Which of them `value` is.
    pub statistic: Statistic,
    /// The one that stands for all.
    pub value: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub most: f64,
    /// How many there were.
    pub samples: usize,
    /// What they count.
    pub unit: Unit,
}

/// Which measurement stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Statistic {
    /// The one in the middle.
    Median,
    /// The one that 95 of a hundred do not exceed.
    Percentile95,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Time; less is better.
    Seconds,
    /// Speed, in millions of bytes; more is better.
    MegabytesPerSecond,
}

/// How much something may take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Budget {
    /// So much more than the floor.
    OverFloor {
        /// How much more.
        seconds: f64,
    },
    /// So many times the floor.
    TimesFloor {
        /// How many times.
        times: f64,
    },
    /// So long.
    AtMost {
        /// How long.
        seconds: f64,
    },
}

impl Figure {
    /// The median of times.
    pub fn median(samples: &Samples) -> Self {
        Self::of(samples, Statistic::Median, samples.median(), Unit::Seconds)
    }

    /// The 95th percentile of times.
    pub fn percentile_95(samples: &Samples) -> Self {
        Self::of(samples, Statistic::Percentile95, samples.percentile(95.0), Unit::Seconds)
    }

    /// One time that was read, not measured here.
    pub fn once(seconds: f64) -> Self {
        let unit = Unit::Seconds;
        Self { statistic: Statistic::Median, value: seconds, least: seconds, most: seconds, samples: 1, unit }
    }

    /// The median speed of going through so many bytes in these times.
    pub fn speed(bytes: usize, samples: &Samples) -> Self {
        let speed = |seconds: f64| bytes as f64 / 1e6 / seconds.max(f64::MIN_POSITIVE);
        Self {
            statistic: Statistic::Median,
            value: speed(samples.median()),
            least: speed(samples.most()),
            most: speed(samples.least()),
            samples: samples.count(),
            unit: Unit::MegabytesPerSecond,
        }
    }

    fn of(samples: &Samples, statistic: Statistic, value: f64, unit: Unit) -> Self {
        Self { statistic, value, least: samples.least(), most: samples.most(), samples: samples.count(), unit }
    }
}

impl Budget {
    /// Whether a time is within it. `None`: it is counted from a floor, and there is none.
    pub fn is_kept(self, measured: f64, floor: Option<f64>) -> Option<bool> {
        match self {
            Self::OverFloor { seconds } => floor.map(|floor| measured - floor <= seconds),
            Self::TimesFloor { times } => floor.and_then(|floor| ratio(measured, floor)).map(|ratio| ratio <= times),
            Self::AtMost { seconds } => Some(measured <= seconds),
        }
    }
}

impl Row {
    /// A row that was measured.
    pub fn measured(what: impl Into<String>, figure: Figure, floor: Option<Floor>, budget: Option<Budget>) -> Self {
        let least = floor.as_ref().map(|floor| floor.figure.value);
        let ratio = least.and_then(|least| match figure.unit {
            Unit::Seconds => ratio(figure.value, least),
            Unit::MegabytesPerSecond => ratio(least, figure.value),
        });
        let within = budget.and_then(|budget| budget.is_kept(figure.value, least));
        let outcome = Outcome::Measured { figure, floor, ratio, within };
        Self { what: what.into(), outcome, budget, notes: Vec::new() }
    }

    /// A row of something that is not here to be measured.
    pub fn absent(what: impl Into<String>, why: impl Into<String>, budget: Option<Budget>) -> Self {
        Self { what: what.into(), outcome: Outcome::Absent { why: why.into() }, budget, notes: Vec::new() }
    }

    /// A row of something that broke.
    pub fn failed(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), outcome: Outcome::Failed { why: why.into() }, budget: None, notes: Vec::new() }
    }

    /// The same row with something that a reader has to know.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl Floor {
    /// A floor.
    pub fn new(what: impl Into<String>, figure: Figure) -> Self {
        Self { what: what.into(), figure }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Budget, Figure, Floor, Outcome, Row, Samples};

    #[rstest]
    #[case::over_the_floor(Budget::OverFloor { seconds: 0.03 }, 0.43, Some(0.41), Some(true))]
    #[case::further_over_the_floor(Budget::OverFloor { seconds: 0.03 }, 0.45, Some(0.41), Some(false))]
    #[case::below_the_floor(Budget::OverFloor { seconds: 0.03 }, 0.40, Some(0.41), Some(true))]
    #[case::times_the_floor(Budget::TimesFloor { times: 1.3 }, 1.2, Some(1.0), Some(true))]
    #[case::more_times_the_floor(Budget::TimesFloor { times: 1.3 }, 1.4, Some(1.0), Some(false))]
    #[case::no_floor_to_count_from(Budget::TimesFloor { times: 1.3 }, 1.4, None, None)]
    #[case::at_most(Budget::AtMost { seconds: 30.0 }, 30.0, None, Some(true))]
    #[case::more(Budget::AtMost { seconds: 30.0 }, 30.1, None, Some(false))]
    fn a_budget_is_kept_or_not(
        #[case] budget: Budget,
        #[case] measured: f64,
        #[case] floor: Option<f64>,
        #[case] expected: Option<bool>,
    ) {
        assert_eq!(budget.is_kept(measured, floor), expected);
    }

    #[test]
    fn a_speed_is_compared_the_other_way_round() {
        let figure = |seconds: f64| Figure::speed(10_000_000, &Samples::of([seconds]).unwrap());
        let row = Row::measured("masking", figure(0.2), Some(Floor::new("a write", figure(0.05))), None);
        let Outcome::Measured { figure, ratio, .. } = row.outcome else { panic!("it was measured") };
        assert_eq!((figure.value, ratio), (50.0, Some(4.0)));
    }

    #[test]
    fn the_slowest_time_is_the_least_speed() {
        let figure = Figure::speed(1_000_000, &Samples::of([0.5, 1.0, 0.25]).unwrap());
        assert_eq!((figure.least, figure.value, figure.most), (1.0, 2.0, 4.0));
    }
}
