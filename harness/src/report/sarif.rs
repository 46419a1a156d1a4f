//! SARIF 2.1.0: findings at their template and line, for code-scanning views.
//!
//! Only what a reader of code can act upon is here: findings of lanes that are violated or could not be told. How the
//! run stands as a whole is in the exit code of its invocation.

use serde_json::{Value, json};

use super::model::{LaneResult, Report, RequirementResult};
use super::{narrative, unfinished, waivers};
use crate::finding::{Finding, Outcome, Place};
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
            let mut findings = narrative::telling(lane).peekable();
            if findings.peek().is_none() {
                results.push(result(requirement, lane, index, &narrative::reason(lane), None));
            }
            results
                .extend(findings.map(|finding| result(requirement, lane, index, &finding.to_string(), Some(finding))));
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
    let mut result = json!({
        "ruleId": requirement.id,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": { "text": format!("{}: {text} [{scope}]", requirement.title) },
        "locations": finding.map(|finding| vec![location(&finding.place)]).unwrap_or_default(),
    });
    if waived {
        let justification = lane.reason.as_deref().unwrap_or_default();
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": justification }]);
    }
    result
}

fn location(place: &Place) -> Value {
    let name = place.field.as_ref().map_or_else(|| place.object.clone(), |field| format!("{}/{field}", place.object));
    let mut location = json!({ "logicalLocations": [{ "fullyQualifiedName": name, "kind": "resource" }] });
    if let Some(template) = &place.template {
        location["physicalLocation"] = json!({ "artifactLocation": { "uri": template } });
        if let Some(line) = place.line {
            location["physicalLocation"]["region"] = json!({ "startLine": line.max(1) });
        }
    }
    location
}
