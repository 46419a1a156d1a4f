//! What a check changes about the values before it renders again.

use std::fmt;

use serde_json::Value;

use crate::finding::{Locate, Place};
use crate::helm::ValuePath;

/// Values that are set or taken away, on top of the subject's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    steps: Vec<(ValuePath, Option<Value>)>,
    arguments: Vec<String>,
}

impl Change {
    /// No change: the subject's own values.
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets one value by its dotted path. A mapping is laid over the one that is there.
    pub fn set(path: impl Into<ValuePath>, value: impl Into<Value>) -> Self {
        Self::none().and_set(path, value)
    }

    /// Takes one value away by its dotted path, the chart's default too.
    pub fn remove(path: impl Into<ValuePath>) -> Self {
        Self::none().and_remove(path)
    }

    /// Values as a command line gives them to Helm, `--set`, `a=b`: Helm itself reads them, after all others. Nothing secret
    /// may be among them.
    pub fn arguments(arguments: impl IntoIterator<Item = String>) -> Self {
        Self { steps: Vec::new(), arguments: arguments.into_iter().collect() }
    }

    /// Sets a further value.
    #[must_use]
    pub fn and_set(mut self, path: impl Into<ValuePath>, value: impl Into<Value>) -> Self {
        self.steps.push((path.into(), Some(value.into())));
        self
    }

    /// Takes a further value away.
    #[must_use]
    pub fn and_remove(mut self, path: impl Into<ValuePath>) -> Self {
        self.steps.push((path.into(), None));
        self
    }

    /// As much of it as concerns values that a further chart has too, by its defaults, and that are the same in both.
    pub(super) fn shared(&self, first: &Value, defaults: &Value, further: &Value) -> Self {
        let is_shared = |(path, _): &&(ValuePath, Option<Value>)| {
            path.get(defaults).is_some() && path.get(first) == path.get(further)
        };
        Self { steps: self.steps.iter().filter(is_shared).cloned().collect(), arguments: Vec::new() }
    }

    /// What it gives to Helm on the command line.
    pub(super) fn on_the_command_line(&self) -> &[String] {
        &self.arguments
    }

    /// The paths that are changed.
    pub fn paths(&self) -> impl Iterator<Item = &ValuePath> {
        self.steps.iter().map(|(path, _)| path)
    }

    /// Lays the change over overrides; `effective` are the values that the chart would see without it.
    pub(super) fn apply(&self, overrides: &mut Value, effective: &Value) {
        for (path, value) in &self.steps {
            let new = value.clone().unwrap_or(Value::Null);
            match path.list() {
                // Helm replaces lists as a whole.
                Some(list) => {
                    let mut changed = effective.clone();
                    path.set(&mut changed, new);
                    list.set(overrides, list.get(&changed).cloned().unwrap_or(Value::Null));
                }
                None => path.set(overrides, new),
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() && !self.arguments.is_empty() {
            return formatter.write_str(&self.arguments.join(" "));
        }
        if self.steps.is_empty() {
            return formatter.write_str("the subject's own values");
        }
        for (index, (path, value)) in self.steps.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match value {
                Some(value) => write!(formatter, "{comma}{path}={value}")?,
                None => write!(formatter, "{comma}without {path}")?,
            }
        }
        Ok(())
    }
}

impl Locate for Change {
    fn place(&self) -> Place {
        Place::object("values").field(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Change;

    #[test]
    fn another_chart_is_concerned_by_the_values_that_it_shares() {
        let change = Change::set("database.caSecret.name", "").and_set("image", "b").and_remove("pool.size");
        let first = json!({"database": {"caSecret": {"name": "db-ca"}}, "image": "a", "pool": {"size": 1}});
        let defaults = json!({"database": {"caSecret": {"name": ""}}, "image": "c"});
        let further = json!({"database": {"caSecret": {"name": "db-ca"}}, "image": "c", "pool": {"size": 1}});
        assert_eq!(change.shared(&first, &defaults, &further), Change::set("database.caSecret.name", ""));
    }
}
