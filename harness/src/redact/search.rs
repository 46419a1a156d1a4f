//! The search for all spellings of all credentials at once.
//!
//! It finds and says what it found; what to do about it is the caller's.

use std::collections::BTreeMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use super::forms::Form;

/// Every spelling of every credential, with the credential's name.
pub(super) type Spellings = BTreeMap<String, (Arc<str>, Form)>;

/// The search for all spellings at once, and what each belongs to.
#[derive(Default)]
pub(super) struct Patterns {
    automaton: Option<AhoCorasick>,
    owners: Vec<(Arc<str>, Form)>,
    /// The length of the longest spelling, in bytes.
    pub(super) longest: usize,
}

/// One spelling of one credential within some bytes.
pub(super) struct Hit<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) name: &'a str,
    pub(super) form: Form,
}

impl Patterns {
    /// A search for every spelling.
    pub(super) fn of(spellings: &Spellings) -> Result<Self, aho_corasick::BuildError> {
        let longest = spellings.keys().map(String::len).max().unwrap_or(0);
        let automaton = if spellings.is_empty() {
            None
        } else {
            // The longest spelling wins, so that no padding or rest of a longer one is left standing.
            Some(AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(spellings.keys())?)
        };
        Ok(Self { automaton, owners: spellings.values().cloned().collect(), longest })
    }

    /// Every spelling, from left to right, without overlaps.
    pub(super) fn hits<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Hit<'a>> + 'a {
        self.automaton.iter().flat_map(move |automaton| automaton.find_iter(bytes)).filter_map(|found| {
            let (name, form) = self.owners.get(found.pattern().as_usize())?;
            Some(Hit { start: found.start(), end: found.end(), name, form: *form })
        })
    }
}

/// What stands in the place of a credential.
pub(super) fn mask_of(name: &str) -> String {
    format!("[redacted:{name}]")
}
