//! OWN-08: a mirror is one way.
//!
//! A credential is copied into a store so that audits find it there. An ExternalSecret that reads the same key closes
//! the circle: the older of two values wins by chance, and a password that was rotated comes back from the store.

use harness::check::Check;
use harness::expectation::empty;
use harness::finding::Locate as _;
use harness::manifests::Object;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

/// A mirror is one way.
pub const OWN_08: Requirement = Requirement {
    id: "OWN-08",
    title: "A credential that is mirrored into a store is never read back from it",
    level: Level::Must,
    source: "S1: \"Vault is a consumer, not a writer\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "drop the ExternalSecret that reads the mirrored key, and read the Kubernetes Secret itself",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let objects: Vec<&Object> = subject.companions().objects().chain(subject.manifests().objects()).collect();
    let of_kind = |kind: &'static str| objects.iter().copied().filter(move |object| object.kind() == kind);
    for push in of_kind("PushSecret") {
        let back = of_kind("ExternalSecret").filter(|external| reads_back(external, push));
        let back: Vec<String> = back.map(|external| external.place().to_string()).collect();
        check.expect(push, "what reads from the store what it writes there", &back[..], empty());
    }
    let is_by_search = |object: &&Object| {
        let all = object.get("spec.dataFrom").and_then(Value::as_array);
        all.into_iter().flatten().any(|entry| entry.get("find").is_some())
    };
    if of_kind("PushSecret").next().is_none() {
        check.not_applicable("no credential is mirrored: there is no PushSecret");
    } else if let Some(external) = of_kind("ExternalSecret").find(is_by_search) {
        check.undecided(external, "the keys that it reads", "it searches the store; name the keys, or ask the store");
    }
}

/// Whether an ExternalSecret reads a key that a PushSecret writes, or writes the Secret that it pushes.
fn reads_back(external: &Object, push: &Object) -> bool {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let listed = |object: &Object, path: &str, pointer: &str| -> Vec<String> {
        let items = object.get(path).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| text(item, pointer)).collect()
    };
    let written = listed(push, "spec.data", "/match/remoteRef/remoteKey");
    let mut read = listed(external, "spec.data", "/remoteRef/key");
    read.extend(listed(external, "spec.dataFrom", "/extract/key"));
    let stores = listed(push, "spec.secretStoreRefs", "/name");
    let store = text(external.value(), "/spec/secretStoreRef/name");
    let same_store = store.is_none_or(|store| stores.contains(&store));
    let target = text(external.value(), "/spec/target/name").unwrap_or_else(|| external.name().to_owned());
    let fed = text(push.value(), "/spec/selector/secret/name").is_some_and(|secret| secret == target);
    same_store && (fed || read.iter().any(|key| written.contains(key)))
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::OWN_08;
    use crate::testing::judge_manifests;

    const PUSH: &str = "{apiVersion: external-secrets.io/v1alpha1, kind: PushSecret, metadata: {name: p}, spec: {secretStoreRefs: [{name: vault}], selector: {secret: {name: shop-auth}}, data: [{match: {secretKey: password, remoteRef: {remoteKey: prod/shop}}}]}}";

    #[rstest]
    #[case::another_key("{secretStoreRef: {name: vault}, data: [{remoteRef: {key: prod/mail}}]}", Holds)]
    #[case::another_store("{secretStoreRef: {name: other}, data: [{remoteRef: {key: prod/shop}}]}", Holds)]
    #[case::the_same_key("{secretStoreRef: {name: vault}, data: [{remoteRef: {key: prod/shop}}]}", Violated)]
    #[case::the_whole_key("{secretStoreRef: {name: vault}, dataFrom: [{extract: {key: prod/shop}}]}", Violated)]
    #[case::into_the_same_secret("{secretStoreRef: {name: vault}, target: {name: shop-auth}}", Violated)]
    #[case::whatever_it_finds("{secretStoreRef: {name: vault}, dataFrom: [{find: {path: prod}}]}", Unchecked)]
    fn beside_a_mirror_stands_what_reads(#[case] spec: &str, #[case] verdict: Verdict) {
        let external = format!(
            "{PUSH}\n---\n{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: e}}, spec: {spec}}}"
        );
        assert_eq!(judge_manifests(&OWN_08, &external), verdict);
    }

    #[rstest]
    #[case::a_mirror_alone(PUSH, Holds)]
    #[case::no_mirror("{apiVersion: v1, kind: Namespace, metadata: {name: a}}", NotApplicable)]
    fn nobody_reads(#[case] manifests: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&OWN_08, manifests), verdict);
    }
}
