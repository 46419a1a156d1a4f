//! From a plan and journals to a report: every cell of the plan gets a verdict, and whatever does not fit is said.
//!
//! Nothing is believed that can be checked here: a check that says `holds` without having examined anything, or against
//! its own findings, a plan that forgot a requirement, a judgement that nobody planned. Each of these once made some
//! harness print green for red.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::model::{
    API_VERSION, BrokenOff, Counts, HarnessFacts, KIND, LaneResult, Report, RequirementResult, RunFacts, Statistics,
};
use super::{narrative, waivers};
use crate::check::Judgement;
use crate::contract::is_provisional;
use crate::exit::{self, Standing};
use crate::feature::Feature;
use crate::finding::{Finding, Outcome, Place};
use crate::requirement::{Lane, Level};
use crate::run::{Chronicle, Disposition, Event, Key, Plan, PlannedRequirement, Scope, Undecided};
use crate::verdict::Verdict;

const NOT_REACHED: &str = "the run ended before this was judged";
const FORGOTTEN: &str = "the plan does not mention this";

impl Report {
    /// Makes the report of a plan and what happened to it.
    pub fn assemble(plan: &Plan, chronicle: &Chronicle) -> Self {
        let mut desk = Desk {
            unreached: false,
            problems: chronicle.damaged.iter().map(|line| format!("cannot be read: {line}")).collect(),
        };
        let told = Told::of(plan, chronicle, &mut desk);
        let mut results = desk.results(plan, &told);
        let waivers = waivers::apply(&plan.waivers, plan.started.to_zoned(TimeZone::UTC).date(), &mut results);
        let requirements = requirements(plan, &results);
        desk.note_strangers(plan, &told);

        let ended = told.finished.is_some() && told.interrupted.is_none();
        let complete = told.began && ended && !desk.unreached;
        let left_out = results.iter().any(|result| is_left_out(result, &results));
        let scope = if left_out { Scope::Partial } else { plan.scope };
        let standing = Standing {
            unsound: !desk.problems.is_empty(),
            violated: requirements.iter().any(|requirement| !requirement.open && requirement.fails),
            unchecked: requirements.iter().any(|requirement| requirement.open && requirement.fails),
            complete,
            judged: narrative::is_anything_judged(&results),
        };
        let proven = |requirement: &RequirementResult| {
            // In a full scope, what was not run under one overlay was judged under another.
            let settled = [Verdict::Holds, Verdict::NotApplicable, Verdict::NotClaimed, Verdict::NotRun]
                .contains(&requirement.verdict);
            !requirement.binding || settled && !requirement.open
        };
        let conformant = scope == Scope::Full
            && exit::code(standing) == exit::HOLDS
            && requirements.iter().any(|requirement| requirement.verdict == Verdict::Holds)
            && requirements.iter().all(proven);

        let mut subjects = plan.subjects.clone();
        for subject in &mut subjects {
            subject.images.extend(told.images.get(subject.name.as_str()).into_iter().flatten().cloned());
            subject.images.sort();
            subject.images.dedup();
        }
        let seconds = told.finished.map(|finished| thousandths(finished.duration_since(plan.started).as_secs_f64()));
        Self {
            api_version: API_VERSION.into(),
            kind: KIND.into(),
            complete,
            scope,
            conformant,
            run: RunFacts {
                id: plan.run.clone(),
                started: plan.started,
                finished: told.finished,
                seconds,
                interrupted: told.interrupted,
                strict: plan.strict,
                command: plan.command.clone(),
            },
            harness: HarnessFacts { version: plan.harness.clone() },
            contract: plan.contract.clone(),
            profile: plan.profile.clone(),
            subjects,
            environment: plan.environment.clone().into_iter().chain(told.environment).collect(),
            statistics: Statistics {
                requirements: requirements.iter().map(|requirement| requirement.verdict).collect(),
                results: results.iter().map(|result| result.verdict).collect::<Counts>(),
                examined: results.iter().map(|result| result.examined).sum(),
            },
            requirements,
            results,
            waivers,
            broken_off: told.broken_off,
            notes: told.notes,
            problems: desk.problems,
            exit_code: exit::code(standing),
        }
    }
}

/// Whether a result was asked of nobody. The live lane installs one overlay of a subject, the one that a gate lets
/// through: what was judged there is not left out because the others were not installed too.
fn is_left_out(result: &LaneResult, all: &[LaneResult]) -> bool {
    let elsewhere = |other: &LaneResult| {
        (&other.key.subject, &other.key.id, other.key.lane) == (&result.key.subject, &result.key.id, result.key.lane)
            && other.key.overlay != result.key.overlay
            && other.verdict != Verdict::NotRun
    };
    result.verdict == Verdict::NotRun && !(result.key.lane == Lane::Live && all.iter().any(elsewhere))
}

/// What the journals say, sorted by what it is about.
#[derive(Default)]
struct Told<'a> {
    began: bool,
    finished: Option<jiff::Timestamp>,
    interrupted: Option<String>,
    judgements: BTreeMap<&'a Key, (&'a Judgement, f64, &'a [String])>,
    environment: BTreeMap<String, String>,
    images: BTreeMap<&'a str, BTreeSet<crate::run::ImageIdentity>>,
    broken_off: Vec<BrokenOff>,
    notes: Vec<String>,
}

impl<'a> Told<'a> {
    fn of(plan: &Plan, chronicle: &'a Chronicle, desk: &mut Desk) -> Self {
        let torn = chronicle.torn.iter().map(|place| format!("{place}: the process ended while it wrote this line"));
        let mut told = Self { notes: plan.notes.iter().cloned().chain(torn).collect(), ..Self::default() };
        for entry in &chronicle.entries {
            match &entry.event {
                Event::RunStarted { run } if *run == plan.run => told.began = true,
                Event::RunStarted { run } => desk.problems.push(format!("a journal is of another run, {run}")),
                Event::RunFinished => told.finished = Some(entry.at),
                Event::Interrupted { signal } => told.interrupted = Some(signal.clone()),
                Event::EnvironmentObserved { facts } => told.environment.extend(facts.clone()),
                Event::ImagesObserved { subject, images } => {
                    told.images.entry(subject).or_default().extend(images.iter().cloned());
                }
                Event::Judged { key, judgement, seconds, evidence } => {
                    if told.judgements.insert(key, (judgement, *seconds, evidence)).is_some() {
                        desk.problems.push(format!("judged twice: {key}"));
                    }
                }
                Event::ExperimentFailed { experiment, subject, overlay, reason } => {
                    told.broken_off.push(BrokenOff {
                        experiment: experiment.to_string(),
                        subject: subject.clone(),
                        overlay: overlay.clone(),
                        reason: reason.clone(),
                    });
                }
                Event::Noted { text } => told.notes.push(text.clone()),
                Event::NotMasked { credentials } => {
                    told.notes.push(format!("too short to be masked in artefacts: {}", credentials.join(", ")));
                }
                Event::Leaked { leak } => desk.problems.push(format!("{leak}; do not pass the artefacts on")),
                Event::ExperimentStarted { .. } | Event::ExperimentSealed { .. } => {}
            }
        }
        told
    }
}

/// Where verdicts are written down, and what is wrong with them.
struct Desk {
    problems: Vec<String>,
    unreached: bool,
}

impl Desk {
    /// One result for each lane of each requirement of each overlay of each subject, in this order.
    fn results(&mut self, plan: &Plan, told: &Told) -> Vec<LaneResult> {
        let mut planned: BTreeMap<&Key, &Disposition> = BTreeMap::new();
        for item in &plan.items {
            if planned.insert(&item.key, &item.disposition).is_some() {
                self.problems.push(format!("planned twice: {}", item.key));
            }
        }
        let mut results = Vec::new();
        for (key, _) in cells(plan) {
            let judgement = told.judgements.get(&key).copied();
            results.push(self.result(plan, key, &planned, judgement));
        }
        results
    }

    fn result(
        &mut self,
        plan: &Plan,
        key: Key,
        planned: &BTreeMap<&Key, &Disposition>,
        judged: Option<(&Judgement, f64, &[String])>,
    ) -> LaneResult {
        let mut demanded = Vec::new();
        let (judgement, seconds, evidence) = match (planned.get(&key), judged) {
            (Some(Disposition::Judge), Some((judgement, seconds, evidence))) => {
                (self.believed(&key, judgement), Some(thousandths(seconds)), evidence.to_vec())
            }
            (Some(Disposition::Judge), None) => {
                self.unreached = true;
                (open(NOT_REACHED), None, Vec::new())
            }
            (Some(Disposition::Settled { verdict, reason }), judged) => {
                if judged.is_some() {
                    self.problems.push(format!("judged although it was settled beforehand: {key}"));
                }
                if matches!(verdict, Verdict::Holds | Verdict::Waived) {
                    self.problems.push(format!("settled as {verdict} without a check: {key}"));
                    (open("no check said so"), None, Vec::new())
                } else {
                    (Judgement::without_check(*verdict, reason), None, Vec::new())
                }
            }
            (Some(Disposition::Demanded { features }), judged) => {
                if judged.is_some() {
                    self.problems.push(format!("judged although it was settled beforehand: {key}"));
                }
                demanded.clone_from(features);
                (missed(plan, &key, features), None, Vec::new())
            }
            (None, _) => {
                self.problems.push(format!("{FORGOTTEN}: {key}"));
                (open(FORGOTTEN), None, Vec::new())
            }
        };
        let Judgement { verdict, reason, examined, findings } = judgement;
        LaneResult { key, verdict, reason, demanded, examined, findings, evidence, seconds }
    }

    /// A judgement, unless it contradicts itself.
    fn believed(&mut self, key: &Key, judgement: &Judgement) -> Judgement {
        let saw = |wanted: Outcome| judgement.findings.iter().any(|finding| finding.outcome == wanted);
        let doubt = match judgement.verdict {
            Verdict::Holds if judgement.examined == 0 => Some("holds, but nothing was examined"),
            Verdict::Holds if saw(Outcome::Violated) => Some("holds, but a finding is violated"),
            Verdict::Holds if saw(Outcome::ControlFailed) => Some("holds, but a control failed"),
            Verdict::Holds if saw(Outcome::Undecided) => Some("holds, but a finding is undecided"),
            Verdict::NotRun | Verdict::Waived => Some("a check cannot say that it was not run, or is waived"),
            _ => None,
        };
        let Some(doubt) = doubt else { return judgement.clone() };
        self.problems.push(format!("contradicts itself: {key}: {doubt}"));
        Judgement { verdict: Verdict::Unchecked, reason: Some(doubt.into()), ..judgement.clone() }
    }

    /// Plans and judgements of what is not in the contract or not under test.
    fn note_strangers(&mut self, plan: &Plan, told: &Told) {
        let known: BTreeSet<Key> = cells(plan).map(|(key, _)| key).collect();
        let planned: BTreeSet<&Key> = plan.items.iter().map(|item| &item.key).collect();
        for key in planned.iter().filter(|key| !known.contains(**key)) {
            self.problems.push(format!("planned, but neither in the contract nor under test: {key}"));
        }
        for key in told.judgements.keys().filter(|key| !planned.contains(*key)) {
            self.problems.push(format!("judged without having been planned: {key}"));
        }
    }
}

/// Everything that a report must speak of, whatever the plan says.
fn cells(plan: &Plan) -> impl Iterator<Item = (Key, &PlannedRequirement)> {
    pairs(plan).flat_map(|(subject, overlay, requirement)| {
        requirement.lanes.iter().map(move |lane| {
            let (subject, overlay, id) = (subject.to_owned(), overlay.to_owned(), requirement.id.clone());
            (Key { subject, overlay, id, lane: *lane }, requirement)
        })
    })
}

fn pairs(plan: &Plan) -> impl Iterator<Item = (&str, &str, &PlannedRequirement)> {
    plan.subjects.iter().flat_map(move |subject| {
        subject.overlays.iter().flat_map(move |overlay| {
            plan.requirements.iter().map(move |requirement| (subject.name.as_str(), overlay.as_str(), requirement))
        })
    })
}

fn requirements(plan: &Plan, results: &[LaneResult]) -> Vec<RequirementResult> {
    // Results stand in the order of the cells, so each requirement's lanes are the next ones.
    let mut rest = results;
    let mut requirements = Vec::new();
    for (subject, overlay, requirement) in pairs(plan) {
        let (own, others) = rest.split_at(requirement.lanes.len().min(rest.len()));
        rest = others;
        let lanes: Vec<_> = own.iter().map(|result| (result.key.lane, result.verdict)).collect();
        let verdict = Verdict::over_lanes(&lanes, &requirement.decisive);
        let closed = [Verdict::Holds, Verdict::Violated, Verdict::Waived].contains(&verdict);
        // What a lane leaves open that can only refute is for the lanes that decide, also where those were not asked for.
        let undecided =
            |(lane, verdict): &(Lane, Verdict)| *verdict == Verdict::Unchecked && requirement.decisive.contains(lane);
        let doubtful = verdict == Verdict::Unchecked || lanes.iter().any(undecided);
        let pinned =
            plan.subjects.iter().find(|known| known.name == subject).and_then(|known| known.contract.as_deref());
        let provisional = is_provisional(&requirement.since, pinned, &plan.contract);
        let binding = requirement.level == Level::Must && !provisional || plan.strict;
        let open = !closed && doubtful;
        let counts = plan.strict || plan.undecided == Undecided::Incomplete;
        requirements.push(RequirementResult {
            subject: subject.into(),
            overlay: overlay.into(),
            id: requirement.id.clone(),
            area: requirement.area.clone(),
            level: requirement.level,
            title: requirement.title.clone(),
            source: requirement.source.clone(),
            remedy: requirement.remedy.clone(),
            decisive: requirement.decisive.clone(),
            provisional,
            binding,
            verdict,
            open,
            fails: binding && (verdict == Verdict::Violated || open && counts),
        });
    }
    requirements
}

/// What is to be said of features that a profile demands and a subject does not have.
fn missed(plan: &Plan, key: &Key, features: &[Feature]) -> Judgement {
    let profile = plan.profile.as_deref().unwrap_or("of the gate");
    let finding = |feature: &Feature| Finding {
        place: Place::object(format!("subject/{}", key.subject)).field("claims"),
        what: format!("feature {feature}, which profile {profile} demands"),
        expected: "claimed by the subject, or shown by its manifests".into(),
        observed: "neither".into(),
        outcome: Outcome::Violated,
    };
    let findings = features.iter().map(finding).collect();
    Judgement { verdict: Verdict::Violated, reason: None, examined: 0, findings }
}

fn open(reason: &str) -> Judgement {
    Judgement::without_check(Verdict::Unchecked, reason)
}

/// Seconds to the millisecond: more is noise, and noise makes reports differ.
fn thousandths(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
