//! `junit.xml`: for the CI systems that show it.
//!
//! A test case is one requirement of one subject, overlay and lane. The file is red exactly when the exit code is not 0:
//! what cannot fail the run is `skipped` with its reason, and a case of the run itself says what no requirement can say,
//! that the run was complete and sound. Names are unique, because GitLab drops what it takes for a duplicate.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::model::{LaneResult, Report, RequirementResult};
use super::{ReportError, narrative, unfinished, waivers};
use crate::exit;
use crate::verdict::Verdict;

/// The report as JUnit XML.
///
/// # Errors
/// If the XML cannot be written, which no content causes.
pub fn junit(report: &Report) -> Result<String, ReportError> {
    let mut document = quick_junit::Report::new("holdfast");
    if let Some(seconds) = report.run.seconds {
        document.set_time(Duration::from_secs_f64(seconds.max(0.0)));
    }
    document.add_test_suite(of_the_run(report));
    for subject in &report.subjects {
        let mut suite = TestSuite::new(subject.name.as_str());
        for release in &subject.releases {
            let chart = &release.chart;
            let value = format!("{} {} {}", chart.name, chart.version, chart.digest);
            suite.add_property(Property::new(format!("chart.{}", release.name), value));
        }
        for image in &subject.images {
            let digest = image.digest.as_deref().unwrap_or("digest not known");
            suite.add_property(Property::new(format!("image.{}", image.reference), digest));
        }
        for requirement in report.requirements.iter().filter(|requirement| requirement.subject == subject.name) {
            let lanes: Vec<&LaneResult> = report.lanes(requirement).collect();
            let told = lanes.iter().any(|lane| lane.verdict == Verdict::Unchecked) || !requirement.open;
            if lanes.is_empty() || !told {
                suite.add_test_case(case(report, requirement, None));
            }
            suite.add_test_cases(lanes.into_iter().map(|lane| case(report, requirement, Some(lane))));
        }
        document.add_test_suite(suite);
    }
    document.to_string().map_err(ReportError::Junit)
}

/// What no requirement can say: that the run was whole, and that it judged anything.
fn of_the_run(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new("run");
    suite.add_property(Property::new("run", report.run.id.as_str()));
    suite.add_property(Property::new("started", report.run.started.to_string()));
    suite.add_property(Property::new("holdfast", report.harness.version.as_str()));
    suite.add_property(Property::new("contract", report.contract.as_str()));
    suite.add_property(Property::new("profile", report.profile.as_deref().unwrap_or("none")));
    suite.add_property(Property::new("scope", report.scope.to_string()));
    suite.add_property(Property::new("conformant", report.conformant.to_string()));
    suite.add_property(Property::new("reproduce", report.command()));
    for (name, value) in &report.environment {
        suite.add_property(Property::new(format!("environment.{name}"), value.as_str()));
    }
    for told in waivers::told(report) {
        suite.add_property(Property::new("waived", told));
    }
    for told in unfinished::unfinished(report) {
        suite.add_property(Property::new("open", told));
    }
    let doubts = narrative::doubts(report);
    let mut status = if doubts.is_empty() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type(if report.exit_code == exit::BROKE { "unsound" } else { "incomplete" });
        status
    };
    if !doubts.is_empty() {
        status.set_message(doubts[0].as_str());
        status.set_description(doubts.join("\n"));
    }
    let mut case = TestCase::new("The run is complete and sound", status);
    case.set_classname("holdfast.run");
    suite.add_test_case(case);
    suite
}

fn case(report: &Report, requirement: &RequirementResult, lane: Option<&LaneResult>) -> TestCase {
    let place = lane.map_or_else(
        || format!("[{}]", requirement.overlay),
        |lane| format!("[{}, {}]", requirement.overlay, lane.key.lane),
    );
    let name = format!("{} {} {place}", requirement.id, requirement.title);
    let mut case = TestCase::new(name, status(requirement, lane));
    case.set_classname(format!("holdfast.{}.{}", requirement.subject, requirement.area));
    if let Some(lane) = lane {
        case.set_assertions(lane.examined);
        case.set_time(Duration::from_secs_f64(lane.seconds.unwrap_or_default().max(0.0)));
    }
    case.add_property(Property::new("contract", report.contract.as_str()));
    case.add_property(Property::new("level", requirement.level.to_string()));
    case.add_property(Property::new("source", requirement.source.as_str()));
    case.add_property(Property::new("reproduce", report.command_for(&requirement.id)));
    case
}

fn status(requirement: &RequirementResult, lane: Option<&LaneResult>) -> TestCaseStatus {
    let verdict = lane.map_or(requirement.verdict, |lane| lane.verdict);
    let reason = lane.map_or_else(|| "no lane that can prove it was judged".to_owned(), narrative::reason);
    let red = |kind, type_: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(type_).set_message(reason.as_str());
        if let Some(lane) = lane {
            status.set_description(described(requirement, lane));
        }
        status
    };
    let skipped = |message: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(message);
        status
    };
    match verdict {
        Verdict::Holds => TestCaseStatus::success(),
        Verdict::Violated if requirement.binding => red(NonSuccessKind::Failure, "violated"),
        Verdict::Unchecked if requirement.fails => red(NonSuccessKind::Error, "unchecked"),
        Verdict::Waived => {
            // The reason begins with who waived it.
            let mut status = skipped(format!("violated, {reason}"));
            if let Some(lane) = lane {
                status.set_description(described(requirement, lane));
            }
            status
        }
        Verdict::Violated | Verdict::Unchecked if !requirement.binding => {
            skipped(format!("{}{verdict}: {reason}", narrative::degree(requirement)))
        }
        Verdict::Unchecked if requirement.verdict == Verdict::Holds => {
            skipped(format!("unchecked here, holds in the other lane: {reason}"))
        }
        Verdict::Violated | Verdict::Unchecked | Verdict::NotRun | Verdict::NotApplicable | Verdict::NotClaimed => {
            skipped(format!("{verdict}: {reason}"))
        }
    }
}

fn described(requirement: &RequirementResult, lane: &LaneResult) -> String {
    let mut lines = narrative::lines(lane, &narrative::remedy(requirement, lane));
    lines.extend(lane.evidence.iter().map(|artefact| format!("see {artefact}")));
    lines.join("\n")
}
