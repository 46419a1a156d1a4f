//! Who makes the objects that others refer to by name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cnpg::Cluster;
use super::reference::{RefKind, Reference, Use};
use super::store::{Store, Surroundings};
use crate::finding::Locate as _;
use crate::manifests::{Manifests, Object};

/// Who makes what a reference points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Producer {
    /// Somebody does: the release, a companion, an operator, or whom the subject declares.
    Known(String),
    /// Somebody makes the object, without the key that is referred to.
    WithoutKey {
        /// Who makes the object.
        producer: String,
        /// The keys that it has.
        keys: Vec<String>,
    },
    /// Nobody that is known.
    Nobody,
}

/// Everything that is made, and by whom.
#[derive(Debug, Clone, Default)]
pub(super) struct Producers {
    made: BTreeMap<(RefKind, String), Vec<Made>>,
    clusters: Vec<Cluster>,
    provided: Vec<String>,
    hooks: Vec<String>,
    copied: Option<(String, String)>,
    /// What the namespace of the release is called, where it is known.
    namespaces: Vec<String>,
    writers: Vec<(String, Writer)>,
}

/// Somebody who writes a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// Who, as findings say it.
    pub by: String,
    /// The namespace that the object itself names.
    pub namespace: Option<String>,
}

#[derive(Debug, Clone)]
struct Made {
    by: String,
    /// The namespace that the object names. `None`: that of the release.
    namespace: Option<String>,
    /// Whether it is there for every namespace.
    is_everywhere: bool,
    /// `None`: which keys it has, nobody knows.
    keys: Option<Vec<String>>,
}

impl Producers {
    pub(super) fn new(manifests: &Manifests, surroundings: &Surroundings) -> Self {
        let mut producers = Self {
            made: BTreeMap::new(),
            clusters: surroundings.clusters.clone(),
            provided: surroundings.provided.clone(),
            hooks: surroundings.hooks.clone(),
            copied: surroundings.copied.clone(),
            namespaces: surroundings.namespaces.clone(),
            writers: Vec::new(),
        };
        for object in surroundings.companions.objects() {
            producers.add(object, "a companion");
        }
        for object in manifests.objects() {
            producers.add(object, "this release");
        }
        producers
    }

    fn add(&mut self, object: &Object, by: &str) {
        let name = object.name().to_owned();
        let held = |kind, paths: &[&str]| self.held_or_filled(kind, object, paths);
        let (kind, name, by, keys) = match object.kind() {
            "Secret" => (RefKind::Secret, name, by.to_owned(), held(RefKind::Secret, &["data", "stringData"])),
            "ConfigMap" => (RefKind::ConfigMap, name, by.to_owned(), held(RefKind::ConfigMap, &["data", "binaryData"])),
            "PersistentVolumeClaim" => (RefKind::Claim, name, by.to_owned(), None),
            "ServiceAccount" => (RefKind::ServiceAccount, name, by.to_owned(), None),
            "SecretStore" => (RefKind::SecretStore, name, by.to_owned(), None),
            "ClusterSecretStore" => (RefKind::ClusterSecretStore, name, by.to_owned(), None),
            _ => {
                let Some((target, keys)) = secret_of(object) else { return };
                (RefKind::Secret, target, object.reference(), keys)
            }
        };
        if kind == RefKind::Secret {
            // Of two that write the same, both have a name only by their objects.
            let by = if object.kind() == "Secret" {
                format!("{}, {by}", object.place())
            } else {
                object.place().to_string()
            };
            self.writers.push((name.clone(), Writer { by, namespace: object.namespace().map(str::to_owned) }));
        }
        let namespace = object.namespace().map(str::to_owned);
        self.made.entry((kind, name)).or_default().push(Made {
            by,
            namespace,
            is_everywhere: is_everywhere(object),
            keys,
        });
    }

    /// The keys of a Secret or ConfigMap. One without any is there for somebody else to fill: a controller that injects a
    /// CA, the one that makes tokens, a Job. Of those who fill it only the copier of the CA says what it writes.
    fn held_or_filled(&self, kind: RefKind, object: &Object, paths: &[&str]) -> Option<Vec<String>> {
        let held = keys_at(object, paths);
        if !held.is_empty() {
            return Some(held);
        }
        let copied = self.copied.as_ref().filter(|(secret, _)| kind == RefKind::Secret && secret == object.name());
        copied.map(|(_, key)| vec![key.clone()])
    }

    /// Everybody who writes a Secret.
    pub(super) fn writers(&self, secret: &str) -> Vec<Writer> {
        let mut found: Vec<Writer> =
            self.writers.iter().filter(|(name, _)| name == secret).map(|(_, writer)| writer.clone()).collect();
        let mut add = |by: String| found.push(Writer { by, namespace: None });
        for cluster in self.clusters.iter().filter(|cluster| cluster.keys_of(secret).is_some()) {
            add(format!("CloudNativePG, for cluster {}", cluster.name));
        }
        let named = format!("secret/{secret}");
        if self.hooks.contains(&named) {
            add("a hook of this release".into());
        }
        // Who is declared may be one of those that are seen.
        if found.is_empty() && self.provided.contains(&named) {
            found.push(Writer { by: "declared in the subject file".into(), namespace: None });
        }
        found
    }

    pub(super) fn of(&self, reference: &Reference, store: &Store) -> Producer {
        let target = (reference.kind, reference.name.clone());
        let declared = |kind: &str| self.provided.contains(&format!("{kind}/{}", reference.name));
        let there = |made: &&Made| made.is_everywhere || self.is_same(&made.namespace, &reference.namespace);
        let (by, keys) = if let Some(made) = self.made.get(&target).and_then(|all| all.iter().rfind(there)) {
            (made.by.clone(), made.keys.clone())
        } else if let Some(cluster) = self
            .clusters
            .iter()
            .find(|cluster| reference.kind == RefKind::Secret && cluster.keys_of(&reference.name).is_some())
        {
            (format!("CloudNativePG, for cluster {}", cluster.name), store.keys(target.0, &target.1))
        } else if reference.kind == RefKind::Secret && self.hooks.contains(&reference.target()) {
            ("a hook of this release".into(), None)
        } else if declared(&reference.kind.kind().to_lowercase()) {
            ("declared in the subject file".into(), None)
        } else if reference.kind == RefKind::ServiceAccount && reference.name == "default" {
            ("Kubernetes".into(), None)
        } else if reference.kind == RefKind::ConfigMap && reference.name == "kube-root-ca.crt" {
            ("Kubernetes".into(), Some(vec!["ca.crt".into()]))
        } else {
            return Producer::Nobody;
        };
        match (&reference.key, keys) {
            (Some(key), Some(_)) if self.is_copied(&reference.name, key) => {
                Producer::Known(format!("{by}, and what copies the CA"))
            }
            (Some(key), Some(keys)) if !keys.contains(key) => Producer::WithoutKey { producer: by, keys },
            _ => Producer::Known(by),
        }
    }

    /// Whether two namespaces are the same. One that is not written is that of the release.
    fn is_same(&self, one: &Option<String>, other: &Option<String>) -> bool {
        let written = |namespace: &Option<String>| namespace.clone().filter(|name| !self.namespaces.contains(name));
        match (written(one), written(other)) {
            (Some(one), Some(other)) => one == other,
            (None, None) => true,
            // Which namespace others are applied to, only who applies them knows.
            _ => self.namespaces.is_empty(),
        }
    }

    fn is_copied(&self, secret: &str, key: &str) -> bool {
        self.copied.as_ref().is_some_and(|copied| copied.0 == secret && copied.1 == key)
    }
}

/// Whether an object is one for all namespaces, or something copies it into others.
fn is_everywhere(object: &Object) -> bool {
    let spreads = ["reflector.v1.k8s.emberstack.com/", "replicator.v1.mittwald.de/"];
    let is_spread = |name: &str| spreads.iter().any(|prefix| name.starts_with(prefix));
    object.kind() == "ClusterSecretStore" || object.annotations().any(|(name, _)| is_spread(name))
}

/// The Secret that an operator makes of an object, and its keys. `None` for the keys: nobody knows them all.
pub(super) fn secret_of(object: &Object) -> Option<(String, Option<Vec<String>>)> {
    let text = |path: &str| object.get(path).and_then(Value::as_str).map(str::to_owned);
    let name = || object.name().to_owned();
    match object.kind() {
        "SealedSecret" => {
            let target = text("spec.template.metadata.name").unwrap_or_else(name);
            Some((target, Some(keys_at(object, &["spec.encryptedData", "spec.template.data"]))))
        }
        "ExternalSecret" => Some((text("spec.target.name").unwrap_or_else(name), external_keys(object))),
        "Certificate" if object.group() == "cert-manager.io" => {
            let has_more =
                ["spec.additionalOutputFormats", "spec.keystores"].iter().any(|path| object.get(path).is_some());
            let keys = ["tls.crt", "tls.key", "ca.crt"].map(str::to_owned).to_vec();
            Some((text("spec.secretName")?, (!has_more).then_some(keys)))
        }
        _ => None,
    }
}

fn keys_at(object: &Object, paths: &[&str]) -> Vec<String> {
    let maps = paths.iter().filter_map(|path| object.get(path).and_then(Value::as_object));
    maps.flat_map(|map| map.keys().cloned()).collect()
}

/// The keys of an ExternalSecret's target; `None` where it takes whatever a store or a template of its own holds, or
/// adds to what somebody else makes.
fn external_keys(object: &Object) -> Option<Vec<String>> {
    let says = |path: &str, word: &str| object.get(path).and_then(Value::as_str) == Some(word);
    let has = |path: &str| object.get(path).is_some();
    if says("spec.target.creationPolicy", "Merge") || has("spec.target.template.templateFrom") {
        return None;
    }
    let mut keys = keys_at(object, &["spec.target.template.data"]);
    // What a template makes takes the place of what the store holds, unless it says otherwise.
    if !keys.is_empty() && !says("spec.target.template.mergePolicy", "Merge") {
        return Some(keys);
    }
    if has("spec.dataFrom") {
        return None;
    }
    let data = object.get("spec.data").and_then(Value::as_array).into_iter().flatten();
    keys.extend(data.filter_map(|entry| Some(entry.get("secretKey")?.as_str()?.to_owned())));
    Some(keys)
}

/// The stores that ExternalSecrets read from and PushSecrets write to.
pub(super) fn store_references(manifests: &Manifests) -> Vec<Reference> {
    let read = manifests
        .of_kind("ExternalSecret")
        .filter_map(|object| store_reference(object, object.get("spec.secretStoreRef")?, "spec.secretStoreRef"));
    let written = manifests.of_kind("PushSecret").flat_map(|object| {
        let stores = object.get("spec.secretStoreRefs").and_then(Value::as_array).into_iter().flatten().enumerate();
        stores.filter_map(|(index, store)| store_reference(object, store, &format!("spec.secretStoreRefs[{index}]")))
    });
    read.chain(written).collect()
}

fn store_reference(object: &Object, written: &Value, path: &str) -> Option<Reference> {
    let name = written.get("name")?.as_str()?.to_owned();
    let kind = match written.get("kind").and_then(Value::as_str) {
        Some("ClusterSecretStore") => RefKind::ClusterSecretStore,
        _ => RefKind::SecretStore,
    };
    let (namespace, place) = (object.namespace().map(str::to_owned), object.at(path));
    Some(Reference { kind, name, namespace, key: None, optional: false, usage: Use::Store, place })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Producer, Producers, Store, store_references};
    use crate::finding::Place;
    use crate::graph::cnpg::Cluster;
    use crate::graph::{RefKind, Reference, Surroundings, Use};
    use crate::manifests::Manifests;

    const TEXT: &str = "{apiVersion: v1, kind: Secret, metadata: {name: twice}, data: {a: eA==}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: empty}}\n---\n{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {target: {name: twice}}}\n---\n{apiVersion: external-secrets.io/v1alpha1, kind: PushSecret, metadata: {name: p}, spec: {secretStoreRefs: [{name: vault, kind: ClusterSecretStore}]}}";

    fn surroundings() -> Surroundings {
        Surroundings {
            clusters: vec![Cluster::named("db")],
            provided: vec!["secret/given".into(), "secret/db-app".into()],
            hooks: vec!["secret/hooked".into()],
            copied: Some(("twice".into(), "ca.crt".into())),
            ..Surroundings::default()
        }
    }

    fn reference(secret: &str, key: &str) -> Reference {
        Reference {
            kind: RefKind::Secret,
            name: secret.into(),
            namespace: None,
            key: Some(key.into()),
            optional: false,
            usage: Use::Volume,
            place: Place::object("pod/a"),
        }
    }

    #[rstest]
    #[case::an_object_and_a_store("twice", 2)]
    #[case::the_operator_however_declared("db-app", 1)]
    #[case::a_hook("hooked", 1)]
    #[case::whom_the_subject_declares("given", 1)]
    #[case::nobody("other", 0)]
    fn everybody_who_writes_is_counted(#[case] secret: &str, #[case] writers: usize) {
        let manifests = Manifests::parse(TEXT, "test").unwrap();
        assert_eq!(Producers::new(&manifests, &surroundings()).writers(secret).len(), writers);
    }

    #[rstest]
    #[case::what_it_takes("data: [{secretKey: a}]", Some("a"))]
    #[case::what_its_template_makes("target: {template: {data: {b: x}}}, data: [{secretKey: a}]", Some("b"))]
    #[case::what_it_takes_and_only_labels("target: {template: {data: {}}}, data: [{secretKey: a}]", Some("a"))]
    #[case::both("target: {template: {data: {b: x}, mergePolicy: Merge}}, data: [{secretKey: a}]", Some("b a"))]
    #[case::whatever_there_is("dataFrom: [{extract: {key: x}}]", None)]
    #[case::what_its_template_makes_of_whatever_there_is(
        "target: {template: {data: {b: x}}}, dataFrom: [{extract: {key: x}}]",
        Some("b")
    )]
    #[case::what_another_template_makes("target: {template: {templateFrom: [{configMap: {name: x}}]}}", None)]
    #[case::more_than_it_adds("target: {creationPolicy: Merge}, data: [{secretKey: a}]", None)]
    fn an_external_secret_has_keys(#[case] spec: &str, #[case] expected: Option<&str>) {
        let text = format!(
            "{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: e}}, spec: {{{spec}}}}}"
        );
        let manifests = Manifests::parse(&text, "test").unwrap();
        let (_, keys) = super::secret_of(manifests.objects().next().unwrap()).unwrap();
        assert_eq!(keys.map(|keys| keys.join(" ")).as_deref(), expected);
    }

    #[rstest]
    #[case::a_hook("hooked", "uri", Some("a hook of this release"))]
    #[case::a_copier_beside_another("twice", "ca.crt", Some("externalsecret/e, and what copies the CA"))]
    #[case::another_without_the_key("twice", "tls.crt", None)]
    #[case::whoever_fills_it("empty", "tls.crt", Some("this release"))]
    fn a_key_has_a_producer(#[case] secret: &str, #[case] key: &str, #[case] expected: Option<&str>) {
        let manifests = Manifests::parse(TEXT, "test").unwrap();
        let producers = Producers::new(&manifests, &surroundings());
        let store = Store::new(&manifests, &surroundings());
        let known = match producers.of(&reference(secret, key), &store) {
            Producer::Known(by) => Some(by),
            Producer::WithoutKey { .. } | Producer::Nobody => None,
        };
        assert_eq!(known.as_deref(), expected);
    }

    #[rstest]
    #[case::that_it_writes(Some("shop"), true)]
    #[case::that_it_leaves_to_others(None, true)]
    #[case::of_somebody_else(Some("mail"), false)]
    fn what_a_companion_makes_is_in_the_namespace_of_the_release(#[case] namespace: Option<&str>, #[case] there: bool) {
        let companions = "{apiVersion: v1, kind: Secret, metadata: {name: auth}, stringData: {password: x}}";
        let surroundings = Surroundings {
            companions: Manifests::parse(companions, "test").unwrap(),
            namespaces: vec!["of-the-bench".into(), "shop".into()],
            ..Surroundings::default()
        };
        let manifests = Manifests::default();
        let producers = Producers::new(&manifests, &surroundings);
        let of = |key: &str| {
            let reference = Reference { namespace: namespace.map(str::to_owned), ..reference("auth", key) };
            producers.of(&reference, &Store::new(&manifests, &surroundings))
        };
        assert_eq!(matches!(of("password"), Producer::Known(_)), there);
        assert_eq!(matches!(of("passwort"), Producer::WithoutKey { .. }), there);
    }

    #[rstest]
    #[case::the_key_that_is_copied("ca.crt", true)]
    #[case::another_key("tls.crt", false)]
    fn the_copier_of_the_ca_fills_an_empty_secret_with(#[case] key: &str, #[case] is_known: bool) {
        let manifests = Manifests::parse(TEXT, "test").unwrap();
        let surroundings = Surroundings { copied: Some(("empty".into(), "ca.crt".into())), ..surroundings() };
        let producers = Producers::new(&manifests, &surroundings);
        let producer = producers.of(&reference("empty", key), &Store::new(&manifests, &surroundings));
        assert_eq!(matches!(producer, Producer::Known(_)), is_known, "{producer:?}");
    }

    #[test]
    fn a_store_that_is_written_to_is_referred_to() {
        let [reference] = &store_references(&Manifests::parse(TEXT, "test").unwrap())[..] else {
            panic!("expected one")
        };
        assert_eq!(reference.target(), "clustersecretstore/vault");
    }
}
