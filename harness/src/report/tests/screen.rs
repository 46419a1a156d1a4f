//! A summary fits one screen, however much there is to say.

use super::{Story, eventful, plan, unchecked, violated, waiver};
use crate::check::Judgement;
use crate::record::Experiment;
use crate::report::summary;
use crate::requirement::Level;
use crate::run::{Disposition, Event, Key, Plan, PlanItem, PlannedRequirement, SubjectIdentity};

/// Four subjects, three overlays and a hundred requirements, each violated in words of its own.
fn crowded() -> Plan {
    let mut plan = plan();
    let (subject, requirement) = (plan.subjects[0].clone(), plan.requirements[0].clone());
    plan.subjects = (0..4).map(|number| SubjectIdentity { name: format!("s{number}"), ..subject.clone() }).collect();
    plan.subjects.iter_mut().for_each(|subject| subject.overlays.push("staging".into()));
    plan.requirements =
        (1..=100).map(|number| PlannedRequirement { id: format!("CA-{number:02}"), ..requirement.clone() }).collect();
    plan.items.clear();
    for subject in &plan.subjects {
        for overlay in &subject.overlays {
            plan.items.extend(plan.requirements.iter().map(|requirement| PlanItem {
                key: Key {
                    subject: subject.name.clone(),
                    overlay: overlay.clone(),
                    id: requirement.id.clone(),
                    lane: requirement.lanes[0],
                },
                disposition: Disposition::Judge,
            }));
        }
    }
    plan
}

fn worst() -> Story {
    let judge = |key: &Key| match key.id.len() {
        6 => unchecked(&format!("{} has a reason of its own", key.id)),
        _ => Judgement { reason: None, ..violated() },
    };
    let mut story = Story::judging(crowded(), judge);
    for (experiment, subject) in
        [(Experiment::RotateCa, "s0"), (Experiment::ForeignCa, "s1"), (Experiment::Install, "s2")]
    {
        for overlay in ["local", "production"] {
            story = story.then(Event::ExperimentFailed {
                experiment,
                subject: subject.into(),
                overlay: overlay.into(),
                reason: "the cluster is gone".into(),
            });
        }
    }
    story.plan.waivers = (1..9).map(|number| waiver(&format!("CA-{number:02}"), "2027-01-31")).collect();
    story.plan.waivers.iter_mut().for_each(|waiver| waiver.subject = "s3".into());
    story
        .then(Event::NotMasked { credentials: vec!["redis/password".into()] })
        .then(Event::NotMasked { credentials: vec!["other/password".into()] })
        .then(Event::Interrupted { signal: "SIGTERM".into() })
}

#[test]
fn a_summary_fits_one_screen_whatever_there_is_to_say() {
    for report in [worst().report(), eventful().report(), Story::begun(crowded()).report(), Story::good().report()] {
        let summary = summary(&report);
        assert!(summary.lines().count() <= 40, "{} lines:\n{summary}", summary.lines().count());
    }
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let report = worst().report();
    insta::assert_snapshot!("a crowded summary", summary(&report));
}

#[test]
fn what_fails_the_run_comes_first() {
    let mut plan = plan();
    plan.requirements[0].level = Level::Should;
    let story = Story::judging(plan, |key| if key.id == "CA-06" { violated() } else { unchecked("who knows") });
    let summary = summary(&story.then(Event::RunFinished).report());
    let place = |id: &str| summary.find(&format!("- **{id}")).unwrap_or(usize::MAX);
    assert!(place("CA-06") < place("2 requirements"), "{summary}");
}
