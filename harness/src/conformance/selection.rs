//! Which requirements a person asked for, `CA,ROT-04`, and which overlays.

use crate::contract::ContractVersion;
use crate::requirement::Requirement;
use crate::subject::Subject;

/// A selection of requirements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    words: Vec<String>,
}

/// A word of a selection that selects nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "select {word}: the contract has no such area or requirement; its areas are {areas}, `holdfast catalog` lists all"
)]
pub struct SelectionError {
    word: String,
    areas: String,
}

/// An overlay that a subject does not have.
#[derive(Debug, thiserror::Error)]
#[error("use overlay {overlay} of subject {subject}: there is none of that name; it has {known}")]
pub struct OverlayError {
    overlay: String,
    subject: String,
    known: String,
}

/// A subject that was written for a contract of which this program knows nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "judge subject {subject}: it was written for contract {pinned}, and this Holdfast knows the contract up to {known}; \
     take a newer Holdfast"
)]
pub struct ContractError {
    subject: String,
    pinned: String,
    known: String,
}

/// Sees to it that a subject was written for this contract, or for an earlier version of it.
///
/// # Errors
/// When it was written for a later one.
pub fn expect_contract(subject: &Subject, known: &str) -> Result<(), ContractError> {
    let pinned = &subject.file().contract;
    let later = match (pinned.parse::<ContractVersion>(), known.parse::<ContractVersion>()) {
        (Ok(pinned), Ok(known)) => pinned > known,
        _ => false,
    };
    if !later {
        return Ok(());
    }
    Err(ContractError { subject: subject.name().into(), pinned: pinned.clone(), known: known.into() })
}

/// Sees to it that a subject has every overlay that was asked for.
///
/// # Errors
/// With the first one that it does not have.
pub fn expect_overlays(subject: &Subject, overlays: &[String]) -> Result<(), OverlayError> {
    let Some(unknown) = overlays.iter().find(|name| subject.overlay(name).is_none()) else { return Ok(()) };
    let known: Vec<&str> = subject.overlays().iter().map(|overlay| overlay.name.as_str()).collect();
    Err(OverlayError { overlay: unknown.clone(), subject: subject.name().into(), known: known.join(", ") })
}

impl Selection {
    /// Reads words such as `CA` and `rot-04`; no word at all selects everything.
    ///
    /// # Errors
    /// When a word selects nothing.
    pub fn parse(words: &[String], catalog: &[&Requirement]) -> Result<Self, SelectionError> {
        let words: Vec<String> = words.iter().map(|word| word.trim().to_uppercase()).collect();
        for word in &words {
            if !catalog.iter().any(|requirement| selects(word, requirement)) {
                let mut areas: Vec<&str> = catalog.iter().map(|requirement| requirement.area()).collect();
                areas.dedup();
                return Err(SelectionError { word: word.clone(), areas: areas.join(", ") });
            }
        }
        Ok(Self { words })
    }

    /// Whether it selects everything.
    pub fn is_everything(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether it selects a requirement.
    pub fn includes(&self, requirement: &Requirement) -> bool {
        self.is_everything() || self.words.iter().any(|word| selects(word, requirement))
    }
}

fn selects(word: &str, requirement: &Requirement) -> bool {
    word == requirement.area() || word == requirement.id
}

#[cfg(test)]
mod tests {
    use super::Selection;
    use crate::requirement::{Level, Requirement};

    const CA_06: Requirement = Requirement {
        id: "CA-06",
        title: "The client verifies the server",
        level: Level::Must,
        source: "",
        since: "1.0",
        revision: 1,
        features: &[],
        experiments: &[],
        decisive: &[],
        remedy: "",
        rendered: None,
        live: None,
    };
    const TLS_01: Requirement = Requirement { id: "TLS-01", ..CA_06 };

    #[test]
    fn areas_and_ids_select_in_any_case() {
        let selection = Selection::parse(&["ca-06".into()], &[&CA_06, &TLS_01]).unwrap();
        assert!(selection.includes(&CA_06) && !selection.includes(&TLS_01));
        assert!(Selection::parse(&["TLS".into()], &[&CA_06, &TLS_01]).unwrap().includes(&TLS_01));
    }

    #[test]
    fn a_word_that_selects_nothing_is_refused_and_names_the_areas() {
        let refused = Selection::parse(&["CA-99".into()], &[&CA_06, &TLS_01]).unwrap_err().to_string();
        assert!(refused.contains("CA-99") && refused.contains("CA, TLS"), "{refused}");
    }
}
