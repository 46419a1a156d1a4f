//! SYNC-06: no private key is copied.
//!
//! An operator keeps the CA's certificate and its key in one Secret. A copy of the whole hands the key to everybody who
//! may read the copy, and whoever has it can be the database. So one key has to be selected, and it must be the public
//! one.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

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
    revision: 1,
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
        let mut told = declared.is_some();
        for container in copier.workload.containers() {
            let scripts = scripts(container, subject);
            for call in calls(container, subject).iter().filter(|call| call.reads()) {
                let commands = scripts.get(call.script).map(Script::commands).unwrap_or_default();
                let name = call.name.as_deref().unwrap_or("a Secret");
                match taken(call, &commands) {
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
    use crate::testing::judge_script;

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
}
