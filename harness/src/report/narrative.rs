//! The sentences that every format shares: why a verdict is what it is, and why a run cannot be relied on.

use std::collections::BTreeSet;

use super::model::{LaneResult, Report, RequirementResult};
use crate::exit;
use crate::finding::{Finding, Outcome};
use crate::run::NOT_ASKED_FOR;
use crate::verdict::Verdict;

/// Why the run as a whole cannot be relied on: what is unsound first, then what is missing. Empty if it can.
pub(super) fn doubts(report: &Report) -> Vec<String> {
    let mut doubts = report.problems.clone();
    if let Some(signal) = &report.run.interrupted {
        doubts.push(format!("the run was interrupted by {signal}"));
    } else if report.run.finished.is_none() {
        doubts.push("the run did not come to its end: it was killed, or is still going on".into());
    } else if !report.complete {
        doubts.push("the run came to its end without judging everything that was planned".into());
    }
    if !is_anything_judged(&report.results) {
        doubts.push(format!("nothing was judged, so nothing holds{}", why_not(report)));
    }
    doubts
}

/// Whether anything held or did not.
pub(super) fn is_anything_judged(results: &[LaneResult]) -> bool {
    let said = |result: &LaneResult| matches!(result.verdict, Verdict::Holds | Verdict::Violated | Verdict::Waived);
    results.iter().any(said)
}

/// Why what was asked for was not looked at, as long as that is soon said.
fn why_not(report: &Report) -> String {
    const SAID: usize = 3;
    let asked_for = report.results.iter().filter_map(|result| match result.verdict {
        Verdict::NotRun | Verdict::NotClaimed | Verdict::NotApplicable => result.reason.as_deref(),
        _ => None,
    });
    let reasons: BTreeSet<&str> = asked_for.filter(|reason| !reason.ends_with(NOT_ASKED_FOR)).collect();
    match reasons.len() {
        1..=SAID => format!(": {}", reasons.into_iter().collect::<Vec<_>>().join("; ")),
        _ => String::new(),
    }
}

/// Why a lane's verdict is what it is, in a line.
pub(super) fn reason(lane: &LaneResult) -> String {
    let telling: Vec<&Finding> = telling(lane).collect();
    let seen = match telling.as_slice() {
        [] => None,
        [only] => Some(format!("{}: {only}", only.place)),
        [first, others @ ..] => Some(format!("{}: {first} (and {} more)", first.place, others.len())),
    };
    match (&lane.reason, lane.verdict, seen) {
        // What a waiver says of a violation does not tell what is violated.
        (Some(reason), Verdict::Violated | Verdict::Waived, Some(seen)) => format!("{reason}; {seen}"),
        (Some(reason), ..) => reason.clone(),
        (None, _, Some(seen)) => seen,
        (None, _, None) => format!("{} observations", lane.examined),
    }
}

/// What to do about a violation: what the requirement says, unless nothing was looked at.
pub(super) fn remedy(requirement: &RequirementResult, lane: &LaneResult) -> String {
    if lane.demanded.is_empty() {
        return requirement.remedy.clone();
    }
    let features: Vec<&str> = lane.demanded.iter().map(|feature| feature.name()).collect();
    format!(
        "add {} to `claims` of the subject file and meet what then applies, or settle on another profile with the owner \
         of the gate",
        features.join(", ")
    )
}

/// How binding a requirement is, where it does not bind; empty where it does.
pub(super) fn degree(requirement: &RequirementResult) -> String {
    if requirement.binding {
        String::new()
    } else if requirement.provisional {
        format!("provisional {} ", requirement.level)
    } else {
        format!("{} ", requirement.level)
    }
}

/// What a reader must see of a lane that does not hold: place, then what was expected and observed there, then the
/// controls that give it weight, then what to do.
pub(super) fn lines(lane: &LaneResult, remedy: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut place = String::new();
    let told = |reason: &&String| telling(lane).any(|finding| reason.contains(&finding.to_string()));
    lines.extend(lane.reason.as_ref().filter(|reason| !told(reason)).cloned());
    for finding in telling(lane) {
        let here = match &finding.place.namespace {
            Some(namespace) => format!("{} in namespace {namespace}", finding.place),
            None => finding.place.to_string(),
        };
        if here != place {
            lines.push(here.clone());
            place = here;
        }
        lines.push(format!("  {finding}"));
    }
    let controls = lane.findings.iter().filter(|finding| finding.outcome == Outcome::ControlMet);
    lines.extend(controls.map(Finding::to_string));
    if telling(lane).any(|finding| finding.outcome == Outcome::Violated) {
        lines.push(format!("mend: {remedy}"));
    }
    lines
}

/// The findings that made the verdict.
pub(super) fn telling(lane: &LaneResult) -> impl Iterator<Item = &Finding> {
    lane.findings
        .iter()
        .filter(|finding| matches!(finding.outcome, Outcome::Violated | Outcome::Undecided | Outcome::ControlFailed))
}

/// The one word for how it ended.
pub(super) fn outcome(report: &Report) -> &'static str {
    match report.exit_code {
        exit::HOLDS if report.conformant => "conformant",
        exit::HOLDS if is_waived(report) => "not conformant, but waived",
        exit::HOLDS if report.requirements.iter().all(|one| one.verdict != Verdict::Holds) => {
            "nothing refuted, nothing proven"
        }
        exit::HOLDS => "holds, within the requested scope",
        exit::VIOLATED => "violated",
        exit::INCOMPLETE => "incomplete",
        _ => "unsound",
    }
}

/// Whether something that binds is violated and waived.
pub(super) fn is_waived(report: &Report) -> bool {
    report.requirements.iter().any(|requirement| requirement.binding && requirement.verdict == Verdict::Waived)
}
