//! SYNC-03: what is written is one whole CA.
//!
//! `data` of a Secret is encoded already; a script that encodes it once more writes a text that no driver reads. One
//! that finds nothing writes nothing over what was there, and every client is locked out at its next connection. And a
//! hook that patches a Secret before the release has made it fails in a fresh namespace.

use harness::check::Check;
use harness::expectation::{empty, equal_to, that};
use harness::experiment::{ACROSS, RUN, SETTLED};
use harness::feature::Feature;
use harness::finding::Locate as _;
use harness::record::{AFTER, BEFORE, COPIED_THROUGH, DURING, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::flow::flow;
use super::live::{copy, expect_copied, expect_unchanged};
use super::{Copier, OWN_PROGRAM, copiers};
use crate::order::comes_before;

/// What is written is one whole CA.
pub const SYNC_03: Requirement = Requirement {
    id: "SYNC-03",
    title: "The copy is made when its Secret is there, encoded once, and never from an empty source",
    level: Level::Must,
    source: "S3: \"wave -1 runs BEFORE main resources\", \"Base64 encodes certificate\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::Install, Experiment::CopyAgain],
    decisive: &[Lane::Live],
    remedy: "decode what `data` holds before it is encoded again, end where it is no certificate, and create the Secret \
             instead of patching one that comes later",
    rendered: Some(rendered),
    live: Some(live),
};

const GUARDED: &str = "something that ends the script";

fn rendered(subject: &Rendered, check: &mut Check) {
    for copier in copiers(subject, check) {
        let late: Vec<String> = patched_too_early(subject, &copier);
        check.expect(&copier, "Secrets that it patches before they are there", &late[..], empty());
        let flows = copier.workload.containers().iter().filter_map(|container| flow(container, subject));
        let flows: Vec<_> = flows.collect();
        for flow in &flows {
            let what = "layers of base64 beyond what the Secret takes";
            match flow.extra {
                Some(extra) => {
                    check.expect(&copier, what, &extra, equal_to(0_i64));
                }
                None => check.undecided(
                    &copier,
                    what,
                    "it reads or writes more than one thing, or a field that is not named",
                ),
            }
            let guard = if flow.guarded { GUARDED } else { "nothing" };
            check.expect(&copier, "what notices that there is no CA", &guard, equal_to(GUARDED));
        }
        // What a program of its own does with the CA that the subject declares only a cluster tells.
        if flows.is_empty() && copier.declared.is_none() {
            check.undecided(&copier, "how it writes the CA", OWN_PROGRAM);
        }
    }
}

/// The Secrets that a hook patches and that come after it, by Helm's order or Argo CD's.
fn patched_too_early(subject: &Rendered, copier: &Copier) -> Vec<String> {
    let patched = copier.calls.iter().filter(|call| call.verb == "patch" && call.is_about_a_secret());
    let patched: Vec<&str> = patched.filter_map(|call| call.name.as_deref()).collect();
    let own = subject.manifests().objects().filter(|object| {
        let target = super::sync_04_nobody_else_writes_the_copy::target_of(object);
        target.is_some_and(|target| patched.contains(&target.as_str()))
    });
    let job = copier.workload.object();
    let late = own.filter(|object| comes_before(job, object));
    late.map(|object| object.place().to_string()).collect()
}

fn live(records: &Records, check: &mut Check) {
    if let Some(install) = records.of(Experiment::Install)
        && let Some(copied) = copy(install, SETTLED, check)
    {
        expect_copied(copied, SETTLED, check);
        let some = that("at least one", |count: &usize| *count > 0);
        check.expect(copied, "certificates in the copy", &copied.certificates.unwrap_or_default(), some);
    }
    let Some(again) = records.of(Experiment::CopyAgain) else { return };
    let moments = (copy(again, BEFORE, check), copy(again, DURING, check), copy(again, AFTER, check));
    let (Some(before), Some(emptied), Some(after)) = moments else { return };
    let changed = before.source.is_some() && before.source != emptied.source;
    check.control(emptied, "whether its source was empty for a while", &changed, equal_to(true));
    expect_unchanged(before, emptied, "while its source was empty", check);
    let ended = again.at(DURING).answers.get(&format!("{RUN} 1")).map_or("not run", String::as_str);
    let failed = that("a failure that people see", |ended: &&str| *ended != COPIED_THROUGH);
    check.expect(emptied, "how a run from an empty source ended", &ended, failed);
    expect_copied(after, AFTER, check);
    // Only some charts read in a namespace that can be chosen.
    if let Some(across) = &again.at(ACROSS).copied {
        expect_copied(across, ACROSS, check);
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::SYNC_03;
    use crate::testing::{copying, judge_manifests, judge_script};

    const READ: &str = r"ca=$(kubectl get secret db-ca -o 'jsonpath={.data.ca\.crt}')";
    const PATCH: &str = r#"kubectl patch secret app-ca -p "{\"data\":{\"ca.crt\":\"$ca\"}}""#;
    const CREATE: &str = "kubectl create secret generic app-ca --from-literal=ca.crt=\"$ca\" --dry-run=client -o yaml | kubectl apply -f -";

    #[rstest]
    #[case::as_it_is(&[READ, "[ -n \"$ca\" ]", PATCH], Holds)]
    #[case::decoded_and_created(&["ca=$(kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}' | base64 -d)", "[ -n \"$ca\" ]", CREATE], Holds)]
    #[case::checked_on_the_way(&[READ, "echo \"$ca\" | base64 -d | openssl x509 -noout", PATCH], Holds)]
    #[case::encoded_again(&[READ, "[ -n \"$ca\" ]", "ca=$(echo \"$ca\" | base64 -w0)", PATCH], Violated)]
    #[case::not_decoded(&[READ, "[ -n \"$ca\" ]", CREATE], Violated)]
    #[case::whatever_it_is(&[READ, PATCH], Violated)]
    #[case::of_two_sources(&[READ, READ, "[ -n \"$ca\" ]", PATCH], Unchecked)]
    fn a_ca_is_written(#[case] lines: &[&str], #[case] verdict: Verdict) {
        assert_eq!(judge_script(&SYNC_03, &lines.join("\n")), verdict);
    }

    #[rstest]
    #[case::in_the_same_wave("argocd.argoproj.io/hook: Sync", Holds)]
    #[case::in_an_earlier_wave("argocd.argoproj.io/hook: Sync, argocd.argoproj.io/sync-wave: '-1'", Violated)]
    #[case::before_the_release("helm.sh/hook: pre-install", Violated)]
    fn a_secret_is_patched(#[case] annotations: &str, #[case] verdict: Verdict) {
        let script = [READ, "[ -n \"$ca\" ]", PATCH].join("\n");
        let sealed = "\n---\n{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: app-ca}}";
        assert_eq!(judge_manifests(&SYNC_03, &format!("{}{sealed}", copying(annotations, &script))), verdict);
    }
}
