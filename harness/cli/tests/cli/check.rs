//! `holdfast check` on manifests: what it says to people and to machines.

use std::io::Write as _;
use std::process::{Command, Stdio};

use rstest::rstest;
use serde_json::Value;

use crate::{holdfast, stderr, stdout};

const SCHEMA: &str = include_str!("../../../schemas/report.v1.json");

/// One client that dials in the clear, with a credential in the open, beside one that takes all from a Secret of others.
const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        image: example.org/web:1
        env:
        - {name: DATABASE_URL, value: 'postgres://app:hunter2hunter2@db/app?sslmode=disable'}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      containers:
      - name: migrate
        image: example.org/web:1
        env:
        - {name: DATABASE_URL, valueFrom: {secretKeyRef: {name: elsewhere, key: url}}}
";

fn checked(format: &str) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("web.yaml"), MANIFESTS).unwrap();
    holdfast(folder.path(), &["check", "--manifests", "web.yaml", "--format", format])
}

#[test]
fn the_report_for_machines_is_valid_under_the_published_schema() {
    let output = checked("json");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!((output.status.code(), &report["exitCode"]), (Some(1), &Value::from(1)), "{}", stderr(&output));
}

#[rstest]
#[case::text("text", "VIOLATED")]
#[case::junit("junit", "<testsuites")]
#[case::sarif("sarif", "\"2.1.0\"")]
fn every_format_tells_every_violation_and_no_credential(#[case] format: &str, #[case] shape: &str) {
    let output = checked(format);
    let said = stdout(&output);
    assert!(said.contains(shape), "{said}");
    for part in ["TLS-01", "RENDER-07", "deployment/web"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert!(!said.contains("hunter2hunter2"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn manifests_are_read_from_standard_input_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .current_dir(folder.path())
        .args(["check", "-", "--only", "TLS-01"])
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(MANIFESTS.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(stdout(&output).contains("deployment/web"), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(1));
}
