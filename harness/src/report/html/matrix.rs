//! Requirement by subject, overlay and lane.

use crate::report::model::{Report, RequirementResult};
use crate::requirement::{Lane, Level};
use crate::verdict::Verdict;

/// The table of all verdicts.
pub(super) struct Matrix<'a> {
    /// Subject and overlay.
    pub(super) columns: Vec<(&'a str, &'a str)>,
    /// The requirements, in the order of the contract.
    pub(super) rows: Vec<Row<'a>>,
}

/// One requirement.
#[derive(Clone)]
pub(super) struct Row<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) level: Level,
    pub(super) source: &'a str,
    pub(super) remedy: &'a str,
    /// In the order of the columns.
    pub(super) cells: Vec<Cell>,
}

/// The verdicts of one requirement under one overlay of one subject.
#[derive(Clone)]
pub(super) struct Cell {
    /// Over lanes.
    pub(super) verdict: Sign,
    /// In each lane.
    pub(super) lanes: Vec<(Lane, Sign)>,
}

/// A verdict as a sign that can be told without colour, and the word that a reader of the screen hears.
#[derive(Clone)]
pub(super) struct Sign {
    pub(super) sign: &'static str,
    pub(super) word: String,
    pub(super) class: &'static str,
}

impl<'a> Matrix<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let columns: Vec<(&str, &str)> = report
            .subjects
            .iter()
            .flat_map(|subject| subject.overlays.iter().map(|overlay| (subject.name.as_str(), overlay.as_str())))
            .collect();
        let mut rows: Vec<Row<'a>> = Vec::new();
        for result in &report.requirements {
            if rows.iter().all(|row| row.id != result.id) {
                rows.push(Row::of(report, result, &columns));
            }
        }
        Self { columns, rows }
    }
}

impl<'a> Row<'a> {
    fn of(report: &'a Report, first: &'a RequirementResult, columns: &[(&str, &str)]) -> Self {
        let cell = |(subject, overlay): &(&str, &str)| {
            let own = report
                .requirements
                .iter()
                .find(|result| result.id == first.id && result.subject == *subject && result.overlay == *overlay);
            match own {
                None => Cell { verdict: Sign::of(Verdict::NotRun), lanes: Vec::new() },
                Some(result) => Cell {
                    verdict: Sign::of(result.verdict),
                    lanes: report.lanes(result).map(|lane| (lane.key.lane, Sign::of(lane.verdict))).collect(),
                },
            }
        };
        Self {
            id: &first.id,
            title: &first.title,
            level: first.level,
            source: &first.source,
            remedy: &first.remedy,
            cells: columns.iter().map(cell).collect(),
        }
    }
}

impl Sign {
    fn of(verdict: Verdict) -> Self {
        let (sign, class) = match verdict {
            Verdict::Holds => ("\u{2713}", "holds"),
            Verdict::Violated => ("\u{2717}", "violated"),
            Verdict::Unchecked => ("?", "unchecked"),
            Verdict::Waived => ("w", "waived"),
            Verdict::NotRun => ("\u{2013}", "left"),
            Verdict::NotApplicable | Verdict::NotClaimed => ("\u{b7}", "left"),
        };
        Self { sign, word: verdict.to_string(), class }
    }
}
