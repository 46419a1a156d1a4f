//! The environment of a container as the kubelet makes it: `envFrom` first, then `env`, `$(VAR)` expanded in order.

use serde_json::Value;

use super::fact::Text;
use super::reference::{KeyRef, RefKind};
use super::store::Store;
use crate::finding::{Locate, Place};

/// One variable of a container.
#[derive(Debug, Clone)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Where the value comes from.
    pub source: EnvSource,
    /// The value, expanded, as far as it is known.
    pub value: Text,
    /// The value as the manifest writes it, before expansion. `None`: it comes from elsewhere.
    pub written: Option<String>,
    /// Whether the container starts without it.
    pub optional: bool,
    /// Where it stands.
    pub place: Place,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvSource {
    /// It is written in the manifest.
    Literal,
    /// One key of a Secret or ConfigMap.
    Key(KeyRef),
    /// A key of a Secret or ConfigMap that is taken as a whole.
    EnvFrom(KeyRef),
    /// A field of the pod.
    Field(String),
    /// Something else, such as a resource limit.
    Other,
}

impl EnvVar {
    /// The key that it comes from.
    pub fn key(&self) -> Option<&KeyRef> {
        match &self.source {
            EnvSource::Key(key) | EnvSource::EnvFrom(key) => Some(key),
            _ => None,
        }
    }

    /// Whether it comes from a Secret.
    pub fn is_secret(&self) -> bool {
        self.key().is_some_and(|key| key.kind == RefKind::Secret)
    }
}

impl Locate for EnvVar {
    fn place(&self) -> Place {
        self.place.clone()
    }
}

/// Reads the environment of a container; `at` makes the place of a path below the container.
pub(super) fn read(container: &Value, store: &Store, at: &dyn Fn(&str) -> Place) -> Vec<EnvVar> {
    let mut variables: Vec<EnvVar> = Vec::new();
    let add = |variables: &mut Vec<EnvVar>, variable: EnvVar| {
        // A later entry replaces an earlier one of the same name, where the earlier one stood.
        match variables.iter_mut().find(|known| known.name == variable.name) {
            Some(known) => *known = variable,
            None => variables.push(variable),
        }
    };
    for (index, source) in items(container, "envFrom") {
        let prefix = source.get("prefix").and_then(Value::as_str).unwrap_or_default();
        for (field, kind) in [("secretRef", RefKind::Secret), ("configMapRef", RefKind::ConfigMap)] {
            let Some(name) = source.pointer(&format!("/{field}/name")).and_then(Value::as_str) else { continue };
            let optional = source.pointer(&format!("/{field}/optional")).and_then(Value::as_bool).unwrap_or(false);
            for key in store.some_keys(kind, name) {
                let reference = KeyRef { kind, name: name.to_owned(), key };
                let variable = EnvVar {
                    name: format!("{prefix}{}", reference.key),
                    value: store.content(&reference),
                    source: EnvSource::EnvFrom(reference),
                    written: None,
                    optional,
                    place: at(&format!("envFrom[{index}]")),
                };
                add(&mut variables, variable);
            }
        }
    }
    for (index, entry) in items(container, "env") {
        let Some(name) = entry.get("name").and_then(Value::as_str) else { continue };
        let place = at(&format!("env[{index}]"));
        let variable = one(name, entry, store, &variables, place);
        add(&mut variables, variable);
    }
    variables
}

fn one(name: &str, entry: &Value, store: &Store, before: &[EnvVar], place: Place) -> EnvVar {
    let name = name.to_owned();
    let from = entry.get("valueFrom");
    let named = |field: &str, kind: RefKind| {
        let reference = from?.get(field)?;
        let text = |name: &str| Some(reference.get(name)?.as_str()?.to_owned());
        let optional = reference.get("optional").and_then(Value::as_bool).unwrap_or(false);
        Some((KeyRef { kind, name: text("name")?, key: text("key")? }, optional))
    };
    let key = named("secretKeyRef", RefKind::Secret).or_else(|| named("configMapKeyRef", RefKind::ConfigMap));
    if let Some((key, optional)) = key {
        let value = store.content(&key);
        return EnvVar { name, source: EnvSource::Key(key), value, written: None, optional, place };
    }
    if let Some(path) = from.and_then(|from| from.pointer("/fieldRef/fieldPath")).and_then(Value::as_str) {
        let value = Text::unknown(format!("the cluster sets {path}"));
        let source = EnvSource::Field(path.to_owned());
        return EnvVar { name, source, value, written: None, optional: false, place };
    }
    if from.is_some() {
        let value = Text::unknown("the cluster sets it");
        return EnvVar { name, source: EnvSource::Other, value, written: None, optional: false, place };
    }
    let written = match entry.get("value") {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        // The API server refuses it; what it says is clear all the same.
        Some(other) => other.to_string(),
    };
    let value = expand(&written, before);
    EnvVar { name, source: EnvSource::Literal, value, written: Some(written), optional: false, place }
}

/// The Secrets and ConfigMaps that a container takes whole, and that may hold variables that nobody knows.
pub(super) fn unread(container: &Value, store: &Store) -> Vec<(RefKind, String)> {
    let mut found = Vec::new();
    for (_, source) in items(container, "envFrom") {
        for (field, kind) in [("secretRef", RefKind::Secret), ("configMapRef", RefKind::ConfigMap)] {
            let Some(name) = source.pointer(&format!("/{field}/name")).and_then(Value::as_str) else { continue };
            // Settings that are rendered empty are meant to be; a Secret is there for somebody to fill.
            let is_empty = || kind == RefKind::ConfigMap && store.keys(kind, name).is_some_and(|keys| keys.is_empty());
            if store.all_keys(kind, name).is_none() && !is_empty() {
                found.push((kind, name.to_owned()));
            }
        }
    }
    found
}

/// Expands `$(VAR)` from variables that were defined before; `$$` is a dollar sign, an unknown name stays as it is.
pub(super) fn expand(written: &str, variables: &[EnvVar]) -> Text {
    let mut text = Text::default();
    let mut rest = written;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            text.push_str("$");
            rest = after;
            continue;
        }
        let name = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        match name {
            Some((name, after)) => {
                match variables.iter().find(|known| known.name == name) {
                    Some(variable) => text.push_text(&variable.value),
                    None => text.push_str(&format!("$({name})")),
                }
                rest = after;
            }
            None => text.push_str("$"),
        }
    }
    text.push_str(rest);
    text
}

/// The names in `$(VAR)` of a text as it is written.
pub fn expansions(written: &str) -> Vec<&str> {
    let parts = written.replace("$$", "  ");
    let mut names = Vec::new();
    let mut offset = 0;
    while let Some(start) = parts[offset..].find("$(") {
        let from = offset + start + 2;
        let Some(length) = parts[from..].find(')') else { break };
        names.push(&written[from..from + length]);
        offset = from + length;
    }
    names
}

fn items<'v>(container: &'v Value, field: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    container.get(field).and_then(Value::as_array).into_iter().flatten().enumerate()
}
