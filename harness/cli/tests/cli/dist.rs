//! What `make dist` leaves, where people use it: in a container with nothing else in it, and in the image, on the kind
//! cluster as on one of somebody else's, with the least rights.
//!
//! Ignored by default; `make dist-test` runs it once `make dist` is done and a cluster stands.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use harness::cache::Cache;
use harness::cluster::{DEFAULT_NAME, Handle};
use harness::docker::Docker;
use rstest::rstest;
use serde_json::Value;

/// An image with not one file in it.
const EMPTY: &str = "holdfast.dev/nothing:1";

/// A machine that has containers, what was handed out, and a folder for the reference subjects and for reports.
struct Desk {
    docker: Docker,
    dist: PathBuf,
    work: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist").canonicalize();
        let dist = dist.unwrap_or_else(|error| panic!("find dist: {error}; run `make dist` first"));
        let docker = Docker::find(&Cache::locate().unwrap()).unwrap();
        let desk = Self { docker, dist, work: tempfile::tempdir().unwrap() };
        // Two blocks of zeros are an archive of nothing.
        desk.fed(&["import", "-", EMPTY], &[0; 1024]);
        let examples = desk.work.path().join("examples");
        let output = Command::new(desk.dist.join("holdfast")).arg("examples").arg(examples).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        desk
    }

    fn docker(&self, arguments: &[&str]) -> Output {
        self.docker.command().args(arguments).output().unwrap()
    }

    fn fed(&self, arguments: &[&str], input: &[u8]) {
        let mut child =
            self.docker.command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    }

    /// The image that `make dist` left, by its reference.
    fn image(&self) -> String {
        let archive = self.dist.join("image.tar");
        let loaded = self.docker(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
        let told = String::from_utf8(loaded.stdout.clone()).unwrap();
        told.trim().strip_prefix("Loaded image: ").unwrap_or_else(|| panic!("{}", said(&loaded))).to_owned()
    }

    /// Calls `holdfast` in a container that can write nothing but reports and temporary files.
    fn holdfast(&self, machine: Machine, arguments: &[&str]) -> Output {
        let mounted = |folder: &Path, at: &str| format!("{}:{at}", folder.display());
        let (work, dist) = (mounted(self.work.path(), "/work"), mounted(&self.dist, "/dist:ro"));
        let mut whole =
            vec!["run", "--rm", "--read-only", "--tmpfs", "/tmp", "--network", "kind", "--workdir", "/work"];
        whole.extend(["--volume", &work]);
        let image = match machine {
            Machine::Empty => EMPTY.to_owned(),
            Machine::Image => self.image(),
        };
        match machine {
            Machine::Empty => whole.extend(["--volume", &dist, &image, "/dist/holdfast"]),
            Machine::Image => whole.extend([image.as_str(), "holdfast"]),
        }
        whole.extend(arguments);
        self.docker(&whole)
    }

    /// A kubeconfig that has the least rights on the kind cluster, as an administrator hands it out.
    fn gate(&self) {
        let handle = Handle::read(&Cache::locate().unwrap(), DEFAULT_NAME).unwrap();
        let handle = handle.unwrap_or_else(|| panic!("find the kind cluster; run `holdfast up` first"));
        let rights = Command::new(self.dist.join("holdfast")).arg("rbac").output().unwrap();
        let kubectl = |arguments: &str, input: &[u8]| {
            let mut command = Command::new(self.dist.join("kubectl"));
            command.args(["--kubeconfig", handle.kubeconfig.as_str(), "--context", &handle.context]);
            command.args(arguments.split_whitespace()).current_dir(self.work.path());
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(input).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "kubectl {arguments}");
            String::from_utf8(output.stdout).unwrap()
        };
        kubectl("apply --filename -", &rights.stdout);
        let token = kubectl("create token --namespace holdfast --duration 1h holdfast", b"");
        let authority = kubectl(
            "config view --minify --raw --output jsonpath={.clusters[0].cluster.certificate-authority-data}",
            b"",
        );
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{ "name": "gate", "cluster": {
                "server": format!("https://{DEFAULT_NAME}-control-plane:6443"),
                "certificate-authority-data": authority.trim(),
            } }],
            "users": [{ "name": "holdfast", "user": { "token": token.trim() } }],
            "contexts": [{ "name": "gate", "context": { "cluster": "gate", "user": "holdfast" } }],
        });
        fs::write(self.work.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
    }

    fn report(&self, path: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.work.path().join(path)).unwrap()).unwrap()
    }
}

#[derive(Debug, Clone, Copy)]
enum Machine {
    /// Nothing but what is handed out.
    Empty,
    /// The image of `make dist`.
    Image,
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

#[rstest]
#[case::empty_container(Machine::Empty)]
#[case::image(Machine::Image)]
#[ignore = "needs `make dist` and a kind cluster; `make dist-test` runs it"]
fn a_chart_is_checked(#[case] machine: Machine) {
    let desk = Desk::new();
    let output = desk.holdfast(
        machine,
        &["check", "--subject", "examples/subjects/agents.yaml", "--format", "json", "--output", "report.json"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = desk.report("report.json");
    assert_eq!(report["complete"], true, "{report}");
    let verdicts = report["results"].as_array().unwrap();
    // Without a Helm there would be none.
    assert!(verdicts.iter().filter(|one| one["verdict"] == "holds").count() > 50, "{report}");
}

/// In an empty container there is no shell that could run documented commands; in the image there is.
#[rstest]
#[case::empty_container(Machine::Empty, "CA-01,CA-05,SEC-01")]
#[case::image(Machine::Image, "CA-01,CA-08")]
#[ignore = "needs `make dist` and a kind cluster; `make dist-test` runs it"]
fn a_chart_is_installed_and_judged_with_the_least_rights(#[case] machine: Machine, #[case] only: &str) {
    let desk = Desk::new();
    desk.gate();
    let subject = "examples/subjects/agents.yaml";
    let cluster = ["--context", "gate", "--kubeconfig", "kubeconfig"];
    let run = ["run", "--subject", subject, "--only", only, "--overlay", "production", "--output", "runs"];
    let output = desk.holdfast(machine, &[&run[..], &cluster].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = desk.report("runs/latest/report.json");
    let results = report["results"].as_array().unwrap();
    for id in only.split(',') {
        let told = |one: &&Value| one["id"] == id && one["lane"] == "live" && one["overlay"] == "production";
        let live = results.iter().find(told).unwrap();
        assert_eq!(live["verdict"], "holds", "{live}");
    }
    let swept = desk.holdfast(machine, &[&["sweep"][..], &cluster].concat());
    assert_eq!(swept.status.code(), Some(0), "{}", said(&swept));
}
