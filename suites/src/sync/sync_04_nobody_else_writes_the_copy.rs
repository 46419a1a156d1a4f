//! SYNC-04: nobody else writes the copy.
//!
//! A controller that owns a Secret takes away what it did not put there, and a sync sets back what the manifests say.
//! The CA that was patched in is then gone until the copier runs again, and clients that start meanwhile do not. A
//! Secret of its own belongs to the copier alone.

use harness::check::Check;
use harness::expectation::empty;
use harness::experiment::APPLIED;
use harness::feature::Feature;
use harness::finding::{Locate as _, Place};
use harness::manifests::Object;
use harness::record::{BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::live::{copy, expect_unchanged};
use super::{OWN_PROGRAM, copiers};

/// Nobody else writes the copy.
pub const SYNC_04: Requirement = Requirement {
    id: "SYNC-04",
    title: "The copy stands where neither a controller nor a sync takes it away",
    level: Level::Must,
    source: "S3: \"ArgoCD ignores runtime changes to DB_ROOT_CERT field\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::CopyAgain],
    decisive: &[Lane::Rendered],
    remedy: "write the CA into a Secret of its own, which no SealedSecret, no ExternalSecret and no manifest makes",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for copier in copiers(subject, check) {
        let targets = copier.targets();
        for target in &targets {
            let key = copier.declared.filter(|plan| plan.target.secret == *target).map(|plan| plan.target.key.as_str());
            let objects = subject.companions().objects().chain(subject.manifests().objects());
            let rivals = objects.filter(|object| target_of(object).as_ref() == Some(target) && takes_away(object, key));
            let rivals: Vec<String> = rivals.map(|object| object.place().to_string()).collect();
            let place = Place::object(format!("secret/{target}"));
            let given = subject.subject().file().external.contains(&format!("secret/{target}"));
            if rivals.is_empty() && given {
                check.undecided(place, "others that write it", "somebody outside of the subject makes it; ask them");
                continue;
            }
            check.expect(place, "others that write it", &rivals[..], empty());
        }
        if targets.is_empty() {
            check.undecided(&copier, "which Secret it writes", OWN_PROGRAM);
        }
    }
}

/// The Secret that an object makes.
pub(super) fn target_of(object: &Object) -> Option<String> {
    let named = |path: &str| object.get(path).and_then(Value::as_str).unwrap_or_else(|| object.name()).to_owned();
    match object.kind() {
        "Secret" => Some(object.name().to_owned()),
        "SealedSecret" => Some(named("spec.template.metadata.name")),
        "ExternalSecret" => Some(named("spec.target.name")),
        "Certificate" => object.get("spec.secretName").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}

/// Whether what makes the Secret takes away a key that somebody else put there.
fn takes_away(object: &Object, key: Option<&str>) -> bool {
    let text = |path: &str| object.get(path).and_then(Value::as_str);
    match object.kind() {
        // Of a Secret in the manifests only the keys that it has are set back.
        "Secret" => ["data", "stringData"].iter().any(|field| {
            let held = object.get(field).and_then(Value::as_object);
            held.is_some_and(|held| key.is_none_or(|key| held.contains_key(key)) && !held.is_empty())
        }),
        "ExternalSecret" => text("spec.target.creationPolicy") != Some("Merge"),
        "SealedSecret" => {
            let annotations = object.get("spec.template.metadata.annotations");
            let patches =
                annotations.and_then(|all| all.get("sealedsecrets.bitnami.com/patch")).and_then(Value::as_str);
            patches != Some("true")
        }
        _ => true,
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(again) = records.of(Experiment::CopyAgain) else { return };
    let (Some(before), Some(applied)) = (copy(again, BEFORE, check), copy(again, APPLIED, check)) else { return };
    expect_unchanged(before, applied, APPLIED, check);
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::SYNC_04;
    use crate::testing::{copying, judge_manifests};

    #[rstest]
    #[case::alone("{apiVersion: v1, kind: Secret, metadata: {name: other}}", Holds)]
    #[case::beside_a_sealed_secret(
        "{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: app-ca}}",
        Violated
    )]
    #[case::beside_one_that_only_adds(
        "{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: app-ca}, spec: {template: {metadata: {annotations: {sealedsecrets.bitnami.com/patch: 'true'}}}}}",
        Holds
    )]
    #[case::beside_a_store(
        "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {target: {name: app-ca}}}",
        Violated
    )]
    #[case::beside_a_store_that_merges(
        "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {target: {name: app-ca, creationPolicy: Merge}}}",
        Holds
    )]
    #[case::over_an_empty_secret("{apiVersion: v1, kind: Secret, metadata: {name: app-ca}}", Holds)]
    #[case::over_a_secret_of_the_release(
        "{apiVersion: v1, kind: Secret, metadata: {name: app-ca}, data: {ca.crt: eA==}}",
        Violated
    )]
    fn a_copy_stands(#[case] other: &str, #[case] verdict: Verdict) {
        let script = "ca=$(kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}')\nkubectl patch secret app-ca -p \"{\\\"data\\\":{\\\"ca.crt\\\":\\\"$ca\\\"}}\"";
        assert_eq!(judge_manifests(&SYNC_04, &format!("{}\n---\n{other}", copying("", script))), verdict);
    }
}
