//! RENDER-13: every reference has a producer.
//!
//! A Secret, a key or a store is referred to by a name that nothing checks: a typo renders, lints and applies, and the
//! pod waits with `CreateContainerConfigError` until somebody looks. So every reference of every workload is traced to
//! who makes it: this release, an operator by its known outputs, a companion, or whom the subject declares. An object
//! that is rendered without data is there for somebody else to fill, a controller or a Job, and may get any key. A bare
//! chart cannot declare anybody, so there a Secret from elsewhere stays open instead of being called wrong.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::SETTLED;
use harness::graph::{Producer, RefKind, Reference};
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

/// Every reference has a producer.
pub const RENDER_13: Requirement = Requirement {
    id: "RENDER-13",
    title: "Every referenced Secret, ConfigMap key and store has a producer",
    level: Level::Must,
    source: "S2: \"reference missing ExternalSecrets\", \"could not get ClusterSecretStore\"",
    since: "1.0",
    revision: 2,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "correct the name or the key, render the object, or declare in the subject file who provides it \
             (`external`, or `provides` of a companion)",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let named = |reference: &&Reference| !reference.optional && !is_about_something_else(reference);
    let references: Vec<&Reference> = subject.references().iter().filter(named).collect();
    let mut open: Vec<&Reference> = Vec::new();
    for reference in &references {
        if reference.name.is_empty() {
            let what = format!("name of the {} that it refers to", reference.kind);
            check.expect(reference, what, &"none", that("a name", |name: &&str| *name != "none"));
            continue;
        }
        match subject.producer(reference) {
            Producer::Nobody if !subject.subject().is_declared() => open.push(reference),
            producer => {
                let known = that("somebody who makes it", |text: &str| text.starts_with("made by"));
                check.expect(
                    reference,
                    format!("producer of {reference}"),
                    describe(&producer, reference, subject).as_str(),
                    known,
                );
            }
        }
    }
    leave_open(&open, check);
    if references.is_empty() {
        check.not_applicable("no workload refers to a Secret, a ConfigMap or a store");
    }
}

/// What a bare chart may be given by somebody else: one finding for all who refer to the same.
fn leave_open(open: &[&Reference], check: &mut Check) {
    for (index, reference) in open.iter().enumerate() {
        let target = reference.target();
        if open[..index].iter().any(|other| other.target() == target) {
            continue;
        }
        let same: Vec<&&Reference> = open[index..].iter().filter(|other| other.target() == target).collect();
        let mut keys: Vec<&str> = same.iter().filter_map(|other| other.key.as_deref()).collect();
        keys.sort_unstable();
        keys.dedup();
        let keys = if keys.is_empty() { String::new() } else { format!("[{}]", keys.join(", ")) };
        let more = if same.len() == 1 { String::new() } else { format!("; {} more refer to it", same.len() - 1) };
        let hint = format!("the chart does not make it; a subject file tells who does: `external: [{target}]`{more}");
        check.undecided(*reference, format!("producer of {target}{keys}"), hint);
    }
}

/// Accounts and volumes have rules of their own.
fn is_about_something_else(reference: &Reference) -> bool {
    matches!(reference.kind, RefKind::ServiceAccount | RefKind::Claim)
}

fn describe(producer: &Producer, reference: &Reference, subject: &Rendered) -> String {
    match producer {
        Producer::Known(by) => format!("made by {by}"),
        Producer::WithoutKey { producer, keys } => {
            format!("{producer} makes it without that key; it has {}", keys.join(", "))
        }
        Producer::Nobody => {
            let mut writers = subject.graph().writers(&reference.name).into_iter();
            let elsewhere = writers.find_map(|writer| Some((writer.by, writer.namespace?)));
            let elsewhere = elsewhere.filter(|_| reference.kind == RefKind::Secret);
            elsewhere.map_or("nobody".into(), |(by, namespace)| format!("nobody there; in namespace {namespace}, {by}"))
        }
    }
}

/// What the kubelet says when something that a container refers to is not there.
const MISSING: &[&str] = &["CreateContainerConfigError", "FailedMount"];

const WAITS_FOR: &str = "what the pod waits for";

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    let settled = install.at(SETTLED);
    for pod in &settled.pods {
        let waiting = pod.waiting.iter().filter(|text| MISSING.iter().any(|reason| text.starts_with(reason)));
        // A volume may be late and then come; what a pod still waits for never came.
        let warned = settled.warnings.get(&pod.name).into_iter().flatten().filter(|_| !pod.ready);
        let warned =
            warned.filter(|text| text.contains("not found") && MISSING.iter().any(|reason| text.starts_with(reason)));
        let missing: Vec<&String> = waiting.chain(warned).collect();
        // A container whose image the node has not resolved was never started, for a reason that may be a reference.
        let started = pod.ready || pod.images.values().any(|image| !image.id.is_empty());
        if missing.is_empty() && !started {
            check.undecided(pod, WAITS_FOR, "none of its containers was started, and nothing says why");
            continue;
        }
        check.expect(pod, WAITS_FOR, missing.as_slice(), empty());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use camino::Utf8Path;
    use harness::check::Check;
    use harness::experiment::SETTLED;
    use harness::record::{Experiment, PodImage};
    use harness::rendered::Rendered;
    use harness::subject::Subject;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::RENDER_13;
    use crate::testing::{judge_live, judge_manifests, moment, pod, record};

    const AGENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/subjects/agents.yaml");

    fn judge(subject: Subject, reference: &str) -> Verdict {
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, env: [{reference}]}}]}}}}"
        );
        let rendered = Rendered::of_manifests(Arc::new(subject), &text).unwrap();
        let mut check = Check::new();
        RENDER_13.rendered.unwrap()(&rendered, &mut check);
        check.judge().verdict
    }

    fn key_of(secret: &str, key: &str) -> String {
        format!("{{name: URL, valueFrom: {{secretKeyRef: {{name: {secret}, key: {key}}}}}}}")
    }

    #[rstest]
    #[case::made_by_the_operator(&key_of("agents-db-app", "uri"), Holds)]
    #[case::without_the_key(&key_of("agents-db-app", "url"), Violated)]
    #[case::made_by_nobody(&key_of("agent-db-app", "uri"), Violated)]
    #[case::no_reference("{name: URL, value: x}", NotApplicable)]
    fn a_declared_subject_says_who_makes_what(#[case] reference: &str, #[case] verdict: Verdict) {
        assert_eq!(judge(Subject::read(Utf8Path::new(AGENTS)).unwrap(), reference), verdict);
    }

    #[rstest]
    #[case::the_same("namespace: shop", "namespace: shop", Holds)]
    #[case::another("namespace: shop", "namespace: mail", Violated)]
    #[case::one_beside_that_of_the_release("", "namespace: mail", Violated)]
    #[case::one_from_which_it_is_spread(
        "",
        "namespace: mail, annotations: {replicator.v1.mittwald.de/replicate-to: '*'}",
        Holds
    )]
    fn a_secret_is_found_in_its_own_namespace(#[case] pod: &str, #[case] secret: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a, {pod}}}, spec: {{containers: [{{name: a, env: [{}]}}]}}}}\n---\n{{apiVersion: v1, kind: Secret, metadata: {{name: own, {secret}}}, data: {{uri: eA==}}}}",
            key_of("own", "uri")
        );
        let subject = Subject::read(Utf8Path::new(AGENTS)).unwrap();
        let rendered = Rendered::of_manifests(Arc::new(subject), &text).unwrap();
        let mut check = Check::new();
        RENDER_13.rendered.unwrap()(&rendered, &mut check);
        assert_eq!(check.judge().verdict, verdict);
    }

    #[rstest]
    #[case::a_config_map_for_a_ca_that_is_injected(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: own, labels: {config.openshift.io/inject-trusted-cabundle: 'true'}}}",
        "volumes: [{name: v, configMap: {name: own, items: [{key: ca-bundle.crt, path: tls-ca-bundle.pem}]}}], containers: []",
        Holds
    )]
    #[case::a_secret_for_a_token(
        "{apiVersion: v1, kind: Secret, metadata: {name: own, annotations: {kubernetes.io/service-account.name: default}}, type: kubernetes.io/service-account-token}",
        "containers: [{name: a, env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: own, key: token}}}]}]",
        Holds
    )]
    #[case::a_secret_for_a_job_to_patch(
        "{apiVersion: v1, kind: Secret, metadata: {name: own}, data: {}}",
        "containers: [{name: a, env: [{name: URL, valueFrom: {secretKeyRef: {name: own, key: uri}}}]}]",
        Holds
    )]
    #[case::what_has_another_key(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: own}, data: {ca.crt: x}}",
        "volumes: [{name: v, configMap: {name: own, items: [{key: ca-bundle.crt, path: tls-ca-bundle.pem}]}}], containers: []",
        Violated
    )]
    fn somebody_else_may_fill(#[case] object: &str, #[case] pod: &str, #[case] verdict: Verdict) {
        let text = format!("{object}\n---\n{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{{pod}}}}}");
        assert_eq!(judge_manifests(&RENDER_13, &text), verdict);
    }

    #[rstest]
    #[case::its_secrets("somebody-elses", Unchecked)]
    #[case::no_secret_without_a_name("", Violated)]
    fn a_bare_chart_may_be_given(#[case] secret: &str, #[case] verdict: Verdict) {
        assert_eq!(judge(Subject::of_manifests("stdin"), &key_of(&format!("'{secret}'"), "uri")), verdict);
    }

    #[test]
    fn what_many_refer_to_is_left_open_once() {
        let both = [key_of("somebody-elses", "uri"), key_of("somebody-elses", "uri").replace("URL", "DSN")].join(", ");
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, env: [{both}]}}]}}}}"
        );
        let rendered = Rendered::of_manifests(Arc::new(Subject::of_manifests("stdin")), &text).unwrap();
        let mut check = Check::new();
        RENDER_13.rendered.unwrap()(&rendered, &mut check);
        let [finding] = check.findings() else { panic!("expected one, got {:?}", check.findings()) };
        assert!(finding.observed.ends_with("1 more refer to it"), "{}", finding.observed);
    }

    #[rstest]
    #[case::nothing_missing(None, "sha256:8f4d", true, Holds)]
    #[case::waits_for_a_secret(Some("CreateContainerConfigError: secret \"a\" not found"), "", false, Violated)]
    #[case::waits_for_something_else(Some("CrashLoopBackOff"), "sha256:8f4d", false, Holds)]
    #[case::was_never_started(Some("ContainerCreating"), "", false, Unchecked)]
    fn a_pod_that_waits_for_a_reference_tells(
        #[case] waiting: Option<&str>,
        #[case] image: &str,
        #[case] ready: bool,
        #[case] verdict: Verdict,
    ) {
        let mut pod = pod("deployment/agents", "a");
        pod.waiting = waiting.map(str::to_owned);
        let reference = "example.org/agents/server:1.4.2".to_owned();
        pod.images.insert("server".into(), PodImage { reference, id: image.into(), stands_for: None });
        pod.ready = ready;
        assert_eq!(judge_live(&RENDER_13, [record(Experiment::Install, [moment(SETTLED, 10, [pod])])]), verdict);
    }

    #[test]
    fn a_volume_that_never_came_tells() {
        let mut pod = pod("deployment/agents", "a");
        pod.ready = false;
        let mut settled = moment(SETTLED, 10, [pod.clone()]);
        let warning = "FailedMount: MountVolume.SetUp failed: secret \"a\" not found".to_owned();
        settled.warnings.insert(pod.name, vec![warning]);
        assert_eq!(judge_live(&RENDER_13, [record(Experiment::Install, [settled])]), Violated);
    }
}
