//! Kubernetes objects as Helm prints them, each with the template that it came from.
//!
//! Nothing is interpreted here beyond names and labels; what objects mean together is the graph's.

mod object;

use std::sync::Arc;

pub use self::object::{Object, Source};
use crate::finding::Place;
use crate::yaml::{self, YamlError};

/// The objects of a stream, in its order.
#[derive(Debug, Clone, Default)]
pub struct Manifests {
    objects: Vec<Arc<Object>>,
    duplicates: Vec<(Place, String)>,
}

impl Manifests {
    /// Reads a stream of manifests. A `List` counts as its items.
    ///
    /// # Errors
    /// A document is not YAML; `name` is what the error calls the stream.
    pub fn parse(text: &str, name: &str) -> Result<Self, YamlError> {
        let mut read = Self::default();
        for document in yaml::documents(text, name)? {
            let source = Source::of(&document);
            let text: Arc<str> = document.text.as_str().into();
            let mut add = |value, prefix| {
                read.objects.push(Arc::new(Object::new(value, source.clone(), Arc::clone(&text), prefix)));
            };
            let is_list = document.value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
            match document.value.get("items").and_then(serde_json::Value::as_array).filter(|_| is_list) {
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        add(item.clone(), format!("items[{index}]."));
                    }
                }
                None => add(document.value.clone(), String::new()),
            }
            if let Some(object) = read.objects.last() {
                let place = crate::finding::Locate::place(&**object);
                let duplicates = document.duplicates.into_iter().map(|path| (place.clone(), path));
                read.duplicates.extend(duplicates);
            }
        }
        Ok(read)
    }

    /// All objects, in the order of the stream.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().map(|object| &**object)
    }

    /// All objects, to be kept.
    pub(crate) fn shared(&self) -> &[Arc<Object>] {
        &self.objects
    }

    /// The objects of one kind, in any API group.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects().filter(move |object| object.kind() == kind)
    }

    /// One object by kind and name.
    pub fn find(&self, kind: &str, name: &str) -> Option<&Object> {
        self.objects().find(|object| object.kind() == kind && object.name() == name)
    }

    /// Keys that occur twice in one mapping: the object and the dotted path. The last one won.
    pub fn duplicate_keys(&self) -> &[(Place, String)] {
        &self.duplicates
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Adds the objects of another stream.
    pub fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.duplicates.extend(other.duplicates);
    }

    /// The same objects, each passed through a change; what the change drops is gone.
    #[must_use]
    pub fn map(&self, mut change: impl FnMut(&Object) -> Option<serde_json::Value>) -> Self {
        let objects = self.objects.iter().filter_map(|object| {
            let value = change(object)?;
            Some(if value == *object.value() { Arc::clone(object) } else { Arc::new(object.with_value(value)) })
        });
        Self { objects: objects.collect(), duplicates: self.duplicates.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Manifests;
    use crate::finding::Locate as _;

    const STREAM: &str = "---\n# Source: agents/templates/secret.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  namespace: prod\n  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: \"-5\"}\ndata: {password: aHVudGVyMg==}\nstringData: {user: app}\n---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: c, name: d}}\n";

    #[test]
    fn objects_know_their_template_and_a_list_counts_as_its_items() {
        let manifests = Manifests::parse(STREAM, "stdin").unwrap();
        let places: Vec<String> = manifests.objects().map(|object| object.place().to_string()).collect();
        assert_eq!(places, ["secret/a (agents/templates/secret.yaml:1)", "configmap/b", "configmap/d"]);
    }

    #[test]
    fn a_duplicate_key_is_kept_as_something_to_report() {
        let manifests = Manifests::parse(STREAM, "stdin").unwrap();
        let [(_, path)] = manifests.duplicate_keys() else { panic!("expected one") };
        assert_eq!(path, "items[1].metadata.name");
    }

    #[test]
    fn a_field_has_the_line_of_its_text() {
        let manifests = Manifests::parse(STREAM, "stdin").unwrap();
        let secret = manifests.find("Secret", "a").unwrap();
        assert_eq!(
            secret.at("metadata.namespace").to_string(),
            "secret/a, metadata.namespace (agents/templates/secret.yaml:5)"
        );
    }

    #[test]
    fn labels_hooks_and_pointers_are_read() {
        let manifests = Manifests::parse(STREAM, "stdin").unwrap();
        let secret = manifests.find("Secret", "a").unwrap();
        assert_eq!(secret.hooks(), ["pre-install"]);
        assert_eq!(secret.hook_weight(), -5);
        assert_eq!(secret.get("stringData.user"), Some(&json!("app")));
        assert_eq!(secret.namespace(), Some("prod"));
    }
}
