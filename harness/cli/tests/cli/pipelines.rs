//! The pipelines that users copy: their commands work, and their rules are what docs/src/pipelines.md says.
//!
//! A command is a line that begins with `holdfast`, with the lines that a backslash joins to it. It is run as it is
//! written, by bash, in the repository that the page lays out. `check` does its work there; `run` and `sweep` get to
//! the kubeconfig, which is not there: until then everything has proved right.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use camino::Utf8PathBuf;
use harness::subject::Subject;
use harness::waiver::Waiver;
use harness::yaml;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::docs::{Page, copy_of_the_checkout, files_below, root, search_path};
use crate::{stderr, stdout};

const PIPELINES: [&str; 4] = [
    "docs/pipelines/github/gate.yml",
    "docs/pipelines/github/nightly.yml",
    GITLAB,
    "docs/pipelines/jenkins/Jenkinsfile",
];
const GITLAB: &str = "docs/pipelines/gitlab/holdfast.gitlab-ci.yml";
/// What each system has to call.
const COMMANDS: [&str; 4] = ["check", "report", "run", "sweep"];

/// One command of a pipeline.
struct Call {
    path: &'static str,
    text: String,
}

impl Call {
    fn subcommand(&self) -> &str {
        self.text.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of an option.
    fn value(&self, option: &str) -> Option<&str> {
        self.text.split(' ').skip_while(|word| *word != option).nth(1)
    }
}

#[test]
fn every_system_has_each_command_and_none_is_hidden_within_a_line() {
    let calls = calls();
    for system in ["github", "gitlab", "jenkins"] {
        let of_it = calls.iter().filter(|call| call.path.split('/').nth(2) == Some(system));
        let found: BTreeSet<&str> = of_it.map(Call::subcommand).collect();
        assert_eq!(found, BTreeSet::from(COMMANDS), "{system}");
    }
    let named = |line: &&str| COMMANDS.iter().any(|name| line.contains(&format!("holdfast {name}")));
    for path in PIPELINES {
        let text = read(path);
        let code = text.lines().map(str::trim).filter(|line| !line.starts_with('#') && !line.starts_with("//"));
        let hidden: Vec<&str> = code.filter(named).filter(|line| !line.starts_with("holdfast ")).collect();
        assert!(hidden.is_empty(), "{path}: begin a line with each command, else it is not tested: {hidden:?}");
    }
}

#[rstest]
#[case::the_defect_of_the_documentation(("verify-full", "prefer"), 1)]
#[case::mended(("", ""), 0)]
#[case::what_no_template_shows(("claims: [ca.rotation, password.rotation, gitops]", "claims: [gitops]"), 1)]
fn every_check_judges_and_writes_what_is_uploaded(#[case] change: (&str, &str), #[case] code: i32) {
    let (_copy, repository) = repository(change);
    for call in calls().iter().filter(|call| call.subcommand() == "check") {
        let output = bash(&call.text, &repository);
        let said = format!("{}: {}\n{}{}", call.path, call.text, stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{said}");
        let written = call.value("--output").map(|file| fs::read_to_string(repository.join(file)).unwrap());
        match (call.value("--format"), written) {
            (None, None) => assert!(stdout(&output).contains("\n  again   holdfast check "), "{said}"),
            (Some("junit"), Some(text)) => assert!(text.starts_with("<?xml ") && text.contains("</testsuites>")),
            (Some("sarif"), Some(text)) => assert_is_taken_by_code_scanning(&serde_json::from_str(&text).unwrap()),
            _ => panic!("nobody knows what to expect of {said}"),
        }
    }
}

/// GitHub refuses a whole log for one result without a file.
fn assert_is_taken_by_code_scanning(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(uri.is_string(), "{result:#}");
    }
}

#[test]
fn every_command_for_a_cluster_is_right_up_to_the_kubeconfig() {
    let (_copy, repository) = repository(("", ""));
    for call in calls().iter().filter(|call| call.subcommand() != "check") {
        let output = bash(&call.text, &repository);
        let missing = if call.subcommand() == "report" { "find the run target/" } else { "read kubeconfig /nowhere/" };
        assert!(stderr(&output).contains(missing), "{}: {}\n{}", call.path, call.text, stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn only_the_nightly_job_of_gitlab_lets_exit_code_3_through() {
    let jobs = yaml::parse_lenient(&read(GITLAB), GITLAB).unwrap();
    let allowed = |job: &str| jobs[job]["allow_failure"].clone();
    assert_eq!(allowed("holdfast-nightly"), json!({ "exit_codes": [3] }));
    assert_eq!(allowed("holdfast-release"), json!(false));
    for job in ["holdfast-check", ".holdfast", ".holdfast-run"] {
        assert!(jobs[job].is_object() && allowed(job).is_null(), "{job}");
    }
    for path in PIPELINES {
        assert!(!read(path).contains("continue-on-error"), "{path} swallows an exit code");
    }
}

#[test]
fn every_action_is_pinned_to_a_commit() {
    let folders = ["docs/pipelines/github", ".github/workflows"].map(|folder| root().join(folder));
    for path in folders.iter().flat_map(|folder| files_below(folder, "yml")) {
        let text = fs::read_to_string(&path).unwrap();
        let uses = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let actions: Vec<&str> = uses.filter_map(|line| Some(line.split_once("uses: ")?.1)).collect();
        assert!(!actions.is_empty(), "{path:?}");
        for action in actions {
            let commit = action.split(['@', ' ']).nth(1).filter(|_| action.contains(" # v")).unwrap_or_default();
            let is_one = commit.len() == 40 && commit.chars().all(|digit| digit.is_ascii_hexdigit());
            assert!(is_one, "{path:?}: {action} names no commit and version");
        }
    }
}

#[test]
fn our_own_nightly_shows_its_reports_by_the_steps_that_users_copy() {
    let step = |path: &str, job: &str, name: &str| {
        let workflow = yaml::parse_lenient(&read(path), path).unwrap();
        let mut steps = workflow["jobs"][job]["steps"].as_array().unwrap().iter();
        steps.find(|step| step["name"] == name).unwrap().clone()
    };
    for name in ["Upload the reports", "Show the summary"] {
        let copied = step("docs/pipelines/github/nightly.yml", "run", name);
        assert_eq!(step(".github/workflows/nightly.yml", "conformance", name), copied);
    }
}

#[test]
fn the_waivers_that_users_copy_are_read_and_count() {
    let file = |path: &str| Utf8PathBuf::from_path_buf(root().join(path)).unwrap();
    let subject = Subject::read(&file("docs/examples/shop.yaml")).unwrap();
    let waivers = file("docs/pipelines/conformance/waivers.yaml");
    let subjects = [Arc::new(subject)];
    assert_eq!(
        Waiver::read_all(&waivers, suites::CATALOG, &subjects).unwrap(),
        [],
        "nobody who copies it waives a thing"
    );

    let text = fs::read_to_string(&waivers).unwrap().replace("waivers: []", "waivers:");
    let (file, example) = text.split_once("# What an entry looks like:\n#\n").unwrap();
    let example: Vec<&str> = example.lines().map(|line| line.strip_prefix('#').unwrap()).collect();
    let folder = TempDir::new().unwrap();
    let with_example = Utf8PathBuf::from_path_buf(folder.path().join("waivers.yaml")).unwrap();
    fs::write(&with_example, format!("{file}{}\n", example.join("\n"))).unwrap();
    let waivers = Waiver::read_all(&with_example, suites::CATALOG, &subjects).unwrap();
    assert_eq!(waivers[0].subject, "shop");
    assert!(waivers[0].counts_on(jiff::civil::date(2035, 1, 1)), "an example must not expire");
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The commands of all pipelines.
fn calls() -> Vec<Call> {
    let of_file = |path: &'static str| {
        let text = read(path).replace("\\\n", " ");
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.filter(|line| line.starts_with("holdfast ")).map(|text| Call { path, text }).collect::<Vec<_>>()
    };
    PIPELINES.into_iter().flat_map(of_file).collect()
}

/// The repository that docs/src/pipelines.md lays out, below a copy of this checkout: its chart mended, and then this
/// change made to the chart or to the subject file.
fn repository((from, to): (&str, &str)) -> (TempDir, PathBuf) {
    let copy = copy_of_the_checkout();
    let repository = copy.path().join("shop-repository");
    let page = Page::read(&root().join("docs/src/pipelines.md"));
    bash(&page.blocks.iter().find(|block| block.is_marked("exit-1")).unwrap().text, copy.path());
    for path in ["conformance/subject.yaml", "charts/shop/templates/deployment.yaml"] {
        let path = repository.join(path);
        let mended = fs::read_to_string(&path).unwrap().replace("value: prefer", "value: verify-full");
        fs::write(&path, mended.replace(from, to)).unwrap();
    }
    (copy, repository)
}

fn bash(commands: &str, folder: &Path) -> Output {
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", commands])
        .current_dir(folder)
        .env("PATH", search_path())
        .env("NO_COLOR", "1")
        .envs([("GATE_KUBECONFIG", "/nowhere/gate.kubeconfig"), ("RUNNER_TEMP", "/nowhere")])
        .output()
        .unwrap()
}
