//! What Secrets and ConfigMaps contain, as far as manifests and the known outputs of operators say.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::cnpg::Cluster;
use super::fact::Text;
use super::producers;
use super::reference::{KeyRef, RefKind};
use crate::manifests::{Manifests, Object};

/// What surrounds the manifests under test and tells what they leave open.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The manifests of companions.
    pub companions: Manifests,
    /// Clusters of CloudNativePG.
    pub clusters: Vec<Cluster>,
    /// Secrets with credentials of the database, by name.
    pub credentials: Vec<String>,
    /// Keys that these Secrets are declared to have; they may have others.
    pub credential_keys: Vec<(String, Vec<String>)>,
    /// What companions leave and what others provide, `secret/agents-db-app`.
    pub provided: Vec<String>,
    /// What hooks of the releases make and no manifest shows, `secret/agents-db-auth`.
    pub hooks: Vec<String>,
    /// The Secret and the key into which something copies the CA, whatever else makes that Secret.
    pub copied: Option<(String, String)>,
    /// The environment variable that names the CA's file, where the subject says.
    pub ca_variable: Option<String>,
    /// The folder where the CA is mounted, where the subject says.
    pub ca_mount_path: Option<String>,
    /// The reserved name of the CA's volume, where the subject says.
    pub ca_volume: Option<String>,
    /// What the namespace of the release is called, where it is known: manifests of a chart and companions may be written
    /// for it under different names.
    pub namespaces: Vec<String>,
    /// Jobs that bring the schema up to date, where the subject says, `job/shop-setup`.
    pub migrations: Vec<String>,
    /// Custom resources with pod templates: kind and dotted path.
    pub pod_templates: Vec<(String, String)>,
}

/// The keys of Secrets and ConfigMaps.
#[derive(Debug, Clone, Default)]
pub struct Store {
    held: BTreeMap<(RefKind, String), BTreeMap<String, Text>>,
    /// Secrets that an operator makes of an object, with who says so. `None`: which keys, nobody knows.
    made: BTreeMap<String, (String, Option<Vec<String>>)>,
    clusters: Vec<Cluster>,
    copied: Option<(String, String)>,
    declared: Vec<(String, Vec<String>)>,
}

impl Store {
    pub(super) fn new(manifests: &Manifests, surroundings: &Surroundings) -> Self {
        let (clusters, copied) = (surroundings.clusters.clone(), surroundings.copied.clone());
        let declared = surroundings.credential_keys.clone();
        let mut store = Self { held: BTreeMap::new(), made: BTreeMap::new(), clusters, copied, declared };
        for object in surroundings.companions.objects().chain(manifests.objects()) {
            store.add(object);
        }
        store
    }

    fn add(&mut self, object: &Object) {
        let kind = match object.kind() {
            "Secret" => RefKind::Secret,
            "ConfigMap" => RefKind::ConfigMap,
            _ => {
                if let Some((secret, keys)) = producers::secret_of(object) {
                    self.made.insert(secret, (object.reference(), keys));
                }
                return;
            }
        };
        let keys = self.held.entry((kind, object.name().to_owned())).or_default();
        let entries = |field: &str| object.get(field).and_then(Value::as_object).into_iter().flatten();
        for (key, value) in entries("data") {
            let written = value.as_str().unwrap_or_default();
            let text = if kind == RefKind::ConfigMap { Text::of(written) } else { decode(written) };
            keys.insert(key.clone(), text);
        }
        for (key, value) in entries("binaryData") {
            keys.insert(key.clone(), decode(value.as_str().unwrap_or_default()));
        }
        if kind == RefKind::Secret {
            for (key, value) in entries("stringData") {
                keys.insert(key.clone(), Text::of(value.as_str().unwrap_or_default()));
            }
        }
    }

    /// The content of a key. Unknown: it is not in the manifests, and the text says what would tell.
    pub fn content(&self, reference: &KeyRef) -> Text {
        let held = self.held.get(&(reference.kind, reference.name.clone()));
        if let Some(text) = held.and_then(|keys| keys.get(&reference.key)) {
            return text.clone();
        }
        if let Some((by, _)) = self.made.get(&reference.name).filter(|_| reference.kind == RefKind::Secret) {
            return Text::unknown(format!("{} is made by {by}; the live lane reads it", describe(reference)));
        }
        if held.is_some() {
            return Text::unknown(format!("{} has no key {}", describe(reference), reference.key));
        }
        let made = self.clusters.iter().find_map(|cluster| cluster.content(&reference.name, &reference.key));
        match made.filter(|_| reference.kind == RefKind::Secret) {
            Some(parts) => {
                let mut text = Text::default();
                for part in parts {
                    match part {
                        Some(part) => text.push_str(&part),
                        None => text.push_text(&Text::unknown(format!(
                            "{} is made by CloudNativePG; the live lane reads it",
                            describe(reference)
                        ))),
                    }
                }
                text
            }
            None => Text::unknown(format!(
                "{} is not in the manifests; render it, or declare who makes it in the subject file",
                describe(reference)
            )),
        }
    }

    /// The keys that an object is known to have, if only some of all; `None`: nobody knows any.
    pub fn keys(&self, kind: RefKind, name: &str) -> Option<Vec<String>> {
        let held = self.held.get(&(kind, name.to_owned())).map(|keys| keys.keys().cloned().collect::<Vec<_>>());
        let made = self.made.get(name).filter(|_| kind == RefKind::Secret).and_then(|(_, keys)| keys.clone());
        if held.is_some() || made.is_some() {
            let mut keys: Vec<String> = held.into_iter().chain(made).flatten().collect();
            keys.sort();
            keys.dedup();
            return Some(keys);
        }
        let made = self.clusters.iter().find_map(|cluster| cluster.keys_of(name));
        made.filter(|_| kind == RefKind::Secret).map(|keys| keys.iter().map(|key| (*key).to_owned()).collect())
    }

    /// The keys that an object is known or declared to have.
    pub(super) fn some_keys(&self, kind: RefKind, name: &str) -> Vec<String> {
        let declared = self.declared.iter().filter(|(secret, _)| kind == RefKind::Secret && secret == name);
        self.keys(kind, name).unwrap_or_else(|| declared.flat_map(|(_, keys)| keys.clone()).collect())
    }

    /// All keys of an object; `None`: it may have others than those that are known.
    pub(super) fn all_keys(&self, kind: RefKind, name: &str) -> Option<Vec<String>> {
        let is_open = kind == RefKind::Secret && self.made.get(name).is_some_and(|(_, keys)| keys.is_none());
        // What is rendered without content is there for somebody else to fill.
        let mut keys = self.keys(kind, name).filter(|keys| !keys.is_empty() && !is_open)?;
        let copied = self.copied.iter().filter(|(secret, _)| kind == RefKind::Secret && secret == name);
        keys.extend(copied.map(|(_, key)| key.clone()));
        Some(keys)
    }

    /// The contents of an object that manifests hold: keys and texts.
    pub fn entries(&self, kind: RefKind, name: &str) -> impl Iterator<Item = (&str, &Text)> {
        let keys = self.held.get(&(kind, name.to_owned()));
        keys.into_iter().flatten().map(|(key, text)| (key.as_str(), text))
    }

    /// Whether a Secret is one that CloudNativePG makes with credentials.
    pub(super) fn is_operator_credential(&self, secret: &str) -> bool {
        self.clusters.iter().any(|cluster| cluster.keys_of(secret).is_some_and(|keys| keys.contains(&"uri")))
    }

    /// Whether a Secret is one that holds the CA of a known Cluster.
    pub(super) fn is_operator_ca(&self, secret: &str) -> bool {
        self.clusters.iter().any(|cluster| cluster.ca_secret() == secret)
    }
}

fn describe(reference: &KeyRef) -> String {
    format!("{} {}", reference.kind, reference.name)
}

fn decode(written: &str) -> Text {
    let packed: String = written.split_whitespace().collect();
    match STANDARD.decode(packed).map(String::from_utf8) {
        Ok(Ok(text)) => Text::of(text),
        Ok(Err(_)) => Text::unknown("the content is no text"),
        Err(_) => Text::unknown("the content is not base64"),
    }
}
