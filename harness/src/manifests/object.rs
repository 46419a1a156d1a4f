//! One object and where it came from.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::finding::{Locate, Place};
use crate::helm::ValuePath;
use crate::yaml::{self, Document};

/// The template that rendered an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// From the chart's name on, `agents/templates/deployment.yaml`.
    pub template: String,
    /// Where the document begins in the stream that Helm printed, from 1; the line of the `# Source:` comment.
    pub line: u64,
}

impl Source {
    /// Reads Helm's comment at the head of a document.
    pub(super) fn of(document: &Document) -> Option<Self> {
        let mut lines = document.text.lines().take_while(|line| line.starts_with('#') || line.trim().is_empty());
        let template = lines.find_map(|line| line.strip_prefix("# Source: "))?;
        Some(Self { template: template.trim().to_owned(), line: document.line })
    }
}

/// One Kubernetes object.
#[derive(Debug, Clone)]
pub struct Object {
    value: Value,
    source: Option<Source>,
    text: Arc<str>,
    /// Where the object is within its document: nothing, or an item of a list.
    prefix: String,
    lines: OnceLock<HashMap<String, u64>>,
}

impl Object {
    pub(super) fn new(value: Value, source: Option<Source>, text: Arc<str>, prefix: String) -> Self {
        Self { value, source, text, prefix, lines: OnceLock::new() }
    }

    /// The same object with another content.
    pub(super) fn with_value(&self, value: Value) -> Self {
        Self::new(value, self.source.clone(), Arc::clone(&self.text), self.prefix.clone())
    }

    /// All of it.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The template that rendered it, if Helm says so.
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// `apps/v1`; nothing if it has none.
    pub fn api_version(&self) -> &str {
        self.text_at("/apiVersion")
    }

    /// The API group; nothing for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// `Deployment`; nothing if it has none.
    pub fn kind(&self) -> &str {
        self.text_at("/kind")
    }

    /// The name; nothing if it has none.
    pub fn name(&self) -> &str {
        self.text_at("/metadata/name")
    }

    /// The namespace that the manifest itself names.
    pub fn namespace(&self) -> Option<&str> {
        self.value.pointer("/metadata/namespace").and_then(Value::as_str)
    }

    /// Kind and name as kubectl writes them, `deployment/agents`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.kind().to_lowercase(), self.name())
    }

    /// One label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.value.pointer("/metadata/labels")?.get(name)?.as_str()
    }

    /// One annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.value.pointer("/metadata/annotations")?.get(name)?.as_str()
    }

    /// All annotations.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(self.value.pointer("/metadata/annotations"))
    }

    /// All labels.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(self.value.pointer("/metadata/labels"))
    }

    /// The value at a JSON pointer, `/spec/replicas`.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The value at a dotted path, `spec.template.spec.volumes[0]`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        ValuePath::parse(path).get(&self.value)
    }

    /// The Helm hooks that it runs at. Empty: it is an ordinary object of the release.
    pub fn hooks(&self) -> Vec<&str> {
        let hooks = self.annotation("helm.sh/hook").unwrap_or_default();
        hooks.split(',').map(str::trim).filter(|hook| !hook.is_empty()).collect()
    }

    /// Its order among the hooks of one event; 0 where nothing is said.
    pub fn hook_weight(&self) -> i64 {
        self.annotation("helm.sh/hook-weight").and_then(|weight| weight.parse().ok()).unwrap_or(0)
    }

    /// The place of a field of this object, with its line.
    pub fn at(&self, path: &str) -> Place {
        // Only Helm's output has a template to point at.
        let line = self.source.is_some().then(|| self.line_of(path)).flatten();
        self.placed(line).field(path)
    }

    /// The line of a path in the text of the document; of the nearest parent that is written there.
    fn line_of(&self, path: &str) -> Option<u64> {
        let lines = self.lines.get_or_init(|| yaml::lines(&self.text));
        let mut path = format!("{}{path}", self.prefix);
        loop {
            if let Some(line) = lines.get(&path) {
                return Some(*line);
            }
            path.truncate(path.rfind(['.', '['])?);
        }
    }

    fn placed(&self, line: Option<u64>) -> Place {
        let mut place = Place::object(self.reference());
        place.namespace = self.namespace().map(str::to_owned);
        if let Some(source) = &self.source {
            place.template = Some(source.template.clone());
            // Helm's own comment is no line of the template.
            place.line = Some(line.map_or(1, |line| line.saturating_sub(1).max(1)));
        }
        place
    }

    fn text_at(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Locate for Object {
    fn place(&self) -> Place {
        self.placed(None)
    }
}

fn pairs(map: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let entries = map.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}
