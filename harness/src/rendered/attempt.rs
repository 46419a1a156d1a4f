//! What became of rendering a chart with other values.

use std::fmt;

use super::Rendering;
use crate::expectation::Expectation;
use crate::helm::Refusal;

/// What Helm answered: manifests, or a refusal.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// It rendered.
    Rendered(Rendering),
    /// It refused.
    Refused(Refusal),
}

impl Attempt {
    /// The rendering, if there is one.
    pub fn rendering(&self) -> Option<&Rendering> {
        match self {
            Self::Rendered(rendering) => Some(rendering),
            Self::Refused(_) => None,
        }
    }

    /// The refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Rendered(_) => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rendered(rendering) => write!(formatter, "{} rendered objects", rendering.manifests().len()),
            Self::Refused(refusal) => write!(formatter, "the refusal \"{refusal}\""),
        }
    }
}

/// Expects that Helm renders.
pub fn renders() -> Renders {
    Renders
}

/// Expects that Helm refuses, whatever it says.
pub fn refused() -> Refused {
    Refused { naming: Vec::new() }
}

/// Expects that Helm refuses and that the message names a value, so that its reader knows what to set.
pub fn refused_naming(path: &str) -> Refused {
    Refused { naming: vec![path.to_owned()] }
}

/// Expects that Helm refuses and that the message names one of these values.
pub fn refused_naming_any<'a>(paths: impl IntoIterator<Item = &'a str>) -> Refused {
    Refused { naming: paths.into_iter().map(str::to_owned).collect() }
}

/// See [`renders`].
#[derive(Debug)]
pub struct Renders;

impl fmt::Display for Renders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("that it renders")
    }
}

impl Expectation<Attempt> for Renders {
    fn is_met_by(&self, observed: &Attempt) -> bool {
        observed.rendering().is_some()
    }

    fn show(&self, observed: &Attempt) -> String {
        observed.to_string()
    }
}

/// See [`refused`], [`refused_naming`] and [`refused_naming_any`].
#[derive(Debug)]
pub struct Refused {
    naming: Vec<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.naming.as_slice() {
            [] => formatter.write_str("a refusal"),
            names => write!(formatter, "a refusal that names {}", names.join(" or ")),
        }
    }
}

impl Expectation<Attempt> for Refused {
    fn is_met_by(&self, observed: &Attempt) -> bool {
        let Some(refusal) = observed.refusal() else { return false };
        self.naming.is_empty() || self.naming.iter().any(|path| refusal.names(path))
    }

    fn show(&self, observed: &Attempt) -> String {
        observed.to_string()
    }
}
