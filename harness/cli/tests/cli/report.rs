//! `holdfast report` on what a run left behind.

use camino::{Utf8Path, Utf8PathBuf};
use harness::check::Judgement;
use harness::finding::{Finding, Outcome, Place};
use harness::redact::{PrivateRoom, Sink};
use harness::requirement::{Lane, Level};
use harness::run::{
    Disposition, Event, Key, Plan, PlanItem, PlannedRequirement, RunDirectory, Scope, SubjectIdentity, Undecided,
};
use harness::verdict::Verdict;
use rstest::rstest;

use crate::{holdfast, stderr, stdout};

const CANARY: &str = "kX9fT2mQ7rLw";

struct Left {
    folder: tempfile::TempDir,
    directory: RunDirectory,
    room: PrivateRoom,
}

impl Left {
    fn path(&self, file: &str) -> Utf8PathBuf {
        self.directory.path().join(file)
    }
}

/// A run of one MUST that ends after the events.
fn left(events: impl IntoIterator<Item = Event>) -> Left {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap();
    let (directory, room) = RunDirectory::create(&root.join("target/holdfast"), root).unwrap();
    let sink = Sink::new(room.redactor().unwrap());
    let plan = Plan {
        run: directory.id().clone(),
        started: "2026-11-22T14:12:01Z".parse().unwrap(),
        harness: "0.1.0".into(),
        contract: "1.0".into(),
        profile: None,
        waivers: vec![],
        notes: Vec::new(),
        scope: Scope::Full,
        strict: false,
        undecided: Undecided::Incomplete,
        command: vec!["holdfast".into(), "run".into(), "--subject".into(), "my subject.yaml".into()],
        subjects: vec![SubjectIdentity {
            name: "agents".into(),
            overlays: vec!["production".into()],
            contract: None,
            profile: None,
            claims: vec![],
            releases: vec![],
            images: vec![],
        }],
        environment: [].into(),
        requirements: vec![PlannedRequirement {
            id: "CA-06".into(),
            area: "CA".into(),
            level: Level::Must,
            title: "The client verifies the server".into(),
            source: "S0".into(),
            since: "1.0".into(),
            lanes: vec![Lane::Live],
            decisive: vec![Lane::Live],
            remedy: "set database.sslmode=verify-full".into(),
        }],
        items: vec![PlanItem { key: key(), disposition: Disposition::Judge }],
        private: Some(room.folder().to_owned()),
    };
    let journal = directory.begin(&plan, &sink).unwrap();
    for event in events {
        journal.record(event).unwrap();
    }
    Left { folder, directory, room }
}

fn key() -> Key {
    Key { subject: "agents".into(), overlay: "production".into(), id: "CA-06".into(), lane: Lane::Live }
}

fn judged(verdict: Verdict, outcome: Outcome) -> Event {
    let finding = Finding {
        place: Place::object("deployment/agents").container("server"),
        what: "sessions under a foreign CA".into(),
        expected: "none".into(),
        observed: format!("3, dialled with {CANARY}"),
        outcome,
    };
    let judgement = Judgement { verdict, reason: None, examined: 1, findings: vec![finding] };
    Event::Judged { key: key(), judgement, seconds: 0.5, evidence: vec![] }
}

fn holds() -> Event {
    judged(Verdict::Holds, Outcome::Met)
}

fn violated() -> Event {
    judged(Verdict::Violated, Outcome::Violated)
}

#[rstest]
#[case::everything_holds(vec![holds(), Event::RunFinished], 0, "CONFORMANT")]
#[case::violated(vec![violated(), Event::RunFinished], 1, "VIOLATED")]
#[case::killed(vec![holds()], 3, "INCOMPLETE")]
#[case::killed_early(vec![], 3, "INCOMPLETE")]
#[case::interrupted(
    vec![holds(), Event::Interrupted { signal: "SIGINT".into() }, Event::RunFinished], 3, "INCOMPLETE")]
#[case::judged_twice(vec![holds(), holds(), Event::RunFinished], 70, "UNSOUND")]
fn the_exit_code_and_every_file_follow_from_what_was_left(
    #[case] events: Vec<Event>,
    #[case] code: i32,
    #[case] word: &str,
) {
    let left = left(events);
    let output = holdfast(left.folder.path(), &["report"]);
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    assert!(stdout(&output).contains(word), "{}", stdout(&output));
    assert!(stdout(&output).contains("again   holdfast run --subject 'my subject.yaml'"));
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(left.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["exitCode"], code);
    let junit = std::fs::read_to_string(left.path("junit.xml")).unwrap();
    assert_eq!(junit.contains("<failure") || junit.contains("<error"), code != 0, "{junit}");
    assert!(left.path("summary.md").exists());
}

#[test]
fn a_run_is_found_by_its_id_and_by_its_path() {
    let left = left([holds(), Event::RunFinished]);
    for run in [left.directory.id().as_str(), left.directory.path().as_str(), "latest"] {
        assert_eq!(holdfast(left.folder.path(), &["report", run]).status.code(), Some(0), "{run}");
    }
}

#[test]
fn a_credential_that_the_killed_run_knew_is_still_masked() {
    let left = left([]);
    // Written around the sink, as a bug would.
    let journal = left.path("journal/0.jsonl");
    let entry = harness::run::Entry { at: "2026-11-22T14:12:01Z".parse().unwrap(), event: violated() };
    std::fs::write(journal, serde_json::to_string(&entry).unwrap() + "\n").unwrap();
    left.room.redactor().unwrap().register("canary", CANARY).unwrap();
    let output = holdfast(left.folder.path(), &["report"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("dialled with [redacted:canary]"), "{}", stdout(&output));
    for file in ["report.json", "junit.xml", "summary.md"] {
        assert!(!std::fs::read_to_string(left.path(file)).unwrap().contains(CANARY), "{file}");
    }
}

#[test]
fn a_run_without_a_plan_is_incomplete() {
    let left = left([]);
    std::fs::remove_file(left.path("plan.json")).unwrap();
    let output = holdfast(left.folder.path(), &["report"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("nothing was judged; run it again"), "{}", stderr(&output));
}

#[test]
fn a_plan_that_is_no_plan_is_said_with_its_file_and_position() {
    let left = left([]);
    std::fs::write(left.path("plan.json"), "{\"run\": 7}").unwrap();
    let output = holdfast(left.folder.path(), &["report"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("plan.json"), "{}", stderr(&output));
    assert!(stderr(&output).contains("line 1"), "{}", stderr(&output));
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let left = left([holds(), Event::RunFinished]);
    std::fs::create_dir(left.path("report.json")).unwrap();
    let output = holdfast(left.folder.path(), &["report"]);
    assert_eq!(output.status.code(), Some(70));
    assert!(stderr(&output).contains("report.json"), "{}", stderr(&output));
}
