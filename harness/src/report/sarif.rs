//! SARIF 2.1.0: findings at their template, for code-scanning views.
//!
//! Only what a reader of code can act upon is here: findings of lanes that are violated or could not be told. How the
//! run stands as a whole is in the exit code of its invocation.

use serde_json::{Value, json};

use super::model::{LaneResult, Report, RequirementResult};
use super::{narrative, unfinished, waivers};
use crate::digest;
use crate::finding::{Finding, Outcome, Place};
use crate::run::ReleaseIdentity;
use crate::verdict::Verdict;

/// The report as a SARIF log.
pub fn sarif(report: &Report) -> Value {
    let mut rules: Vec<Value> = Vec::new();
    let mut results = Vec::new();
    for requirement in &report.requirements {
        let known = rules.iter().position(|rule| rule["id"] == requirement.id.as_str());
        let index = known.unwrap_or_else(|| {
            rules.push(rule(requirement));
            rules.len() - 1
        });
        for lane in report.lanes(requirement) {
            let told = match lane.verdict {
                Verdict::Violated | Verdict::Waived => true,
                Verdict::Unchecked => requirement.open,
                _ => false,
            };
            if !told {
                continue;
            }
            let charts = Charts::of(report, lane);
            let mut findings = narrative::telling(lane).peekable();
            if findings.peek().is_none() {
                results.push(result(requirement, lane, index, &charts, &narrative::reason(lane), None));
            }
            results.extend(
                findings.map(|finding| result(requirement, lane, index, &charts, &finding.to_string(), Some(finding))),
            );
        }
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "holdfast", "semanticVersion": report.harness.version, "rules": rules } },
            "invocations": [{
                "commandLine": report.command(),
                "executionSuccessful": report.complete && report.problems.is_empty(),
                "exitCode": report.exit_code,
                "toolExecutionNotifications": narrative::doubts(report)
                    .into_iter()
                    .map(|doubt| ("error", doubt))
                    .chain(waivers::told(report).into_iter().map(|told| ("note", told)))
                    .chain(unfinished::unfinished(report).into_iter().map(|told| ("note", told)))
                    .map(|(level, text)| json!({ "level": level, "message": { "text": text } }))
                    .collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    })
}

fn rule(requirement: &RequirementResult) -> Value {
    json!({
        "id": requirement.id,
        "shortDescription": { "text": requirement.title },
        "fullDescription": { "text": format!("{} ({}). {}", requirement.title, requirement.level, requirement.source) },
        "help": { "text": requirement.remedy },
        "defaultConfiguration": { "level": if requirement.binding { "error" } else { "warning" } },
    })
}

fn result(
    requirement: &RequirementResult,
    lane: &LaneResult,
    index: usize,
    charts: &Charts,
    text: &str,
    finding: Option<&Finding>,
) -> Value {
    let waived = lane.verdict == Verdict::Waived;
    let seen = waived || lane.verdict == Verdict::Violated;
    let violated = finding.map_or(seen, |finding| finding.outcome == Outcome::Violated);
    let (kind, level) = match (violated, requirement.binding) {
        (true, true) => ("fail", "error"),
        (true, false) => ("fail", "warning"),
        (false, _) => ("open", "none"),
    };
    let scope = format!("{}, {}, {}", lane.key.subject, lane.key.overlay, lane.key.lane);
    // Code scanning shows this text, and neither a logical location nor the rule's help beside it.
    let at = finding.map(|finding| format!("{}: ", finding.place)).unwrap_or_default();
    let message = format!("{}: {at}{text}; mend: {} [{scope}]", requirement.title, requirement.remedy);
    let mut result = json!({
        "ruleId": requirement.id,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": { "text": message },
        "locations": [location(finding.map(|finding| &finding.place), charts)],
        "partialFingerprints": { "primaryLocationLineHash": fingerprint(requirement, lane, finding) },
    });
    if waived {
        let justification = lane.reason.as_deref().unwrap_or_default();
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": justification }]);
    }
    result
}

/// What stays the same while the finding is the same. Code scanning would else tell findings apart by the text of their
/// lines.
fn fingerprint(requirement: &RequirementResult, lane: &LaneResult, finding: Option<&Finding>) -> String {
    // A line moves when another one is added before it.
    let place = finding.map(|finding| Place { line: None, ..finding.place.clone() }.to_string()).unwrap_or_default();
    let lane_name = lane.key.lane.to_string();
    let parts = [&lane.key.subject, &lane.key.overlay, &lane_name, &requirement.id, &place];
    digest::sha256_of_parts(parts.map(String::as_bytes))
}

/// The charts of a subject, where they lie.
struct Charts<'a>(&'a [ReleaseIdentity]);

impl<'a> Charts<'a> {
    fn of(report: &'a Report, lane: &LaneResult) -> Self {
        let subject = report.subjects.iter().find(|subject| subject.name == lane.key.subject);
        Self(subject.map(|subject| subject.releases.as_slice()).unwrap_or_default())
    }

    /// The file of a template in the repository, where that is known.
    fn file(&self, template: &str) -> String {
        let (chart, path) = template.split_once('/').unwrap_or((template, ""));
        let folder =
            self.0.iter().find(|release| release.chart.name == chart).and_then(|one| one.chart.folder.as_ref());
        folder.map_or_else(|| template.to_owned(), |folder| format!("{folder}/{path}"))
    }

    /// The file that stands for a chart as a whole.
    fn whole(&self) -> String {
        let folder = self.0.iter().find_map(|release| release.chart.folder.as_ref());
        folder.map_or_else(|| "Chart.yaml".to_owned(), |folder| format!("{folder}/Chart.yaml"))
    }
}

/// A place in the repository, which code scanning insists on, and in what was rendered or stood on a cluster.
///
/// The line is the file's first one: a finding knows the line of what was rendered, which is another one in the template.
/// The message tells it.
fn location(place: Option<&Place>, charts: &Charts) -> Value {
    let template = place.and_then(|place| place.template.as_ref());
    let file = template.map_or_else(|| charts.whole(), |template| charts.file(template));
    let physical = json!({ "artifactLocation": { "uri": file }, "region": { "startLine": 1 } });
    let Some(place) = place else { return json!({ "physicalLocation": physical }) };
    let name = place.field.as_ref().map_or_else(|| place.object.clone(), |field| format!("{}/{field}", place.object));
    json!({
        "physicalLocation": physical,
        "logicalLocations": [{ "fullyQualifiedName": name, "kind": "resource" }],
    })
}
