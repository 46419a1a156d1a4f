//! A run directory in every state in which a run can be left behind.

use std::io::Write;

use camino::Utf8PathBuf;
use rstest::rstest;

use super::{holds, key, plan, waiver};
use crate::exit::{BROKE, HOLDS, INCOMPLETE};
use crate::feature::Feature;
use crate::redact::{PrivateRoom, Sink};
use crate::report::{Report, ReportError, WaiverState, conclude};
use crate::requirement::Lane;
use crate::run::{Disposition, Event, Journal, Plan, RunDirectory, RunError};
use crate::verdict::Verdict;

const CANARY: &str = "p@ss/wörd:w#r?d%+ &";

struct Bench {
    _guard: tempfile::TempDir,
    base: Utf8PathBuf,
    directory: RunDirectory,
    room: PrivateRoom,
    sink: Sink,
    plan: Plan,
}

impl Bench {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
        let base = root.join("target/holdfast");
        let (directory, room) = RunDirectory::create(&base, &root).unwrap();
        let sink = Sink::new(room.redactor().unwrap());
        sink.redactor().register("canary", CANARY).unwrap();
        let plan = Plan { run: directory.id().clone(), private: Some(room.folder().to_owned()), ..plan() };
        Self { _guard: guard, base, directory, room, sink, plan }
    }

    fn begin(&self) -> Journal {
        self.directory.begin(&self.plan, &self.sink).unwrap()
    }

    fn judge_all(&self, journal: &Journal) {
        for item in &self.plan.items {
            let mut judgement = holds();
            judgement.findings[0].observed = format!("connected with {CANARY}");
            let event = Event::Judged { key: item.key.clone(), judgement, seconds: 0.5, evidence: vec![] };
            journal.record(event).unwrap();
        }
    }

    fn journal_file(&self) -> Utf8PathBuf {
        let mut files = self.directory.path().join("journal").read_dir_utf8().unwrap();
        files.next().unwrap().unwrap().into_path()
    }
}

#[test]
fn a_run_that_comes_to_its_end_passes_and_keeps_no_credential() {
    let bench = Bench::new();
    let journal = bench.begin();
    bench.judge_all(&journal);
    let report = conclude(&bench.directory, &journal, &bench.sink, bench.room.clone()).unwrap();
    assert_eq!((report.exit_code, report.problems.len()), (HOLDS, 0), "{:?}", report.problems);
    assert!(!bench.room.folder().exists(), "the private folder is still there");
    for file in ["report.json", "junit.xml", "summary.md", "plan.json"] {
        let content = std::fs::read_to_string(bench.base.join("latest").join(file)).unwrap();
        assert!(!content.contains("w#r?d"), "{file} holds the canary");
    }
    assert_eq!(report.results[0].findings[0].observed, "connected with [redacted:canary]");
    assert_eq!(Report::from_run(&RunDirectory::find(&bench.base, None).unwrap()).unwrap(), report);
}

#[test]
fn a_credential_that_got_past_the_mask_fails_the_run() {
    let bench = Bench::new();
    let journal = bench.begin();
    bench.judge_all(&journal);
    std::fs::write(bench.directory.diagnostics().join("pod.log"), format!("dsn with {CANARY}")).unwrap();
    let report = conclude(&bench.directory, &journal, &bench.sink, bench.room.clone()).unwrap();
    assert_eq!(report.exit_code, BROKE);
    assert_eq!(
        report.problems,
        ["credential canary stands in diagnostics/pod.log, as it is; do not pass the artefacts on"]
    );
    assert!(!bench.room.folder().exists());
}

#[rstest]
#[case::at_the_start(0)]
#[case::after_one_judgement(1)]
#[case::after_all_but_one(7)]
#[case::after_the_last(8)]
fn a_run_that_was_killed_is_incomplete_at_whatever_moment(#[case] judged: usize) {
    let bench = Bench::new();
    let journal = bench.begin();
    for item in &bench.plan.items[..judged] {
        let event = Event::Judged { key: item.key.clone(), judgement: holds(), seconds: 0.5, evidence: vec![] };
        journal.record(event).unwrap();
    }
    let report = Report::from_run(&bench.directory).unwrap();
    assert_eq!((report.exit_code, report.complete, report.conformant), (INCOMPLETE, false, false));
    assert_eq!(report.statistics.results.holds, judged);
}

#[test]
fn every_prefix_of_a_journal_makes_a_report_that_does_not_pass() {
    let bench = Bench::new();
    let journal = bench.begin();
    bench.judge_all(&journal);
    journal.record(Event::RunFinished).unwrap();
    assert_eq!(Report::from_run(&bench.directory).unwrap().exit_code, HOLDS);
    let file = bench.journal_file();
    let whole = std::fs::read(&file).unwrap();
    for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        std::fs::write(&file, &whole[..length]).unwrap();
        let report = Report::from_run(&bench.directory).unwrap();
        assert_eq!((report.exit_code, report.problems.len()), (INCOMPLETE, 0), "cut at {length}");
    }
}

#[test]
fn a_line_that_was_damaged_later_makes_the_report_unsound() {
    let bench = Bench::new();
    let journal = bench.begin();
    bench.judge_all(&journal);
    journal.record(Event::RunFinished).unwrap();
    let file = bench.journal_file();
    let content = std::fs::read_to_string(&file).unwrap().replacen("\"holds\"", "\"passed\"", 1);
    std::fs::write(&file, content).unwrap();
    let report = Report::from_run(&bench.directory).unwrap();
    assert_eq!(report.exit_code, BROKE);
    assert!(report.problems[0].contains("line 2: unknown variant `passed`"), "{:?}", report.problems);
}

#[test]
fn journals_of_several_processes_are_one_story() {
    let bench = Bench::new();
    let first = bench.begin();
    let second = bench.directory.journal(&bench.sink).unwrap();
    for (index, item) in bench.plan.items.iter().enumerate() {
        let event = Event::Judged { key: item.key.clone(), judgement: holds(), seconds: 0.5, evidence: vec![] };
        if index % 2 == 0 { &first } else { &second }.record(event).unwrap();
    }
    first.record(Event::RunFinished).unwrap();
    assert_eq!(Report::from_run(&bench.directory).unwrap().exit_code, HOLDS);
    assert_eq!(bench.directory.path().join("journal").read_dir_utf8().unwrap().count(), 2);
}

#[test]
fn an_empty_line_of_a_dying_process_does_not_hide_the_rest() {
    let bench = Bench::new();
    let journal = bench.begin();
    let key = key("local", "RENDER-01", Lane::Rendered);
    journal.record(Event::Judged { key, judgement: holds(), seconds: 0.5, evidence: vec![] }).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(bench.journal_file()).unwrap();
    file.write_all(b"{\"at\":\"2026-11-22T14:12:01Z\",\"event\":\"run-fini").unwrap();
    let report = Report::from_run(&bench.directory).unwrap();
    assert_eq!(report.results[0].verdict, Verdict::Holds);
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
}

#[test]
fn what_the_gate_gave_is_part_of_what_a_run_leaves() {
    let mut bench = Bench::new();
    bench.plan.waivers = vec![waiver("CA-06", "2027-01-31")];
    for item in bench.plan.items.iter_mut().filter(|item| item.key.id == "CA-06") {
        item.disposition = Disposition::Demanded { features: vec![Feature::Ca] };
    }
    let journal = bench.begin();
    for item in bench.plan.items.iter().filter(|item| item.disposition == Disposition::Judge) {
        let event = Event::Judged { key: item.key.clone(), judgement: holds(), seconds: 0.5, evidence: vec![] };
        journal.record(event).unwrap();
    }
    journal.record(Event::RunFinished).unwrap();
    let report = Report::from_run(&bench.directory).unwrap();
    assert_eq!((report.exit_code, report.waivers[0].state), (HOLDS, WaiverState::Used), "{:?}", report.problems);
    assert_eq!(report.results.iter().filter(|result| result.demanded == [Feature::Ca]).count(), 4);
}

#[test]
fn a_run_without_a_plan_says_that_nothing_was_judged() {
    let bench = Bench::new();
    assert!(matches!(Report::from_run(&bench.directory), Err(ReportError::Run(RunError::Unplanned { .. }))));
}

#[test]
fn the_latest_run_is_the_one_that_was_planned_last() {
    let bench = Bench::new();
    bench.begin();
    let (next, _room) = RunDirectory::create(&bench.base, bench.base.parent().unwrap()).unwrap();
    let latest = || RunDirectory::find(&bench.base, None).unwrap().id().clone();
    assert_eq!(latest(), *bench.directory.id());
    next.begin(&Plan { run: next.id().clone(), ..plan() }, &bench.sink).unwrap();
    assert_eq!(latest(), *next.id());
    assert!(matches!(RunDirectory::find(&bench.base, Some("gone")), Err(RunError::Unknown { .. })));
}
