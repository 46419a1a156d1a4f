//! RENDER-13: every reference has a producer.
//!
//! A Secret, a key or a store is referred to by a name that nothing checks: a typo renders, lints and applies, and the
//! pod waits with `CreateContainerConfigError` until somebody looks. So every reference of every workload is traced to
//! who makes it: this release, an operator by its known outputs, a companion, or whom the subject declares. A bare
//! chart cannot declare anybody, so there a Secret from elsewhere stays open instead of being called wrong.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::{Experiment, Records, SETTLED};
use harness::graph::{Producer, RefKind, Reference};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

/// Every reference has a producer.
pub const RENDER_13: Requirement = Requirement {
    id: "RENDER-13",
    title: "Every referenced Secret, ConfigMap key and store has a producer",
    level: Level::Must,
    source: "S2: \"reference missing ExternalSecrets\", \"could not get ClusterSecretStore\"",
    since: "1.0",
    revision: 1,
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
    for reference in &references {
        match subject.producer(reference) {
            Producer::Nobody if !subject.subject().is_declared() => check.undecided(
                reference,
                format!("producer of {reference}"),
                format!(
                    "it is not in the chart; a subject file tells who provides it: `external: [{}]`",
                    reference.target()
                ),
            ),
            producer => {
                let known = that("somebody who makes it", |text: &str| text.starts_with("made by"));
                check.expect(reference, format!("producer of {reference}"), describe(&producer).as_str(), known);
            }
        }
    }
    if references.is_empty() {
        check.not_applicable("no workload refers to a Secret, a ConfigMap or a store");
    }
}

/// Accounts and volumes have rules of their own.
fn is_about_something_else(reference: &Reference) -> bool {
    matches!(reference.kind, RefKind::ServiceAccount | RefKind::Claim)
}

fn describe(producer: &Producer) -> String {
    match producer {
        Producer::Known(by) => format!("made by {by}"),
        Producer::WithoutKey { producer, keys } => {
            format!("{producer} makes it without that key; it has {}", keys.join(", "))
        }
        Producer::Nobody => "nobody".into(),
    }
}

/// What the kubelet says when something that a container refers to is not there.
const MISSING: &[&str] = &["CreateContainerConfigError", "FailedMount"];

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
        check.expect(pod, "what the pod waits for", missing.as_slice(), empty());
    }
}
