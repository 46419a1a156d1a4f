//! A small contract, a subject and a run of it, from which the tests of reports start.

mod browser;
mod false_green;
mod formats;
mod gate;
mod killed;
mod page;
mod screen;

use jiff::Timestamp;

use super::Report;
use crate::check::Judgement;
use crate::finding::{Finding, Outcome, Place};
use crate::record::Experiment;
use crate::requirement::{Lane, Level};
use crate::run::{
    ChartIdentity, Chronicle, Disposition, Entry, Event, ImageIdentity, Key, Plan, PlanItem, PlannedRequirement,
    ReleaseIdentity, RunId, Scope, SubjectIdentity, Undecided,
};
use crate::verdict::Verdict;
use crate::waiver::Waiver;

fn requirement(id: &str, level: Level, title: &str, lanes: &[Lane], decisive: &[Lane]) -> PlannedRequirement {
    PlannedRequirement {
        id: id.into(),
        area: id.split('-').next().unwrap().into(),
        level,
        title: title.into(),
        source: "S0: \"fail if ... key is empty\"".into(),
        since: "1.0".into(),
        lanes: lanes.into(),
        decisive: decisive.into(),
        remedy: "set database.sslmode=verify-full".into(),
    }
}

fn contract() -> Vec<PlannedRequirement> {
    use Lane::{Live, Rendered};
    vec![
        requirement("RENDER-01", Level::Must, "An empty CA key fails the render", &[Rendered], &[Rendered]),
        requirement("RENDER-14", Level::Should, "A value that users set is read", &[Rendered], &[Rendered]),
        requirement("CA-06", Level::Must, "The client verifies the server", &[Rendered, Live], &[Live]),
    ]
}

fn key(overlay: &str, id: &str, lane: Lane) -> Key {
    Key { subject: "agents".into(), overlay: overlay.into(), id: id.into(), lane }
}

/// A full plan for one subject under two overlays.
fn plan() -> Plan {
    let overlays = ["local", "production"];
    let requirements = contract();
    let cells = overlays.iter().flat_map(|overlay| {
        requirements
            .iter()
            .flat_map(move |requirement| requirement.lanes.iter().map(move |lane| key(overlay, &requirement.id, *lane)))
    });
    let items = cells.map(|key| PlanItem { key, disposition: Disposition::Judge }).collect();
    Plan {
        run: RunId::known("20261122-1412-k3f9"),
        started: "2026-11-22T14:12:01Z".parse().unwrap(),
        harness: "0.1.0".into(),
        contract: "1.0".into(),
        profile: Some("cnpg-app@1".into()),
        waivers: vec![],
        notes: vec![],
        scope: Scope::Full,
        strict: false,
        undecided: Undecided::Incomplete,
        command: ["holdfast", "run", "--subject", "subjects/agents.yaml"].map(Into::into).into(),
        subjects: vec![SubjectIdentity {
            name: "agents".into(),
            overlays: overlays.map(Into::into).into(),
            contract: Some("1.0".into()),
            profile: Some("cnpg-app@1".into()),
            claims: vec![],
            releases: vec![ReleaseIdentity {
                name: "agents".into(),
                chart: ChartIdentity {
                    name: "agents".into(),
                    version: "0.3.0".into(),
                    digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
                    folder: Some("charts/agents".into()),
                },
            }],
            images: vec![],
        }],
        environment: [("kubernetes".to_owned(), "v1.36.1".to_owned())].into(),
        items,
        requirements,
        private: None,
    }
}

fn holds() -> Judgement {
    Judgement { verdict: Verdict::Holds, reason: None, examined: 1, findings: vec![finding(Outcome::Met)] }
}

fn finding(outcome: Outcome) -> Finding {
    Finding {
        place: Place {
            template: Some("agents/templates/controllers.yaml".into()),
            line: Some(41),
            ..Place::object("deployment/agents-controllers").container("controllers")
        },
        what: "sessions under a foreign CA".into(),
        expected: "none".into(),
        observed: "3 (plaintext, from 12:01:07.113)".into(),
        outcome,
    }
}

fn violated() -> Judgement {
    let control = Finding {
        what: "sessions with the right CA".into(),
        expected: "some".into(),
        observed: "3".into(),
        ..finding(Outcome::ControlMet)
    };
    Judgement {
        verdict: Verdict::Violated,
        reason: None,
        examined: 1,
        findings: vec![control, finding(Outcome::Violated)],
    }
}

/// A waiver of a requirement of the subject, by the owner of the gate.
fn waiver(id: &str, until: &str) -> Waiver {
    Waiver {
        id: id.into(),
        subject: "agents".into(),
        overlay: None,
        lane: None,
        reason: "the new driver comes in January".into(),
        owner: "platform-team".into(),
        expires: until.parse().unwrap(),
    }
}

fn unchecked(reason: &str) -> Judgement {
    Judgement::without_check(Verdict::Unchecked, reason)
}

/// What happens in a run, second by second.
struct Story {
    plan: Plan,
    chronicle: Chronicle,
}

impl Story {
    /// A run that has begun.
    fn begun(plan: Plan) -> Self {
        let run = plan.run.clone();
        Self { plan, chronicle: Chronicle::default() }.then(Event::RunStarted { run })
    }

    /// A run in which everything holds, up to its end.
    fn good() -> Self {
        Self::judging(plan(), |_| holds()).then(Event::RunFinished)
    }

    /// A run that has begun, and judged all that its plan lists.
    fn judging(plan: Plan, judge: impl Fn(&Key) -> Judgement) -> Self {
        let judged: Vec<Key> = plan
            .items
            .iter()
            .filter(|item| item.disposition == Disposition::Judge)
            .map(|item| item.key.clone())
            .collect();
        judged.into_iter().fold(Self::begun(plan), |story, key| {
            let judgement = judge(&key);
            story.judged(key, judgement)
        })
    }

    fn then(mut self, event: Event) -> Self {
        let second = i64::try_from(self.chronicle.entries.len()).unwrap();
        let at = Timestamp::from_second(self.plan.started.as_second() + second).unwrap();
        self.chronicle.entries.push(Entry { at, event });
        self
    }

    fn judged(self, key: Key, judgement: Judgement) -> Self {
        let evidence = match key.lane {
            Lane::Rendered => vec![],
            Lane::Live => vec![format!("records/agents-{}-foreign-ca.json", key.overlay)],
        };
        self.then(Event::Judged { key, judgement, seconds: 0.012_345, evidence })
    }

    fn report(&self) -> Report {
        Report::assemble(&self.plan, &self.chronicle)
    }
}

/// A run with one of everything that a reader may meet.
fn eventful() -> Story {
    let mut plan = plan();
    plan.items[1].disposition =
        Disposition::Settled { verdict: Verdict::NotApplicable, reason: "the chart has no values <of its own>".into() };
    let images = vec![ImageIdentity {
        reference: "example.org/agents/server:1.4.2".into(),
        digest: Some("sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into()),
    }];
    let judge = |key: &Key| match (key.overlay.as_str(), key.id.as_str(), key.lane) {
        (_, "CA-06", Lane::Live) => violated(),
        ("production", "RENDER-14", _) => Judgement { findings: vec![finding(Outcome::Violated)], ..violated() },
        ("production", "RENDER-01", _) => Judgement {
            verdict: Verdict::Unchecked,
            reason: Some("values come from a store".into()),
            examined: 0,
            findings: vec![Finding { observed: "ask the store".into(), ..finding(Outcome::Undecided) }],
        },
        _ => holds(),
    };
    Story::judging(plan, judge)
        .then(Event::ImagesObserved { subject: "agents".into(), images })
        .then(Event::EnvironmentObserved { facts: [("cloudnative-pg".to_owned(), "1.27.1".to_owned())].into() })
        .then(Event::ExperimentFailed {
            experiment: Experiment::RotateCa,
            subject: "agents".into(),
            overlay: "local".into(),
            reason: "hand the new CA over: conflict".into(),
        })
        .then(Event::NotMasked { credentials: vec!["redis/password".into()] })
        .then(Event::RunFinished)
}
