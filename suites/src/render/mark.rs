//! Other values for the values of a chart, made so that each is recognised in what is rendered.
//!
//! A mark keeps the shape of what was there, so that a schema, a guard and a template take it for a value as any other:
//! `5m` becomes `20003m` and not a word.

use harness::helm::ValuePath;
use serde_json::{Value, json};

/// One value and what it is changed to.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// The value's path.
    pub(super) path: ValuePath,
    /// What it becomes.
    pub(super) value: Value,
    /// The text that shows it in what is rendered. `None`: nothing shows it but the difference.
    pub(super) sign: Option<String>,
}

impl Mark {
    /// A change of a value; `number` tells it from every other.
    pub(super) fn new(path: ValuePath, value: &Value, number: usize) -> Self {
        let word = format!("hf{number}x");
        let digits = (20_000 + number).to_string();
        let (value, sign) = match value {
            Value::Bool(on) => (json!(!on), None),
            Value::Number(_) => (json!(20_000 + number), Some(digits)),
            Value::Null => (json!(word), Some(word)),
            Value::String(text) => {
                let (text, sign) = shaped(&path, text, number, &word, &digits);
                (json!(text), Some(sign))
            }
            Value::Array(items) if items.first().is_some_and(Value::is_string) => {
                let mut items = items.clone();
                items.push(json!(word));
                (Value::Array(items), Some(word))
            }
            Value::Array(_) => (json!([{"name": word}]), None),
            Value::Object(_) => (json!({word: "true"}), None),
        };
        Self { path, value, sign }
    }

    /// The same value, changed to one of the choices that a schema leaves.
    pub(super) fn choice(path: ValuePath, value: &Value, choices: &[Value]) -> Option<Self> {
        let other = choices.iter().find(|choice| *choice != value && !choice.is_null())?;
        Some(Self { path, value: other.clone(), sign: None })
    }

    /// Whether a text shows it, which did not before.
    pub(super) fn shows(&self, text: &str, before: &str) -> bool {
        self.sign.as_ref().is_some_and(|sign| text.contains(sign) && !before.contains(sign))
    }
}

/// A text of the same shape, and the part of it that is new.
fn shaped(path: &ValuePath, text: &str, number: usize, word: &str, digits: &str) -> (String, String) {
    let named_digest = path.keys().last().is_some_and(|name| name.eq_ignore_ascii_case("digest"));
    if text.starts_with("sha256:") || text.is_empty() && named_digest {
        let digest = format!("{:064x}", 0xf00d_0000_usize + number);
        return (format!("sha256:{digest}"), digest);
    }
    let Some(start) = text.find(|character: char| character.is_ascii_digit()) else {
        return (format!("{text}{word}"), word.to_owned());
    };
    let end = text[start..].find(|character: char| !character.is_ascii_digit()).map_or(text.len(), |end| start + end);
    (format!("{}{digits}{}", &text[..start], &text[end..]), digits.to_owned())
}

#[cfg(test)]
mod tests {
    use harness::helm::ValuePath;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::Mark;

    #[rstest]
    #[case::duration("pool.maxLifetime", json!("5m"), json!("20007m"))]
    #[case::word("repository", json!("example"), json!("examplehf7x"))]
    #[case::nothing("tag", json!(""), json!("hf7x"))]
    #[case::number("port", json!(80), json!(20_007))]
    #[case::switch("enabled", json!(true), json!(false))]
    #[case::list("origins", json!(["a"]), json!(["a", "hf7x"]))]
    fn a_mark_keeps_the_shape(#[case] path: &str, #[case] value: Value, #[case] expected: Value) {
        assert_eq!(Mark::new(ValuePath::parse(path), &value, 7).value, expected);
    }

    #[test]
    fn an_empty_digest_becomes_a_digest() {
        let mark = Mark::new(ValuePath::parse("image.digest"), &json!(""), 7);
        let digest = mark.value.as_str().and_then(|text| text.strip_prefix("sha256:")).unwrap_or_default();
        assert_eq!((digest.len(), mark.sign.as_deref()), (64, Some(digest)));
    }

    #[test]
    fn what_was_there_before_shows_nothing() {
        let mark = Mark::new(ValuePath::parse("port"), &json!(80), 7);
        assert!(mark.shows("port: 20007", "port: 80"));
        assert!(!mark.shows("port: 20007", "other: 20007"));
    }
}
