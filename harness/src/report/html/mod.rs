//! `report.html`: the whole report as one file that needs no network, no script and no colour.
//!
//! The page is made from the report and from the records that its run directory keeps; the template only places what is
//! computed here.

mod figures;
mod matrix;
mod timeline;

use askama::Template;

use self::matrix::{Matrix, Row};
use self::timeline::Rotation;
use super::blocks::blocks;
use super::model::Report;
use super::unfinished::unfinished;
use super::{ReportError, narrative, text, waivers};
use crate::finding::Outcome;
use crate::record::Record;

/// What the template places.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    outcome: &'static str,
    counts: Vec<(String, usize)>,
    doubts: Vec<String>,
    waived: Vec<String>,
    unfinished: Vec<String>,
    advice: Vec<String>,
    command: String,
    matrix: Matrix<'a>,
    told: Vec<Told>,
    columns: [&'static str; figures::COLUMNS.len()],
    figures: Vec<[String; figures::COLUMNS.len()]>,
    rotations: Vec<Rotation>,
    details: Vec<Detail<'a>>,
}

/// Something that does not hold.
struct Told {
    heading: String,
    verdict: String,
    lines: Vec<String>,
}

/// Everything that was seen of one requirement.
struct Detail<'a> {
    row: &'a Row<'a>,
    lanes: Vec<LaneDetail>,
}

struct LaneDetail {
    heading: String,
    reason: Option<String>,
    observations: Vec<Observation>,
    evidence: Vec<String>,
}

struct Observation {
    mark: &'static str,
    place: String,
    text: String,
}

/// How many observations of one kind a lane shows; a thousand that are as expected say no more than ten.
const SHOWN: usize = 20;

/// The report as one page of HTML.
///
/// # Errors
/// When the template cannot be filled.
pub fn html(report: &Report, records: &[Record]) -> Result<String, ReportError> {
    let matrix = Matrix::of(report);
    let rows = matrix.rows.clone();
    let page = Page {
        outcome: narrative::outcome(report),
        counts: report
            .statistics
            .requirements
            .told()
            .into_iter()
            .map(|(verdict, n)| (verdict.to_string(), n))
            .collect(),
        doubts: narrative::doubts(report),
        waived: waivers::told(report),
        unfinished: unfinished(report),
        advice: text::advice(report),
        command: report.command(),
        told: blocks(report)
            .iter()
            .map(|block| Told { heading: block.heading(), verdict: block.verdict(), lines: block.lines() })
            .collect(),
        columns: figures::COLUMNS,
        figures: records.iter().filter_map(figures::row).collect(),
        rotations: records.iter().filter_map(Rotation::of).collect(),
        details: rows.iter().map(|row| Detail { row, lanes: lanes(report, row) }).collect(),
        matrix,
        report,
    };
    page.render().map_err(ReportError::Page)
}

fn lanes(report: &Report, row: &Row<'_>) -> Vec<LaneDetail> {
    let judged = report.results.iter().filter(|lane| lane.key.id == row.id && !lane.findings.is_empty());
    let detail = |lane: &super::model::LaneResult| LaneDetail {
        heading: format!("{}, {}, {}: {}", lane.key.subject, lane.key.overlay, lane.key.lane, lane.verdict),
        reason: lane.reason.clone(),
        observations: lane
            .findings
            .iter()
            .filter(|finding| finding.outcome != Outcome::Met)
            .chain(lane.findings.iter().filter(|finding| finding.outcome == Outcome::Met).take(SHOWN))
            .map(|finding| Observation {
                mark: mark(finding.outcome),
                place: finding.place.to_string(),
                text: finding.to_string(),
            })
            .collect(),
        evidence: lane.evidence.clone(),
    };
    judged.map(detail).collect()
}

fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Met => "as expected",
        Outcome::Violated => "not as expected",
        Outcome::Undecided => "could not be told",
        Outcome::ControlMet => "control",
        Outcome::ControlFailed => "control failed",
    }
}
