//! What manifests say, or that they do not say.

use std::fmt;

/// Something that is known, or a hint at what would tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is known.
    Known(T),
    /// The manifests do not say; the text says what would.
    Unknown(String),
}

impl<T> Fact<T> {
    /// The value, where it is known.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The same fact about something made from the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(change(value)),
            Self::Unknown(hint) => Fact::Unknown(hint),
        }
    }

    /// The same fact by reference.
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Self::Known(value) => Fact::Known(value),
            Self::Unknown(hint) => Fact::Unknown(hint.clone()),
        }
    }
}

/// A text of which parts may be unknown: what stands in a Secret that is not in the manifests.
///
/// Each unknown part is one character of Unicode's private use area, so that a text can be parsed around its holes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    text: String,
    holes: Vec<String>,
}

const FIRST_HOLE: u32 = 0xE000;

impl Text {
    /// A text that is known.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), holes: Vec::new() }
    }

    /// A text that is not known at all; `hint` says what would tell.
    pub fn unknown(hint: impl Into<String>) -> Self {
        let mut text = Self::default();
        text.push_hole(hint.into());
        text
    }

    /// The text, if no part of it is unknown; else what would tell the first unknown part.
    pub fn fact(&self) -> Fact<&str> {
        match self.holes.first() {
            None => Fact::Known(&self.text),
            Some(hint) => Fact::Unknown(hint.clone()),
        }
    }

    /// The text, if no part of it is unknown.
    pub fn known(&self) -> Option<&str> {
        self.holes.is_empty().then_some(self.text.as_str())
    }

    /// Whether nothing of it is known.
    pub fn is_unknown(&self) -> bool {
        !self.holes.is_empty() && self.text.chars().count() == self.holes.len()
    }

    /// The text with its holes, for parsers.
    pub(super) fn with_holes(&self) -> &str {
        &self.text
    }

    /// A part of this text as a text of its own.
    pub(super) fn part(&self, part: &str) -> Self {
        let mut text = Self::default();
        for character in part.chars() {
            match self.hole(character) {
                Some(hint) => text.push_hole(hint.to_owned()),
                None => text.text.push(character),
            }
        }
        text
    }

    pub(super) fn push_str(&mut self, known: &str) {
        self.text.push_str(known);
    }

    pub(super) fn push_text(&mut self, other: &Self) {
        for character in other.text.chars() {
            match other.hole(character) {
                Some(hint) => self.push_hole(hint.to_owned()),
                None => self.text.push(character),
            }
        }
    }

    fn push_hole(&mut self, hint: String) {
        let index = u32::try_from(self.holes.len()).unwrap_or(0);
        if let Some(hole) = char::from_u32(FIRST_HOLE + index) {
            self.text.push(hole);
            self.holes.push(hint);
        }
    }

    fn hole(&self, character: char) -> Option<&str> {
        let index = u32::from(character).checked_sub(FIRST_HOLE)?;
        self.holes.get(usize::try_from(index).ok()?).map(String::as_str)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.text.chars() {
            match self.hole(character) {
                Some(_) => formatter.write_str("(unknown)")?,
                None => write!(formatter, "{character}")?,
            }
        }
        Ok(())
    }
}
