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

/// A client that verifies somehow: how is in a Secret that the manifests do not bring.
const LEFT_OPEN: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: example.org/web:1
        env:
        - {name: PGSSLMODE, value: prefer}
        - {name: PGSSLROOTCERT, value: /etc/web/ca/ca.crt}
        - {name: DATABASE_URL, valueFrom: {secretKeyRef: {name: elsewhere, key: url}}}
        volumeMounts:
        - {name: ca, mountPath: /etc/web/ca}
      volumes:
      - {name: ca, secret: {secretName: db-ca}}
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

#[test]
fn where_nothing_could_be_judged_it_is_said_of_what_and_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("web.yaml"), LEFT_OPEN).unwrap();
    let said = |id: &str| {
        let output = holdfast(folder.path(), &["check", "--manifests", "web.yaml", "--only", id]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        stdout(&output).to_owned()
    };
    let open = said("CA-06");
    let reason = "deployment/web, container web: sslmode: could not tell: Secret elsewhere is not in the manifests";
    assert!(open.contains(&format!("open    CA-06 of web: not told in the rendered lane ({reason}")), "{open}");
    let unclaimed = said("ROT-04");
    let reason = "nothing was judged, so nothing holds: the subject does not claim password.rotation";
    assert!(unclaimed.contains(reason), "{unclaimed}");
    assert!(!unclaimed.contains("was not asked for"), "{unclaimed}");
}

#[rstest]
#[case::text("text", "VIOLATED")]
#[case::junit("junit", "<testsuites")]
#[case::sarif("sarif", "\"2.1.0\"")]
#[case::html("html", "<!doctype html>")]
#[case::summary("summary", "# Holdfast: violated")]
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

const SUBJECT: &str = "\
apiVersion: holdfast.dev/v1
kind: Subject
metadata: {name: web}
contract: '1.0'
claims: [password.rotation]
releases: [{name: web, chart: {path: .}}]
database: {external: {}}
";

/// A chart whose pods take a password of its own Secret, and carry a checksum that a named template makes.
fn chart_with_a_checksum_of(template: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("subject.yaml", SUBJECT.to_owned()),
        ("Chart.yaml", "{apiVersion: v2, name: web, version: 1.0.0}".to_owned()),
        ("values.yaml", "{database: {password: ''}, port: 80}".to_owned()),
        (
            "templates/_pod.tpl",
            format!("{{{{ define \"sum\" }}}}{{{{ include (print .Template.BasePath \"/{template}\") . | sha256sum }}}}{{{{ end }}}}"),
        ),
        (
            "templates/secret.yaml",
            "{apiVersion: v1, kind: Secret, metadata: {name: web}, stringData: {password: '{{ .Values.database.password }}'}}"
                .to_owned(),
        ),
        (
            "templates/other.yaml",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {port: '{{ .Values.port }}'}}".to_owned(),
        ),
        (
            "templates/web.yaml",
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {metadata: {annotations: \
             {checksum/secret: '{{ include \"sum\" . }}'}}, spec: {containers: [{name: web, image: 'example.org/web:1', \
             env: [{name: PGPASSWORD, valueFrom: {secretKeyRef: {name: web, key: password}}}]}]}}}}"
                .to_owned(),
        ),
    ];
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    for (path, text) in files {
        std::fs::write(folder.path().join(path), text).unwrap();
    }
    folder
}

fn rendered_result<'a>(report: &'a Value, id: &str) -> &'a Value {
    let is_meant = |one: &&Value| one["id"] == id && one["lane"] == "rendered";
    report["results"].as_array().unwrap().iter().find(is_meant).unwrap()
}

#[rstest]
#[case::a_guard("RENDER-02", "guards: [database.passwrd]", "`guards`")]
#[case::a_toggle("RENDER-08", "toggles: [database.enbled]", "`toggles`")]
#[case::the_name_of_the_ca(
    "CA-03",
    "database: {external: {}, ca: {nameValue: database.caSecrt}}",
    "`database.ca.nameValue`"
)]
#[case::the_key_of_the_ca(
    "RENDER-01",
    "database: {external: {}, ca: {nameValue: database.password, keyValue: database.caKy}}",
    "`database.ca.keyValue`"
)]
#[case::the_list_of_volumes(
    "RENDER-09",
    "database: {external: {}, ca: {volume: ca, extraVolumesValue: extraVolums}}",
    "`database.ca.extraVolumesValue`"
)]
fn a_value_that_is_misspelt_in_the_subject_file_is_no_defect_of_the_chart(
    #[case] id: &str,
    #[case] line: &str,
    #[case] field: &str,
) {
    let chart = chart_with_a_checksum_of("secret.yaml");
    let subject = match line.starts_with("database") {
        true => SUBJECT.replace("database: {external: {}}", line),
        false => format!("{SUBJECT}{line}\n"),
    };
    std::fs::write(chart.path().join("subject.yaml"), subject.replace("password.rotation", "ca")).unwrap();
    let output = holdfast(chart.path(), &["check", "--subject", "subject.yaml", "--only", id, "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = rendered_result(&report, id);
    assert_eq!(found["verdict"], "unchecked", "{found}");
    assert!(found["findings"].to_string().contains(&format!("spelt right under {field}")), "{found}");
}

#[rstest]
#[case::the_secret("secret.yaml", "holds")]
#[case::something_else("other.yaml", "violated")]
fn a_checksum_restarts_the_pods_if_it_is_of(#[case] template: &str, #[case] verdict: &str) {
    let chart = chart_with_a_checksum_of(template);
    let output =
        holdfast(chart.path(), &["check", "--subject", "subject.yaml", "--only", "ROT-12", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = rendered_result(&report, "ROT-12");
    assert_eq!(found["verdict"], verdict, "{found}");
}
