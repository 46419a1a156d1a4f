//! What was looked at, where, what was expected and what was seen.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where something was seen: an object, narrowed as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Kind and name as kubectl writes them, `deployment/agents`; or a file of the chart.
    pub object: String,
    /// The namespace, on a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The container within the object's pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The path of the field within the object, `spec.template.spec.volumes[0]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The template that rendered it, from the chart's name on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The line within the rendered output of that template, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Place {
    /// A place that is known by its object alone.
    pub fn object(object: impl Into<String>) -> Self {
        Self { object: object.into(), ..Self::default() }
    }

    /// The same place, narrowed to a container.
    #[must_use]
    pub fn container(mut self, container: impl Into<String>) -> Self {
        self.container = Some(container.into());
        self
    }

    /// The same place, narrowed to a field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same place in a namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.object)?;
        if let Some(container) = &self.container {
            write!(formatter, ", container {container}")?;
        }
        if let Some(field) = &self.field {
            write!(formatter, ", {field}")?;
        }
        if let Some(template) = &self.template {
            write!(formatter, " ({template}")?;
            if let Some(line) = self.line {
                write!(formatter, ":{line}")?;
            }
            formatter.write_str(")")?;
        }
        Ok(())
    }
}

/// Anything that can say where it is.
pub trait Locate {
    /// Where this was seen.
    fn place(&self) -> Place;
}

impl Locate for Place {
    fn place(&self) -> Place {
        self.clone()
    }
}

impl<T: Locate + ?Sized> Locate for &T {
    fn place(&self) -> Place {
        (**self).place()
    }
}

/// How one observation compares with what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As expected.
    Met,
    /// Not as expected.
    Violated,
    /// It could not be told.
    Undecided,
    /// A positive control passed: negative results mean something.
    ControlMet,
    /// A positive control failed, so that negative results prove nothing.
    ControlFailed,
}

/// One observation of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Where it was seen.
    pub place: Place,
    /// What was looked at, a noun phrase.
    pub what: String,
    /// What was expected of it.
    pub expected: String,
    /// What was seen. For an undecided finding: what would tell.
    pub observed: String,
    /// How the two compare.
    pub outcome: Outcome,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Outcome::Met => write!(formatter, "{}: {}", self.what, self.observed),
            Outcome::Violated => {
                write!(formatter, "{}: expected {}, observed {}", self.what, self.expected, self.observed)
            }
            Outcome::Undecided => write!(formatter, "{}: could not tell: {}", self.what, self.observed),
            Outcome::ControlMet => write!(formatter, "control: {}: {}", self.what, self.observed),
            Outcome::ControlFailed => write!(
                formatter,
                "control, {}: expected {}, observed {}; without it the rest proves nothing",
                self.what, self.expected, self.observed
            ),
        }
    }
}
