//! SYNC-06: no private key is copied.
//!
//! An operator keeps the CA's certificate and its key in one Secret. A copy of the whole hands the key to everybody who
//! may read the copy, and whoever has it can be the database. So one key has to be selected, and it must be the public
//! one.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::{AFTER, Experiment, Records, SETTLED};
use harness::feature::Feature;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::kubectl::Call;
use super::live::copy;
use super::{OWN_PROGRAM, copiers};

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
        let reads: Vec<&Call> = copier.reads().collect();
        let declared = copier.source().map(|source| source.key.as_str());
        let private: Vec<String> = reads
            .iter()
            .filter_map(|call| carries_a_key(call))
            .chain(declared.filter(|key| is_private(key)).map(|key| format!("the declared source {key}")))
            .collect();
        check.expect(&copier, "private keys that it takes along", &private[..], empty());
        if reads.is_empty() && declared.is_none() {
            check.undecided(&copier, "what it copies", OWN_PROGRAM);
        }
    }
}

/// What a call reads with a private key in it.
fn carries_a_key(call: &Call) -> Option<String> {
    let name = call.name.as_deref().unwrap_or("a Secret");
    match &call.key {
        Some(key) if is_private(key) => Some(format!("{key} of {name}")),
        Some(_) => None,
        None => is_whole(call).then(|| format!("every key of {name}")),
    }
}

fn is_private(key: &str) -> bool {
    let plain = key.to_lowercase();
    plain.ends_with(".key") || plain.ends_with("-key") || plain.ends_with("key.pem")
}

/// Whether a call prints the whole Secret.
fn is_whole(call: &Call) -> bool {
    let formats = ["yaml", "json", "-oyaml", "-ojson", "--output=yaml", "--output=json", "-o=yaml", "-o=json"];
    call.verb == "get" && call.words.iter().any(|word| formats.contains(&word.as_str()))
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
    use harness::verdict::Verdict::{self, Holds, Violated};
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
    fn a_script_takes(#[case] script: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_script(&SYNC_06, script), verdict);
    }
}
