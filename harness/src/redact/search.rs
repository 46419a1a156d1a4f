//! The search for all spellings of all credentials at once.
//!
//! It finds and says what it found; what to do about it is the caller's.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError, Input, Match, MatchKind};

use super::forms::Form;

/// Every spelling of every credential, with the credential's name.
pub(super) type Spellings = BTreeMap<String, (Arc<str>, Form)>;

/// The search for all spellings at once, and what each belongs to.
///
/// To prepare a search takes as long as it is large, and a run learns a credential at a time. So there are parts, each
/// larger than all that came after it: what is new is prepared together with what is not larger than itself, and every
/// spelling is prepared a few times in a run instead of each time.
#[derive(Clone, Default)]
pub(super) struct Patterns {
    parts: Vec<Arc<Part>>,
    /// The length of the longest spelling, in bytes.
    pub(super) longest: usize,
}

/// Spellings that were prepared together.
struct Part {
    spellings: Spellings,
    automaton: AhoCorasick,
    /// By the number of the spelling within this part.
    owners: Vec<(Arc<str>, Form)>,
}

/// One spelling of one credential within some bytes.
pub(super) struct Hit<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) name: &'a str,
    pub(super) form: Form,
}

impl Patterns {
    /// The same search for more spellings. One that it is for already keeps its name.
    pub(super) fn with(&self, more: Spellings) -> Result<Self, BuildError> {
        let is_new = |spelling: &String| self.parts.iter().all(|part| !part.spellings.contains_key(spelling));
        let mut new: Spellings = more.into_iter().filter(|(spelling, _)| is_new(spelling)).collect();
        if new.is_empty() {
            return Ok(self.clone());
        }
        let mut parts = self.parts.clone();
        while let Some(last) = parts.pop_if(|last| last.spellings.len() <= new.len()) {
            new.extend(last.spellings.clone());
        }
        let longest = new.keys().map(String::len).max().unwrap_or(0).max(self.longest);
        parts.push(Arc::new(Part::of(new)?));
        Ok(Self { parts, longest })
    }

    /// Every spelling, from left to right, without overlaps. The longest one wins, so that no padding or rest of a longer
    /// one is left standing.
    pub(super) fn hits<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Hit<'a>> + 'a {
        let mut next: Vec<Option<Match>> = self.parts.iter().map(|part| part.automaton.find(bytes)).collect();
        std::iter::from_fn(move || {
            let found = next.iter().zip(&self.parts).filter_map(|(found, part)| Some(((*found)?, part)));
            let (found, part) = found.min_by_key(|(found, _)| (found.start(), Reverse(found.end())))?;
            // What another part found behind this one is still the first that it finds there.
            for (next, part) in next.iter_mut().zip(&self.parts) {
                if next.is_some_and(|next| next.start() < found.end()) {
                    *next = part.automaton.find(Input::new(bytes).range(found.end()..));
                }
            }
            let (name, form) = &part.owners[found.pattern().as_usize()];
            Some(Hit { start: found.start(), end: found.end(), name, form: *form })
        })
    }
}

impl Part {
    fn of(spellings: Spellings) -> Result<Self, BuildError> {
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(spellings.keys())?;
        let owners = spellings.values().cloned().collect();
        Ok(Self { spellings, automaton, owners })
    }
}

/// What stands in the place of a credential.
pub(super) fn mask_of(name: &str) -> String {
    format!("[redacted:{name}]")
}

#[cfg(test)]
mod tests {
    use super::{Form, Patterns, Spellings};

    fn spellings<'a>(texts: impl IntoIterator<Item = &'a str>, name: &str) -> Spellings {
        texts.into_iter().map(|text| (text.to_owned(), (name.into(), Form::Raw))).collect()
    }

    fn found(patterns: &Patterns, text: &str) -> Vec<String> {
        patterns.hits(text.as_bytes()).map(|hit| format!("{}={}", hit.name, &text[hit.start..hit.end])).collect()
    }

    #[test]
    fn parts_find_together_what_one_search_finds() {
        let batches = [vec!["abc", "bcd", "xy", "xyz"], vec!["abcde"], vec!["cdefg", "z"], vec!["de"]];
        let mut parts = Patterns::default();
        for batch in &batches {
            parts = parts.with(spellings(batch.iter().copied(), "a")).unwrap();
        }
        let whole = Patterns::default().with(spellings(batches.concat(), "a")).unwrap();
        assert!(parts.parts.len() > whole.parts.len());
        for text in ["abcdefg", "abcdcdefgxyzz", "bcdexyabcabcd", "zdexxycdefgabcde", "nothing"] {
            assert_eq!(found(&parts, text), found(&whole, text), "{text}");
        }
    }

    #[test]
    fn a_part_is_larger_than_what_came_after_it() {
        let texts: Vec<String> = (0..100).map(|number| format!("credential-{number:03}")).collect();
        let mut patterns = Patterns::default();
        for text in &texts {
            patterns = patterns.with(spellings([text.as_str()], text)).unwrap();
        }
        let sizes: Vec<usize> = patterns.parts.iter().map(|part| part.spellings.len()).collect();
        assert_eq!(sizes, [64, 32, 4], "one hundred in binary");
        assert!(texts.iter().all(|text| found(&patterns, text) == [format!("{text}={text}")]));
    }

    #[test]
    fn a_spelling_keeps_the_name_under_which_it_came() {
        let first = Patterns::default().with(spellings(["secret-one"], "first")).unwrap();
        let both = first.with(spellings(["secret-one", "secret-two"], "second")).unwrap();
        assert_eq!(found(&both, "secret-one secret-two"), ["first=secret-one", "second=secret-two"]);
    }
}
