//! Expectations that describe themselves, so that a finding's text is made from what was really compared.

use std::fmt::{self, Debug, Display};

/// Something that a value may meet. Its `Display` completes "expected ...".
pub trait Expectation<T: ?Sized>: Display {
    /// Whether the value is as expected.
    fn is_met_by(&self, observed: &T) -> bool;

    /// The value as a reader should see it, completing "observed ...".
    fn show(&self, observed: &T) -> String;
}

/// Expects exactly this value.
pub fn equal_to<T>(expected: T) -> EqualTo<T> {
    EqualTo(expected)
}

/// Expects one of these values.
pub fn one_of<T>(allowed: &[T]) -> OneOf<'_, T> {
    OneOf(allowed)
}

/// Expects no item at all.
pub fn empty() -> Empty {
    Empty
}

/// Expects at least one item.
pub fn not_empty() -> NotEmpty {
    NotEmpty
}

/// Expects a time of at most so many seconds; a time that is not known meets it never.
pub fn within_seconds(limit: f64) -> WithinSeconds {
    WithinSeconds(limit)
}

/// Expects a number that is not above this one.
pub fn at_most(limit: u64) -> AtMost {
    AtMost(limit)
}

/// Expects that a predicate holds; `description` completes "expected ...".
pub fn that<F>(description: &'static str, predicate: F) -> That<F> {
    That { description, predicate }
}

/// See [`equal_to`].
#[derive(Debug)]
pub struct EqualTo<T>(T);

impl<T: Debug> Display for EqualTo<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&plain(&self.0))
    }
}

impl<E: Debug, T: Debug + ?Sized + PartialEq<E>> Expectation<T> for EqualTo<E> {
    fn is_met_by(&self, observed: &T) -> bool {
        observed == &self.0
    }

    fn show(&self, observed: &T) -> String {
        plain(observed)
    }
}

/// See [`one_of`].
#[derive(Debug)]
pub struct OneOf<'a, T>(&'a [T]);

impl<T: Debug> Display for OneOf<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed: Vec<String> = self.0.iter().map(plain).collect();
        match allowed.as_slice() {
            [only] => formatter.write_str(only),
            _ => write!(formatter, "one of {}", allowed.join(", ")),
        }
    }
}

impl<T: Debug, O: Debug + ?Sized + PartialEq<T>> Expectation<O> for OneOf<'_, T> {
    fn is_met_by(&self, observed: &O) -> bool {
        self.0.iter().any(|allowed| observed == allowed)
    }

    fn show(&self, observed: &O) -> String {
        plain(observed)
    }
}

/// See [`empty`].
#[derive(Debug)]
pub struct Empty;

impl Display for Empty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("none")
    }
}

impl<T: Display> Expectation<[T]> for Empty {
    fn is_met_by(&self, observed: &[T]) -> bool {
        observed.is_empty()
    }

    fn show(&self, observed: &[T]) -> String {
        list(observed)
    }
}

/// See [`not_empty`].
#[derive(Debug)]
pub struct NotEmpty;

impl Display for NotEmpty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("some")
    }
}

impl<T: Display> Expectation<[T]> for NotEmpty {
    fn is_met_by(&self, observed: &[T]) -> bool {
        !observed.is_empty()
    }

    fn show(&self, observed: &[T]) -> String {
        list(observed)
    }
}

/// See [`within_seconds`].
#[derive(Debug)]
pub struct WithinSeconds(f64);

impl Display for WithinSeconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {:.2} s", self.0)
    }
}

impl Expectation<Option<f64>> for WithinSeconds {
    fn is_met_by(&self, observed: &Option<f64>) -> bool {
        observed.is_some_and(|seconds| seconds <= self.0)
    }

    fn show(&self, observed: &Option<f64>) -> String {
        observed.map_or_else(|| "no end of it".into(), |seconds| format!("{seconds:.2} s"))
    }
}

/// See [`at_most`].
#[derive(Debug)]
pub struct AtMost(u64);

impl Display for AtMost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {}", self.0)
    }
}

impl Expectation<u64> for AtMost {
    fn is_met_by(&self, observed: &u64) -> bool {
        *observed <= self.0
    }

    fn show(&self, observed: &u64) -> String {
        observed.to_string()
    }
}

/// See [`that`].
pub struct That<F> {
    description: &'static str,
    predicate: F,
}

impl<F> Display for That<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.description)
    }
}

impl<T: Debug + ?Sized, F: Fn(&T) -> bool> Expectation<T> for That<F> {
    fn is_met_by(&self, observed: &T) -> bool {
        (self.predicate)(observed)
    }

    fn show(&self, observed: &T) -> String {
        plain(observed)
    }
}

fn list<T: Display>(items: &[T]) -> String {
    const SHOWN: usize = 5;
    if items.is_empty() {
        return "none".into();
    }
    let mut shown: Vec<String> = items.iter().take(SHOWN).map(T::to_string).collect();
    if items.len() > SHOWN {
        shown.push(format!("and {} more", items.len() - SHOWN));
    }
    format!("{} ({})", items.len(), shown.join("; "))
}

/// `Debug` without the quotation marks of strings, and with `nothing` for an absent value.
fn plain<T: Debug + ?Sized>(value: &T) -> String {
    let text = format!("{value:?}");
    let text = text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&text);
    match text {
        "None" => "nothing".into(),
        "\"\"" => "an empty text".into(),
        _ => text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Expectation, empty, equal_to, one_of, that};

    #[test]
    fn the_description_and_the_observation_read_as_a_sentence() {
        let expected = one_of(&["verify-ca", "verify-full"]);
        assert_eq!(
            format!("expected {expected}, observed {}", expected.show(&"prefer")),
            "expected one of verify-ca, verify-full, observed prefer"
        );
        assert!(!expected.is_met_by(&"prefer"));
        assert!(expected.is_met_by(&"verify-ca"));
    }

    #[test]
    fn an_absent_value_is_nothing() {
        let expected = equal_to(Some("ca.crt"));
        assert_eq!(expected.show(&None::<&str>), "nothing");
        assert_eq!(expected.to_string(), "ca.crt");
        assert!(!expected.is_met_by(&None::<&str>));
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(empty().show(&[1, 2, 3, 4, 5, 6, 7][..]), "7 (1; 2; 3; 4; 5; and 2 more)");
    }

    #[test]
    fn a_predicate_says_what_it_wants() {
        let expected = that("an absolute path", |path: &str| path.starts_with('/'));
        assert!(!expected.is_met_by("ca.crt"));
        assert_eq!(expected.to_string(), "an absolute path");
    }
}
