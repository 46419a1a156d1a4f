//! Every way in which some harness once printed green for red, tried on ours.

use rstest::rstest;

use super::{Story, finding, holds, key, plan, unchecked, violated, waiver};
use crate::check::Judgement;
use crate::exit::{BROKE, HOLDS, INCOMPLETE, VIOLATED};
use crate::feature::Feature;
use crate::finding::Outcome;
use crate::redact::{Form, Leak};
use crate::report::{Report, junit};
use crate::requirement::{Lane, Level};
use crate::run::{Disposition, Event, Plan, RunId, Scope, Undecided};
use crate::verdict::Verdict;

fn settled(plan: &mut Plan, id: &str, verdict: Verdict) {
    for item in plan.items.iter_mut().filter(|item| item.key.id == id) {
        item.disposition = Disposition::Settled { verdict, reason: "so it is".into() };
    }
}

/// A run in which everything holds but for one requirement, which gets this judgement in every lane.
fn but_for(id: &str, judgement: &Judgement) -> Story {
    Story::judging(plan(), |key| if key.id == id { judgement.clone() } else { holds() }).then(Event::RunFinished)
}

fn with(change: impl Fn(&mut Plan)) -> Story {
    let mut plan = plan();
    change(&mut plan);
    Story::judging(plan, |_| holds()).then(Event::RunFinished)
}

fn strict(mut story: Story) -> Story {
    story.plan.strict = true;
    story
}

fn listed(mut story: Story) -> Story {
    story.plan.undecided = Undecided::Listed;
    story
}

fn demanded(id: &str) -> Story {
    with(|plan| {
        for item in plan.items.iter_mut().filter(|item| item.key.id == id) {
            item.disposition = Disposition::Demanded { features: vec![Feature::Ca] };
        }
    })
}

/// The story with a waiver of CA-06 that counts up to a day; the run began on 22 November 2026.
fn waived(mut story: Story, until: &str) -> Story {
    story.plan.waivers = vec![waiver("CA-06", until)];
    story
}

/// The rendered lane of CA-06 refutes it, and the live lane, which alone can prove it, broke on the way.
fn refuted_and_unchecked() -> Story {
    let judge = |key: &crate::run::Key| match (key.id.as_str(), key.lane) {
        ("CA-06", Lane::Rendered) => violated(),
        ("CA-06", Lane::Live) => unchecked("the experiment broke off"),
        _ => holds(),
    };
    Story::judging(plan(), judge).then(Event::RunFinished)
}

/// The story under a contract that has just got CA-06, of which the subject knows nothing yet.
fn provisional(mut story: Story) -> Story {
    story.plan.contract = "1.1".into();
    story.plan.requirements[2].since = "1.1".into();
    story
}

fn damaged() -> Story {
    let mut story = Story::good();
    story.chronicle.damaged.push("journal/7.jsonl, line 3: expected value".into());
    story
}

fn torn() -> Story {
    let mut story = Story::good();
    story.chronicle.torn.push("journal/7.jsonl, line 3".into());
    story
}

fn nothing_planned() -> Story {
    with(|plan| {
        plan.items.clear();
        plan.requirements.clear();
    })
}

fn not_run(id: &str) -> Story {
    with(|plan| settled(plan, id, Verdict::NotRun))
}

fn leak() -> Event {
    Event::Leaked { leak: Leak { file: "diagnostics/pod.log".into(), credential: "canary".into(), form: Form::Base64 } }
}

fn holds_against_its_finding(outcome: Outcome) -> Story {
    but_for("CA-06", &Judgement { findings: vec![finding(Outcome::Met), finding(outcome)], ..holds() })
}

fn lanes_disagree() -> Story {
    let judge = |key: &crate::run::Key| if key.lane == Lane::Rendered { unchecked("who knows") } else { holds() };
    let mut plan = plan();
    plan.requirements.retain(|requirement| requirement.id == "CA-06");
    plan.items.retain(|item| item.key.id == "CA-06");
    Story::judging(plan, judge).then(Event::RunFinished)
}

fn live_lane_left_out() -> Story {
    with(|plan| {
        for item in plan.items.iter_mut().filter(|item| item.key.lane == Lane::Live) {
            item.disposition = Disposition::Settled { verdict: Verdict::NotRun, reason: "no cluster".into() };
        }
    })
}

fn one_overlay_installed() -> Story {
    with(|plan| {
        let others =
            plan.items.iter_mut().filter(|item| item.key.lane == Lane::Live && item.key.overlay != "production");
        for item in others {
            item.disposition = Disposition::Settled { verdict: Verdict::NotRun, reason: "not installed".into() };
        }
    })
}

fn no_lane_can_prove() -> Story {
    with(|plan| {
        plan.requirements[2].lanes = vec![Lane::Rendered];
        plan.items.retain(|item| item.key.lane == Lane::Rendered);
    })
}

fn killed_under_a_lenient_check() -> Story {
    let mut plan = plan();
    plan.undecided = Undecided::Listed;
    Story::begun(plan).judged(key("local", "RENDER-01", Lane::Rendered), holds())
}

#[rstest]
#[case::everything_holds(Story::good(), HOLDS, true)]
// A run that did not come to its end.
#[case::killed_before_anything(Story::begun(plan()), INCOMPLETE, false)]
#[case::killed_after_the_last_judgement(Story::judging(plan(), |_| holds()), INCOMPLETE, false)]
#[case::ended_without_judging(Story::begun(plan()).then(Event::RunFinished), INCOMPLETE, false)]
#[case::interrupted(Story::good().then(Event::Interrupted { signal: "SIGINT".into() }), INCOMPLETE, false)]
#[case::violated_and_killed(Story::judging(plan(), |_| violated()), VIOLATED, false)]
#[case::killed_under_a_lenient_check(killed_under_a_lenient_check(), INCOMPLETE, false)]
#[case::torn_last_line(torn(), HOLDS, true)]
// Failures are failures.
#[case::a_must_is_violated(but_for("CA-06", &violated()), VIOLATED, false)]
#[case::a_should_is_violated(but_for("RENDER-14", &violated()), HOLDS, true)]
#[case::a_should_is_violated_and_it_is_strict(strict(but_for("RENDER-14", &violated())), VIOLATED, false)]
// Not knowing is not passing.
#[case::a_must_is_unchecked(but_for("CA-06", &unchecked("probe failed")), INCOMPLETE, false)]
#[case::a_must_is_unchecked_and_may_be(listed(but_for("CA-06", &unchecked("probe failed"))), HOLDS, false)]
#[case::and_may_not_be(strict(listed(but_for("CA-06", &unchecked("probe failed")))), INCOMPLETE, false)]
#[case::a_should_is_unchecked(but_for("RENDER-14", &unchecked("probe failed")), HOLDS, true)]
#[case::one_lane_is_unchecked_and_the_other_proves(lanes_disagree(), HOLDS, true)]
#[case::no_lane_can_prove(no_lane_can_prove(), INCOMPLETE, false)]
// Nothing is not everything.
#[case::nothing_planned(nothing_planned(), INCOMPLETE, false)]
#[case::holds_without_examining(but_for("CA-06", &Judgement { examined: 0, ..holds() }), BROKE, false)]
#[case::holds_against_a_violation(holds_against_its_finding(Outcome::Violated), BROKE, false)]
#[case::holds_against_a_failed_control(holds_against_its_finding(Outcome::ControlFailed), BROKE, false)]
#[case::holds_against_an_open_question(holds_against_its_finding(Outcome::Undecided), BROKE, false)]
#[case::a_check_says_waived(but_for("CA-06", &Judgement::without_check(Verdict::Waived, "why not")), BROKE, false)]
#[case::everything_is_not_applicable(
    but_for_all(&Judgement::without_check(Verdict::NotApplicable, "no database")), INCOMPLETE, false)]
// What was left out is said, and never conformant.
#[case::a_must_was_left_out(not_run("CA-06"), HOLDS, false)]
#[case::a_should_was_left_out(not_run("RENDER-14"), HOLDS, false)]
#[case::the_live_lane_was_left_out(live_lane_left_out(), HOLDS, false)]
#[case::the_live_lane_was_run_in_production_only(one_overlay_installed(), HOLDS, true)]
#[case::a_partial_scope(with(|plan| plan.scope = Scope::Partial), HOLDS, false)]
#[case::not_claimed(with(|plan| settled(plan, "CA-06", Verdict::NotClaimed)), HOLDS, true)]
#[case::demanded_and_not_claimed(demanded("CA-06"), VIOLATED, false)]
// What is accepted is violated all the same.
#[case::a_must_is_waived(waived(but_for("CA-06", &violated()), "2026-11-22"), HOLDS, false)]
#[case::the_waiver_expired_the_day_before(waived(but_for("CA-06", &violated()), "2026-11-21"), VIOLATED, false)]
#[case::the_waiver_is_of_something_else(waived(but_for("RENDER-01", &violated()), "2026-11-22"), VIOLATED, false)]
#[case::nothing_needs_the_waiver(waived(Story::good(), "2026-11-22"), HOLDS, true)]
#[case::what_a_profile_demands_is_waived(waived(demanded("CA-06"), "2026-11-22"), HOLDS, false)]
#[case::what_could_not_be_told_is_not(waived(but_for("CA-06", &unchecked("who knows")), "2026-11-22"), INCOMPLETE, false)]
#[case::nor_what_the_deciding_lane_could_not_tell(waived(refuted_and_unchecked(), "2026-11-22"), INCOMPLETE, false)]
#[case::nor_a_run_that_was_killed(waived(Story::judging(plan(), |_| violated()), "2026-11-22"), VIOLATED, false)]
#[case::settled_as_waived(with(|plan| settled(plan, "CA-06", Verdict::Waived)), BROKE, false)]
// A new MUST gives one minor version's time.
#[case::a_new_must_is_violated(provisional(but_for("CA-06", &violated())), HOLDS, true)]
#[case::a_new_must_could_not_be_told(provisional(but_for("CA-06", &unchecked("who knows"))), HOLDS, true)]
#[case::a_new_must_is_violated_and_it_is_strict(strict(provisional(but_for("CA-06", &violated()))), VIOLATED, false)]
// The plan and the journals must agree.
#[case::settled_as_holds(with(|plan| settled(plan, "CA-06", Verdict::Holds)), BROKE, false)]
#[case::the_plan_forgot_one(with(|plan| plan.items.retain(|item| item.key.id != "CA-06")), BROKE, false)]
#[case::planned_twice(with(|plan| plan.items.push(plan.items[0].clone())), BROKE, false)]
#[case::planned_for_nobody(with(|plan| plan.items[0].key.subject = "strangers".into()), BROKE, false)]
#[case::judged_twice(Story::good().judged(key("local", "CA-06", Lane::Live), holds()), BROKE, false)]
#[case::judged_without_a_plan(Story::good().judged(key("staging", "CA-06", Lane::Live), holds()), BROKE, false)]
#[case::judged_although_settled(
    not_run("CA-06").judged(key("local", "CA-06", Lane::Live), holds()), BROKE, false)]
#[case::a_journal_of_another_run(
    Story::good().then(Event::RunStarted { run: RunId::known("20250101-0000-aaaa") }), BROKE, false)]
#[case::a_damaged_journal(damaged(), BROKE, false)]
#[case::a_credential_in_an_artefact(Story::good().then(leak()), BROKE, false)]
fn a_report_is_green_only_when_everything_was_seen_to_hold(
    #[case] story: Story,
    #[case] exit_code: u8,
    #[case] conformant: bool,
) {
    let report = story.report();
    assert_eq!((report.exit_code, report.conformant), (exit_code, conformant), "{:#?}", report.problems);
    assert_eq!(is_red(&report), exit_code != HOLDS, "{}", junit(&report).unwrap());
    assert_eq!(junit(&report).unwrap().matches("<testcase").count(), names(&report).len(), "names are not unique");
}

fn but_for_all(judgement: &Judgement) -> Story {
    Story::judging(plan(), |_| judgement.clone()).then(Event::RunFinished)
}

fn is_red(report: &Report) -> bool {
    let document = junit(report).unwrap();
    document.contains("<failure") || document.contains("<error")
}

fn names(report: &Report) -> std::collections::BTreeSet<String> {
    let document = junit(report).unwrap();
    let cases = document.split("<testcase ").skip(1);
    cases.map(|case| case.split(" time=").next().unwrap().split(" assertions=").next().unwrap().to_owned()).collect()
}

#[test]
fn what_was_not_reached_is_unchecked_and_says_so() {
    let report = Story::begun(plan()).judged(key("local", "RENDER-01", Lane::Rendered), holds()).report();
    let reasons: Vec<_> = report.results.iter().map(|result| (result.verdict, result.reason.as_deref())).collect();
    let open = (Verdict::Unchecked, Some("the run ended before this was judged"));
    assert_eq!(reasons[0], (Verdict::Holds, None));
    assert!(reasons[1..].iter().all(|reason| *reason == open), "{reasons:?}");
    assert!(!report.complete);
}

#[test]
fn every_cell_of_the_contract_is_in_the_report_even_if_the_plan_forgot_it() {
    let report = with(|plan| plan.items.retain(|item| item.key.overlay == "local")).report();
    assert_eq!(report.results.len(), 8);
    assert_eq!(report.problems.len(), 4, "{:?}", report.problems);
    assert_eq!(report.problems[0], "the plan does not mention this: RENDER-01 of agents [production, rendered]");
}

#[test]
fn a_strict_run_says_which_shoulds_bound() {
    let bound = |story: Story| {
        let report = story.report();
        let shoulds = report.requirements.iter().filter(|requirement| requirement.level == Level::Should);
        shoulds.map(|requirement| requirement.binding).collect::<Vec<_>>()
    };
    assert_eq!(bound(Story::good()), [false, false]);
    assert_eq!(bound(strict(Story::good())), [true, true]);
}
