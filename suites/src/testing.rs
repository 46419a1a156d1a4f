//! Records and manifests made by hand, for the tests of checks.
//!
//! Each test starts from a record in which everything is right and spoils one thing.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness::check::Check;
use harness::feature::Feature;
use harness::finding::Outcome;
use harness::judge::judge_rendered;
use harness::probe::{Certificate, LoggedLogin, Served, Session};
use harness::record::{
    Experiment, InspectedCa, InspectedCertificate, InspectedMount, Inspection, PodState, Record, Snapshot, Step,
};
use harness::rendered::Rendered;
use harness::requirement::Requirement;
use harness::subject::Subject;
use harness::verdict::Verdict;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Midday of some day, and a number of seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// What the live check of a requirement says of records.
pub(crate) fn judge_live(requirement: &Requirement, records: impl IntoIterator<Item = Record>) -> Verdict {
    let mut check = Check::new();
    requirement.live.expect("the requirement has a live check")(&records.into_iter().collect(), &mut check);
    check.judge().verdict
}

/// What the rendered check of a requirement says of manifests that came without a chart.
pub(crate) fn judge_manifests(requirement: &Requirement, manifests: &str) -> Verdict {
    let subject = Arc::new(Subject::of_manifests("test"));
    judge_rendered(&Rendered::of_manifests(subject, manifests).unwrap(), requirement).verdict
}

/// The same where a feature is claimed of them.
pub(crate) fn judge_promised(requirement: &Requirement, manifests: &str, feature: Feature) -> Verdict {
    let mut subject = Subject::of_manifests("test");
    subject.demand([feature]);
    judge_rendered(&Rendered::of_manifests(Arc::new(subject), manifests).unwrap(), requirement).verdict
}

/// The places that the rendered check of a requirement blames in manifests that came without a chart.
pub(crate) fn blamed_in(requirement: &Requirement, manifests: &str) -> Vec<String> {
    let subject = Arc::new(Subject::of_manifests("test"));
    let judgement = judge_rendered(&Rendered::of_manifests(subject, manifests).unwrap(), requirement);
    let blamed = judgement.findings.into_iter().filter(|finding| finding.outcome == Outcome::Violated);
    blamed.map(|finding| finding.place.to_string()).collect()
}

/// The same where a subject file tells what the manifests leave open, that of `agents`.
pub(crate) fn judge_declared(requirement: &Requirement, manifests: &str) -> Verdict {
    judge_as("agents", requirement, manifests)
}

/// The same where a subject file tells of a bundled server, the StatefulSet `certctl-postgres`.
pub(crate) fn judge_bundled(requirement: &Requirement, manifests: &str) -> Verdict {
    judge_as("certctl", requirement, manifests)
}

/// The same where a subject file says that `cronjob/ca-sync` copies the key `ca.crt` of `platform-db-ca`.
pub(crate) fn judge_copier(requirement: &Requirement, manifests: &str) -> Verdict {
    judge_as("specimens/ca-sync", requirement, manifests)
}

/// The same where the file of some subject tells it.
pub(crate) fn judge_as(subject: &str, requirement: &Requirement, manifests: &str) -> Verdict {
    let file = format!("{}/../fixtures/subjects/{subject}.yaml", env!("CARGO_MANIFEST_DIR"));
    let subject = Arc::new(Subject::read(camino::Utf8Path::new(&file)).unwrap());
    judge_rendered(&Rendered::of_manifests(subject, manifests).unwrap(), requirement).verdict
}

/// A Job that runs a script, with annotations.
pub(crate) fn copying(annotations: &str, script: &str) -> String {
    let script = if script.is_empty() {
        "kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}' | kubectl apply -f -"
    } else {
        script
    };
    let indented = script.replace('\n', "\n              ");
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: copy, annotations: {{{annotations}}}}}\nspec:\n  template:\n    spec:\n      containers:\n        - name: copy\n          command: [sh, -c]\n          args:\n            - |\n              {indented}\n"
    )
}

/// What the rendered check of a requirement says of a script that runs on a schedule.
pub(crate) fn judge_script(requirement: &Requirement, script: &str) -> Verdict {
    let indented = script.replace('\n', "\n                  ");
    let text = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: copy}}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n            - name: copy\n              command: [sh, -c]\n              args:\n                - |\n                  {indented}\n"
    );
    judge_manifests(requirement, &text)
}

/// A record that came to its end.
pub(crate) fn record(experiment: Experiment, snapshots: impl IntoIterator<Item = Snapshot>) -> Record {
    Record {
        experiment,
        subject: "agents".into(),
        overlay: "production".into(),
        production: true,
        namespace: "hf-test".into(),
        began: at(0),
        ended: at(300),
        steps: Vec::new(),
        snapshots: snapshots.into_iter().collect(),
        history: None,
        changes: Vec::new(),
        unseen: Vec::new(),
        limits: BTreeMap::new(),
        broken: None,
    }
}

/// A step that was over at a time.
pub(crate) fn step(name: &str, over: i64) -> Step {
    Step { name: name.into(), began: at(over - 1), seconds: 1.0, unmet: None }
}

/// What was seen at a moment, with pods that have one encrypted session each, begun at second `began`.
pub(crate) fn moment(name: &str, began: i64, pods: impl IntoIterator<Item = PodState>) -> Snapshot {
    let pods: Vec<PodState> = pods.into_iter().collect();
    Snapshot {
        moment: name.into(),
        at: at(began + 1),
        sessions: pods.iter().map(|pod| session(pod, began)).collect(),
        logins: pods.iter().map(|pod| logged(pod, began)).collect(),
        pods,
        ..Snapshot::default()
    }
}

/// A ready pod that trusts the CA called `old` and dials with full verification.
pub(crate) fn pod(workload: &str, uid: &str) -> PodState {
    let pod = PodState {
        name: format!("{}-{uid}", workload.replace("deployment/", "")),
        workload: workload.into(),
        is_database: false,
        uid: uid.into(),
        address: Some(format!("address-of-{uid}")),
        ready: true,
        restarts: 0,
        waiting: None,
        images: BTreeMap::new(),
        inspected: Some(Inspection {
            database: json!({"sslmode": "verify-full", "caPathSource": "environment"}),
            ca: None,
            settings: json!({}),
            environment: json!({}),
        }),
    };
    trusting(pod, "old")
}

/// The same pod with another CA.
pub(crate) fn trusting(mut pod: PodState, ca: &str) -> PodState {
    let inspected = pod.inspected.as_mut().expect("a pod that can be asked");
    inspected.ca = Some(InspectedCa {
        path: "/etc/jangar/ca/ca.crt".into(),
        exists: true,
        sha256: Some(format!("file-of-{ca}")),
        certificates: vec![InspectedCertificate { sha256: ca.into(), spki_sha256: format!("key-of-{ca}") }],
        mount: Some(InspectedMount {
            point: "/etc/jangar/ca".into(),
            file_system: "tmpfs".into(),
            read_only: true,
            volume: Some("secret".into()),
        }),
    });
    pod
}

/// A certificate that lives for 90 days from midday on.
pub(crate) fn certificate(name: &str) -> Certificate {
    Certificate {
        subject: format!("CN={name}"),
        issuer: "CN=agents-db".into(),
        sha256: name.into(),
        spki_sha256: format!("key-of-{name}"),
        names: Vec::new(),
        not_before: at(0),
        not_after: at(90 * 86_400),
    }
}

/// What a pod of the database serves, as it verifies.
pub(crate) fn served(pod: &str, leaf: &str) -> Served {
    Served {
        at: at(10),
        endpoint: format!("pod/{pod}"),
        name: "agents-db-rw".into(),
        leaf: certificate(leaf),
        refused: None,
    }
}

/// An encrypted session of a pod.
pub(crate) fn session(pod: &PodState, began: i64) -> Session {
    let client = pod.address.clone().unwrap_or_default();
    Session { role: "app".into(), client, encrypted: true, began: at(began) }
}

/// An encrypted login of a pod.
pub(crate) fn logged(pod: &PodState, when: i64) -> LoggedLogin {
    let client = pod.address.clone().unwrap_or_default();
    LoggedLogin { at: at(when), role: "app".into(), client, encrypted: true }
}
