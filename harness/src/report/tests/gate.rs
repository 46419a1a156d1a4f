//! What every output says where a gate demands or accepts something.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use super::{Story, finding, holds, plan, violated, waiver};
use crate::check::Judgement;
use crate::feature::Feature;
use crate::finding::Outcome;
use crate::record::Experiment;
use crate::report::{Report, Style, WaiverState, html, junit, sarif, summary, text};
use crate::requirement::Lane;
use crate::run::{Disposition, Event, Key, Scope, Undecided};
use crate::verdict::Verdict;
use crate::waiver::Waiver;

/// CA-06 is violated and waived, what else there is holds.
fn accepted() -> Report {
    let judge = |key: &Key| match (key.id.as_str(), key.lane) {
        ("CA-06", Lane::Live) => Judgement { findings: vec![finding(Outcome::Violated)], ..violated() },
        _ => holds(),
    };
    let mut story = Story::judging(plan(), judge).then(Event::RunFinished);
    story.plan.waivers = vec![waiver("CA-06", "2027-01-31")];
    story.report()
}

/// The profile demands what the subject does not claim.
fn demanded() -> Report {
    let mut plan = plan();
    for item in plan.items.iter_mut().filter(|item| item.key.id == "CA-06" || item.key.id == "RENDER-01") {
        item.disposition = Disposition::Demanded { features: vec![Feature::PasswordRotation] };
    }
    Story::judging(plan, |_| holds()).then(Event::RunFinished).report()
}

/// Everything holds, although an experiment broke off.
fn unfinished() -> Report {
    let judge = |key: &Key| match (key.id.as_str(), key.lane) {
        ("CA-06", Lane::Live) => Judgement::without_check(
            Verdict::Unchecked,
            "experiment rotate-ca broke off: hand the new CA over: conflict",
        ),
        _ => holds(),
    };
    let mut story = Story::judging(plan(), judge);
    story.plan.requirements[2].decisive = vec![Lane::Rendered, Lane::Live];
    let failed = Event::ExperimentFailed {
        experiment: Experiment::RotateCa,
        subject: "agents".into(),
        overlay: "production".into(),
        reason: "hand the new CA over: conflict".into(),
    };
    story.then(failed).then(Event::RunFinished).report()
}

/// A waiver of each kind beside the one that is used.
fn all_states() -> Report {
    let mut story = Story::judging(plan(), |key| if key.id == "CA-06" { violated() } else { holds() });
    let elsewhere = Waiver { subject: "payments".into(), ..waiver("CA-06", "2027-01-31") };
    let narrow = |overlay: &str, until: &str| Waiver {
        overlay: Some(overlay.into()),
        lane: Some(Lane::Live),
        ..waiver("CA-06", until)
    };
    story.plan.waivers = vec![
        narrow("production", "2026-11-22"),
        narrow("local", "2026-10-31"),
        waiver("RENDER-01", "2027-01-31"),
        elsewhere,
    ];
    story.then(Event::RunFinished).report()
}

#[test]
fn what_is_waived_is_said_to_people() {
    assert_snapshot!("waived on a terminal", text(&accepted(), Style::default()));
    assert_snapshot!("waived in a merge request", summary(&accepted()));
}

#[test]
fn what_is_waived_is_said_to_machines() {
    let report = accepted();
    assert_json_snapshot!(report.waivers, @r#"
    [
      {
        "id": "CA-06",
        "subject": "agents",
        "reason": "the new driver comes in January",
        "owner": "platform-team",
        "expires": "2027-01-31",
        "state": "used"
      }
    ]
    "#);
    assert_eq!((report.conformant, report.exit_code), (false, 0));
    let document = junit(&report).unwrap();
    let skipped = "<skipped message=\"violated, waived by platform-team until 2027-01-31: the new driver comes in January; \
                   deployment/agents-controllers";
    assert_eq!(document.matches(skipped).count(), 2, "{document}");
    let log = sarif(&report);
    assert_eq!(
        log["runs"][0]["results"][0]["suppressions"],
        json!([{
            "kind": "external",
            "status": "accepted",
            "justification": "waived by platform-team until 2027-01-31: the new driver comes in January"
        }])
    );
    assert_eq!(log["runs"][0]["results"][0]["kind"], "fail");
    assert_eq!(log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["level"], "note");
    let page = html(&report, &[]).unwrap();
    for part in [
        "<h1>not conformant, but waived</h1>",
        "Waived: not conformant, because 1 violation is waived: CA-06",
        ": violated and waived</h3>",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn every_waiver_is_in_the_report_with_what_became_of_it() {
    let report = all_states();
    let states: Vec<WaiverState> = report.waivers.iter().map(|waiver| waiver.state).collect();
    assert_eq!(states, [WaiverState::Used, WaiverState::Expired, WaiverState::Unused, WaiverState::Unused]);
    assert_snapshot!("waivers of every state", text(&report, Style::default()));
}

#[test]
fn what_a_profile_demands_is_told_once_with_all_that_presupposes_it() {
    let report = demanded();
    assert_snapshot!("demanded on a terminal", text(&report, Style::default()));
    assert_json_snapshot!("demanded for machines", report.results[0]);
}

#[test]
fn a_subject_that_means_to_meet_another_profile_is_told_apart() {
    let mut report = demanded();
    report.subjects[0].profile = Some("bundled-postgres@1".into());
    let told =
        "claim password.rotation, which profile cnpg-app@1 demands (agents means to meet bundled-postgres@1), and";
    assert!(text(&report, Style::default()).contains(told), "{}", text(&report, Style::default()));
    assert!(!text(&demanded(), Style::default()).contains("means to meet"));
}

#[test]
fn a_chart_without_a_subject_file_is_told_what_was_only_listed() {
    let mut story = Story::judging(plan(), |key| match key.id.as_str() {
        "CA-06" => Judgement::without_check(Verdict::Unchecked, "the Secret is made by an operator"),
        _ => holds(),
    });
    story.plan.undecided = Undecided::Listed;
    let report = story.then(Event::RunFinished).report();
    let told = "CA-06 of agents: not told in the live lane (the Secret is made by an operator); this is only listed";
    assert_eq!(report.exit_code, 0);
    assert!(text(&report, Style::default()).contains(told), "{}", text(&report, Style::default()));
}

#[test]
fn a_green_report_says_what_did_not_come_to_its_end() {
    let report = unfinished();
    assert_eq!((report.conformant, report.exit_code), (true, 0));
    assert_snapshot!("unfinished on a terminal", text(&report, Style::default()));
    let first = summary(&report).lines().take(7).collect::<Vec<_>>().join("\n");
    assert_snapshot!("unfinished in a merge request", first);
    let page = html(&report, &[]).unwrap();
    let open = page.find("Open: experiment rotate-ca of agents [production] broke off").unwrap();
    assert!(open < page.find("<nav").unwrap());
}

/// Only the rendered lane of some, and CA-06 can there be refuted at most.
fn rendered_alone(ids: &[&str], judge: impl Fn(&Key) -> Judgement) -> Report {
    let mut plan = plan();
    plan.scope = Scope::Partial;
    for item in &mut plan.items {
        if !ids.contains(&item.key.id.as_str()) || item.key.lane == Lane::Live {
            item.disposition = Disposition::Settled { verdict: Verdict::NotRun, reason: "not selected".into() };
        }
    }
    Story::judging(plan, judge).then(Event::RunFinished).report()
}

#[test]
fn what_a_lane_leaves_open_that_can_only_refute_is_left_to_the_other() {
    let report = rendered_alone(&["CA-06", "RENDER-01"], |key| match key.id.as_str() {
        "CA-06" => Judgement::without_check(Verdict::Unchecked, "no client has a CA"),
        _ => holds(),
    });
    assert_eq!(report.exit_code, crate::exit::HOLDS);
    let told = text(&report, Style::default());
    let sentence = "not told in the rendered lane (no client has a CA); this lane can only refute it, and the live lane, which decides, was not run";
    assert!(told.contains(sentence), "{told}");
}

#[test]
fn nothing_refuted_is_not_called_holding() {
    let told = text(&rendered_alone(&["CA-06"], |_| holds()), Style::default());
    assert!(told.contains("NOTHING REFUTED, NOTHING PROVEN"), "{told}");
}
