//! The page of a report, with a rotation drawn from a record made by hand.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::eventful;
use crate::experiment::{CHANGED, FAULT, FAULT_OVER, FRESH_GAP, NEW_ACCEPTED};
use crate::history::{FRESH, Gap, History, LaneHistory, Mark, STEADY, Tick};
use crate::record::{Experiment, PodChange, Record};
use crate::report::html;

fn at(ms: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(ms)
}

fn tick(ms: i64, acknowledged: u32, failed: &[(&str, u32)], unknown: u32) -> Tick {
    let failed = failed.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect();
    Tick { at: at(ms), acknowledged, failed, unknown }
}

pub(super) fn rotation() -> Record {
    let lane = |ticks: Vec<Tick>| LaneHistory { acknowledged: 7, ticks, ..LaneHistory::default() };
    let lanes = [
        (STEADY.to_owned(), lane(vec![tick(0, 10, &[], 0), tick(500, 8, &[], 0)])),
        (FRESH.to_owned(), lane(vec![tick(0, 4, &[], 0), tick(500, 0, &[("28P01", 3)], 1)])),
    ];
    let change = |ms: i64, ready: bool| PodChange {
        at: at(ms),
        pod: "agents-1".into(),
        workload: "deployment/agents".into(),
        uid: "u".into(),
        ready,
        leaving: false,
        gone: false,
        restarts: 0,
        trouble: None,
    };
    Record {
        experiment: Experiment::RotatePassword,
        subject: "agents".into(),
        overlay: "production".into(),
        production: true,
        namespace: "hf-test".into(),
        began: at(0),
        ended: at(1000),
        steps: Vec::new(),
        snapshots: Vec::new(),
        history: Some(History {
            lanes: lanes.into(),
            marks: vec![Mark { at: at(300), name: CHANGED.into() }, Mark { at: at(800), name: NEW_ACCEPTED.into() }],
            lost: vec!["fresh-0-00000001-run".into()],
            ..History::default()
        }),
        changes: vec![change(0, true), change(600, false)],
        unseen: Vec::new(),
        limits: BTreeMap::new(),
        broken: None,
    }
}

#[test]
fn a_rotation_is_drawn_with_its_numbers_beside_it() {
    let page = html(&eventful().report(), &[rotation()]).unwrap();
    for part in [
        "agents, production: rotate-password",
        r#"class="failed""#,
        "second 0.5: failed: 3 x 28P01",
        "second 0.5: 1 unknown",
        "<td>acknowledged writes that are lost</td><td>1</td>",
        "<td>new credential accepted after</td><td>0.50 s</td>",
        "<td>old credential refused after</td><td>not while it was watched</td>",
        r#"class="unready""#,
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn rotations_stand_in_one_table_with_what_they_were_allowed() {
    let mut under_fault = rotation();
    under_fault.experiment = Experiment::RotateLosingPrimary;
    under_fault.limits = [(FRESH_GAP.to_owned(), 25.0)].into();
    let marks = [(FAULT, 200), (FAULT_OVER, 700)].map(|(name, ms)| Mark { at: at(ms), name: name.into() });
    if let Some(history) = &mut under_fault.history {
        history.marks.extend(marks);
        history.lanes.get_mut(FRESH).unwrap().longest_gap = Some(Gap { from: at(0), seconds: 12.5 });
    }
    let page = html(&eventful().report(), &[rotation(), under_fault]).unwrap();
    for part in [
        "<td>agents, production: rotate-losing-primary</td><td>1</td><td>0</td><td>0.50 s</td>",
        "<td>12.50 s of 25.00 s</td><td>0.50 s</td>",
        "<td>no fault</td>",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn the_page_needs_nothing_from_anywhere() {
    let page = html(&eventful().report(), &[rotation()]).unwrap();
    for part in ["http://", "https://", "<script", "<link", "@import", "url(//"] {
        assert!(!page.contains(part), "{part} is in it");
    }
}

#[test]
fn what_a_chart_says_is_text_and_never_markup() {
    let mut report = eventful().report();
    report.environment.insert("<img src=x>".into(), "<b>bold</b>".into());
    let page = html(&report, &[]).unwrap();
    assert!(!page.contains("<img") && !page.contains("<b>"));
}

#[test]
fn every_requirement_of_the_report_is_on_the_page() {
    let report = eventful().report();
    let page = html(&report, &[]).unwrap();
    for requirement in &report.requirements {
        assert!(page.contains(&format!(r#"id="{}""#, requirement.id)), "{}", requirement.id);
    }
}
