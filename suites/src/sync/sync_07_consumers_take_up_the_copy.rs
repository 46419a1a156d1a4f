//! SYNC-07: consumers take up the copy.
//!
//! The new CA is in the Secret, and the pods have the variables of the time when they started. A variable is never
//! refreshed, a file only where the application reads it again. So each consumer of the copy needs something that
//! restarts it, or the claim that it reads the file anew.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, that};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Container, Fact, RefKind, Use, Workload};
use harness::record::{AFTER, BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::live::{copy, moment_of};
use super::{OWN_PROGRAM, copiers};
use crate::trigger::restart;

/// Consumers take up the copy.
pub const SYNC_07: Requirement = Requirement {
    id: "SYNC-07",
    title: "Whoever reads the copy restarts or reads it again when it changes",
    level: Level::Must,
    source: "S3: \"Reads env vars from infisical-secrets\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::RotateCa],
    decisive: &[Lane::Rendered],
    remedy: "restart the consumers on a change of that Secret (Reloader), or mount it as a folder and claim `ca.rotation`",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for copier in copiers(subject, check) {
        let targets = copier.targets();
        if targets.is_empty() {
            check.undecided(&copier, "which Secret it writes", OWN_PROGRAM);
        }
        for target in &targets {
            let mut read = false;
            for workload in subject.workloads().iter().filter(|workload| !workload.runs_to_an_end()) {
                let Some(in_place) = refreshed(workload, target) else { continue };
                read = true;
                let what = format!("the way of a new copy in {target}");
                match (restart(subject, workload, target, check), in_place) {
                    (Some(Fact::Known(way)), _) => expect_way(workload, &what, &way, check),
                    (Some(Fact::Unknown(hint)), _) => check.undecided(workload, what, hint),
                    (None, true) if subject.subject().claims(Feature::CaRotation) => {
                        expect_way(workload, &what, "the file, read anew", check);
                    }
                    (None, true) if !subject.subject().is_declared() => {
                        let hint = "claim `ca.rotation` in the subject file if the application reads the file anew";
                        check.undecided(workload, what, hint);
                    }
                    (None, _) => expect_way(workload, &what, "none: nothing restarts the pods", check),
                }
            }
            if !read {
                let hint = "nothing that is rendered and stays reads it";
                check.undecided(Place::object(format!("secret/{target}")), "who reads the copy", hint);
            }
        }
    }
}

fn expect_way(workload: &Workload, what: &str, way: &str, check: &mut Check) {
    let some = that("one that ends at the pods", |way: &str| !way.starts_with("none"));
    check.expect(workload, what, way, some);
}

/// Whether the kubelet refreshes the Secret in a workload's pods. `None`: they do not have it.
fn refreshed(workload: &Workload, secret: &str) -> Option<bool> {
    let references = workload.references();
    let mut own = references.iter().filter(|one| one.kind == RefKind::Secret && one.name == secret).peekable();
    own.peek()?;
    let in_files = own.all(|reference| reference.usage == Use::Volume);
    let mounts = workload.containers().iter().flat_map(Container::mounts);
    let parts = mounts.into_iter().any(|mount| {
        mount.sub_path.is_some() && mount.volume.keys().any(|(kind, name)| kind == RefKind::Secret && name == secret)
    });
    Some(in_files && !parts)
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateCa) else { return };
    let (Some(before), Some(after)) = (copy(rotation, BEFORE, check), copy(rotation, AFTER, check)) else { return };
    check.control(after, "whether the copy is another one", &(before.sha256 != after.sha256), equal_to(true));
    let seen = rotation.at(AFTER);
    let readers: Vec<_> = seen.pods.iter().filter(|pod| pod.ca_digest().is_some()).collect();
    let names: Vec<&str> = readers.iter().map(|pod| pod.name.as_str()).collect();
    check.control(moment_of(rotation, AFTER), "pods that say which CA they trust", &names[..], not_empty());
    for pod in readers {
        let state = if pod.ca_digest() == after.sha256.as_deref() { THE_COPY } else { "another one" };
        check.expect(pod, "the CA that it trusts", &state, equal_to(THE_COPY));
    }
}

const THE_COPY: &str = "the copy as it is now";

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::SYNC_07;
    use crate::testing::{copying, judge_manifests};

    const VARIABLE: &str =
        "containers: [{name: a, env: [{name: DB_ROOT_CERT, valueFrom: {secretKeyRef: {name: app-ca, key: ca.crt}}}]}]";
    const FILE: &str = "containers: [{name: a, volumeMounts: [{name: ca, mountPath: /ca}]}], volumes: [{name: ca, secret: {secretName: app-ca}}]";
    const PART: &str = "containers: [{name: a, volumeMounts: [{name: ca, mountPath: /ca.crt, subPath: ca.crt}]}], volumes: [{name: ca, secret: {secretName: app-ca}}]";

    #[rstest]
    #[case::a_variable(VARIABLE, "", Violated)]
    #[case::a_variable_and_a_restart(VARIABLE, "secret.reloader.stakater.com/reload: app-ca", Holds)]
    #[case::a_restart_for_something_else(VARIABLE, "secret.reloader.stakater.com/reload: other", Violated)]
    #[case::a_file(FILE, "", Unchecked)]
    #[case::a_part_of_the_volume(PART, "", Violated)]
    #[case::nothing("containers: [{name: a}]", "", Unchecked)]
    fn a_consumer_reads(#[case] spec: &str, #[case] annotations: &str, #[case] verdict: Verdict) {
        let script = "ca=$(kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}')\nkubectl patch secret app-ca -p \"{\\\"data\\\":{\\\"ca.crt\\\":\\\"$ca\\\"}}\"";
        let consumer = format!(
            "\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a, annotations: {{{annotations}}}}}, spec: {{template: {{spec: {{{spec}}}}}}}}}"
        );
        assert_eq!(judge_manifests(&SYNC_07, &format!("{}{consumer}", copying("", script))), verdict);
    }
}
