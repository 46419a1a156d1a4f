//! SYNC-06: no private key is copied.
//!
//! An operator keeps the CA's certificate and its key in one Secret. A copy of the whole hands the key to everybody who
//! may read the copy, and whoever has it can be the database. So one key has to be selected, and it must be the public
//! one: by what a script reads, by the files that it is given, or by what a program of its own is told to take. That a
//! subject file names a key says what is meant, not what is done.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::graph::Container;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::SyncedKey;

use super::given::{given, told};
use super::kubectl::calls;
use super::live::copy;
use super::taken::{Taken, is_private, taken};
use super::{OWN_PROGRAM, copiers};
use crate::script::{Script, scripts};

/// No private key is copied.
pub const SYNC_06: Requirement = Requirement {
    id: "SYNC-06",
    title: "Only the public part of the CA is copied",
    level: Level::Must,
    source: "S3: security notes",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::Install, Experiment::RotateCa],
    decisive: &[Lane::Rendered],
    remedy: "select the key with the certificate, `jsonpath={.data.ca\\.crt}`, and never the whole Secret",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for copier in copiers(subject, check) {
        let declared = copier.source().map(|source| source.key.as_str());
        let mut private: Vec<String> = declared
            .filter(|key| is_private(key))
            .map(|key| format!("the declared source {key}"))
            .into_iter()
            .collect();
        let mut told = false;
        for container in copier.workload.containers() {
            for (name, taken) in all_taken(container, subject, copier.source()) {
                match taken {
                    Taken::Nothing => continue,
                    Taken::Whole => private.push(format!("every key of {name}")),
                    Taken::Keys(keys) => {
                        private.extend(keys.iter().filter(|key| is_private(key)).map(|key| format!("{key} of {name}")));
                    }
                    Taken::Unknown(hint) => check.undecided(container, format!("what it takes of {name}"), hint),
                }
                told = true;
            }
        }
        check.expect(&copier, "private keys that it takes along", &private[..], empty());
        if !told {
            check.undecided(&copier, "what it copies", OWN_PROGRAM);
        }
    }
}

/// What a container takes of Secrets, each with its name.
fn all_taken(container: &Container, subject: &Rendered, source: Option<&SyncedKey>) -> Vec<(String, Taken)> {
    let scripts = scripts(container, subject);
    let calls = calls(container, subject);
    let read = calls.iter().filter(|call| call.reads()).map(|call| {
        let commands = scripts.get(call.script).map(Script::commands).unwrap_or_default();
        (call.name.clone().unwrap_or_else(|| "a Secret".into()), taken(call, &commands))
    });
    let mut found: Vec<(String, Taken)> = read.collect();
    found.extend(given(container, subject, source));
    if found.is_empty() {
        found.extend(told(container, source));
    }
    found
}

fn live(records: &Records, check: &mut Check) {
    for (experiment, moment) in [(Experiment::Install, SETTLED), (Experiment::RotateCa, AFTER)] {
        let Some(record) = records.of(experiment) else { continue };
        let Some(copied) = copy(record, moment, check) else { continue };
        let there = that("one", |copy: &Option<String>| copy.is_some());
        check.control(copied, format!("the copy, {moment}"), &copied.sha256, there);
        check.expect(copied, format!("keys with a private key, {moment}"), &copied.private[..], empty());
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::SYNC_06;
    use crate::testing::{copying, judge_copier, judge_script};

    #[rstest]
    #[case::the_certificate(r"kubectl get secret db-ca -o 'jsonpath={.data.ca\.crt}' | kubectl apply -f -", Holds)]
    #[case::the_key(r"kubectl get secret db-ca -o 'jsonpath={.data.ca\.key}' | kubectl apply -f - # ca.crt", Violated)]
    #[case::the_whole(
        "kubectl get secret db-ca -o yaml | sed 's/db-ca/app-ca/' | kubectl apply -f - # ca.crt",
        Violated
    )]
    #[case::all_of_its_data(
        r#"D=$(kubectl get secret db-ca -o jsonpath='{.data}'); kubectl patch secret app-ca -p "{\"data\":$D}" # ca.crt"#,
        Violated
    )]
    #[case::all_of_its_data_by_a_template(
        "kubectl get secret db-ca -o go-template='{{.data}}' | kubectl apply -f - # ca.crt",
        Violated
    )]
    #[case::two_keys(
        r"kubectl get secret db-ca -o jsonpath='{.data.ca\.crt}{.data.ca\.key}' | kubectl apply -f -",
        Violated
    )]
    #[case::the_certificate_by_jq(
        r#"kubectl get secret db-ca -o json | jq -r '.data["ca.crt"]' | base64 -d | kubectl apply -f -"#,
        Holds
    )]
    #[case::the_certificate_by_yq(
        r#"kubectl get secret db-ca -o yaml | yq '.data."ca.crt"' | kubectl apply -f -"#,
        Holds
    )]
    #[case::the_key_by_jq(
        r#"kubectl get secret db-ca -o json | jq -r '.data["ca.key"]' | kubectl apply -f - # ca.crt"#,
        Violated
    )]
    #[case::all_of_its_data_by_jq(
        "kubectl get secret db-ca -o json | jq .data | kubectl apply -f - # ca.crt",
        Violated
    )]
    #[case::by_a_program_of_jq(
        r#"kubectl get secret db-ca -o json | jq 'del(.data["ca.key"])' | kubectl apply -f - # ca.crt"#,
        Unchecked
    )]
    #[case::through_a_variable(
        r#"S=$(kubectl get secret db-ca -o json); echo "$S" | jq -r '.data["ca.crt"]' | kubectl apply -f -"#,
        Holds
    )]
    #[case::some_lines("kubectl get secret db-ca -o yaml | grep ca.crt: | kubectl apply -f -", Unchecked)]
    #[case::a_key_nobody_names(
        "kubectl get secret db-ca -o jsonpath=\"{.data.$KEY}\" | kubectl apply -f - # ca.crt",
        Unchecked
    )]
    fn a_script_takes(#[case] script: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_script(&SYNC_06, script), verdict);
    }

    /// The copier that the subject file names, with its CA's Secret mounted at /ca as far as `items` say.
    fn mounting(items: &str, container: &str) -> String {
        format!(
            "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: ca-sync}}, spec: {{jobTemplate: {{spec: {{template: {{spec: {{volumes: [{{name: ca, secret: {{secretName: platform-db-ca{items}}}}}], containers: [{{name: a, volumeMounts: [{{name: ca, mountPath: /ca}}], {container}}}]}}}}}}}}}}}}"
        )
    }

    const CERTIFICATE: &str = ", items: [{key: ca.crt, path: ca.crt}]";
    const ALL: &str = "command: [sh, -c, 'kubectl create secret generic ca-sync-trust --from-file=/ca --dry-run=client -o yaml | kubectl apply -f -']";

    #[rstest]
    #[case::all_that_is_mounted("", ALL, Violated)]
    #[case::all_of_what_only_has_the_certificate(CERTIFICATE, ALL, Holds)]
    #[case::one_file(
        "",
        "command: [sh, -c, 'kubectl create secret generic ca-sync-trust --from-file=ca.crt=/ca/ca.crt --dry-run=client -o yaml | kubectl apply -f -']",
        Holds
    )]
    #[case::the_file_of_the_key("", "command: [sh, -c, 'key=$(cat /ca/ca.key)']", Violated)]
    #[case::whatever_its_program_does("", "args: [copy-ca]", Unchecked)]
    #[case::what_its_program_can_only_have(CERTIFICATE, "args: [copy-ca]", Holds)]
    fn the_declared_copier_takes_of_a_mount(#[case] items: &str, #[case] container: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_copier(&SYNC_06, &mounting(items, container)), verdict);
    }

    #[rstest]
    #[case::the_certificate("env: [{name: FROM, value: databases/platform-db-ca/ca.crt}]", Holds)]
    #[case::the_certificate_by_two_settings(
        "env: [{name: SECRET, value: platform-db-ca}, {name: KEY, value: ca.crt}]",
        Holds
    )]
    #[case::the_key_too("env: [{name: FROM, value: 'platform-db-ca/ca.crt,platform-db-ca/ca.key'}]", Unchecked)]
    #[case::nothing_that_is_seen("args: [copy-ca]", Unchecked)]
    #[case::something_by_a_script("command: [sh, -c, copy platform-db-ca ca.crt]", Unchecked)]
    fn a_program_of_its_own_is_told_to_take(#[case] container: &str, #[case] verdict: Verdict) {
        let text = mounting("", container).replace("secretName: platform-db-ca", "secretName: other");
        assert_eq!(judge_copier(&SYNC_06, &text), verdict);
    }

    #[rstest]
    #[case::the_certificate(r"jsonpath={.data.ca\.crt}", Holds)]
    #[case::the_key(r"jsonpath={.data.ca\.key}", Violated)]
    fn another_copier_beside_it_takes(#[case] path: &str, #[case] verdict: Verdict) {
        let script = format!("kubectl get secret platform-db-ca -o '{path}' | kubectl apply -f - # ca.crt");
        let both = format!("{}\n---\n{}", mounting(CERTIFICATE, "args: [copy-ca]"), copying("", &script));
        assert_eq!(judge_copier(&SYNC_06, &both), verdict);
    }
}
