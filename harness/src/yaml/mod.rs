//! The only room that knows the YAML crate.
//!
//! Two ways of reading. *Strict* is for files that people write for Holdfast: unknown and duplicate keys are errors with
//! a position and what was expected. *Lenient* is for manifests and values, read as Helm and the API server read them:
//! YAML 1.1 booleans and octals, the last duplicate wins and is reported. No error ever carries a piece of the source,
//! because what is read may hold a secret.

mod lenient;
mod lines;
mod problem;

use camino::{Utf8Path, Utf8PathBuf};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Options};

use self::lenient::lenient;
pub use self::lines::lines;
use self::problem::invalid;

/// Why a YAML text could not be read.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// The file cannot be read at all.
    #[error("read {path}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The text is not what was expected.
    #[error("{name}:{line}:{column}: {problem}")]
    Invalid {
        /// The file, or a name for a text that is none.
        name: String,
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// What was found and what was expected, without a quotation of the text around it.
        problem: String,
    },
}

/// Reads a file that a person wrote for Holdfast.
///
/// # Errors
/// The file cannot be read, or has an unknown, duplicate or missing key, or a value of another type.
pub fn read_strict<T: DeserializeOwned>(path: &Utf8Path) -> Result<T, YamlError> {
    let text = std::fs::read_to_string(path).map_err(|source| YamlError::Read { path: path.to_owned(), source })?;
    parse_strict(&text, path.as_str())
}

/// Reads a text that a person wrote for Holdfast; `name` is what errors call it.
///
/// # Errors
/// It has an unknown, duplicate or missing key, or a value of another type.
pub fn parse_strict<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, YamlError> {
    let options = options(DuplicateKeyPolicy::Error);
    serde_saphyr::from_str_with_options(text, options).map_err(|error| invalid(name, 0, &error))
}

/// One document of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The line of its first character in the stream, from 1.
    pub line: u64,
    /// What it says. An empty document is null.
    pub value: Value,
    /// Keys that occur more than once in one mapping, as dotted paths. The last occurrence won.
    pub duplicates: Vec<String>,
    /// Its text.
    pub text: String,
}

/// Reads a stream of documents as Helm and the API server do. Documents that say nothing are left out.
///
/// # Errors
/// A document is not YAML; `name` is what the error calls the stream.
pub fn documents(text: &str, name: &str) -> Result<Vec<Document>, YamlError> {
    let mut found = Vec::new();
    for (line, part) in split(text) {
        let (value, duplicates) = lenient(part).map_err(|error| invalid(name, line - 1, &error))?;
        if !value.is_null() {
            found.push(Document { line, value, duplicates, text: part.to_owned() });
        }
    }
    Ok(found)
}

/// Reads one document leniently; what a file of values is.
///
/// # Errors
/// The text is not YAML; `name` is what the error calls it.
pub fn parse_lenient(text: &str, name: &str) -> Result<Value, YamlError> {
    lenient(text).map(|(value, _)| value).map_err(|error| invalid(name, 0, &error))
}

/// Reads a file with one document leniently.
///
/// # Errors
/// The file cannot be read, or is not YAML.
pub fn read_lenient(path: &Utf8Path) -> Result<Value, YamlError> {
    let text = std::fs::read_to_string(path).map_err(|source| YamlError::Read { path: path.to_owned(), source })?;
    parse_lenient(&text, path.as_str())
}

/// Reads a file of values: as Helm does, but a duplicate key is an error, because one of the two is not what it seems.
///
/// # Errors
/// The text is not YAML or has a duplicate key; `name` is what the error calls it.
pub fn parse_values(text: &str, name: &str) -> Result<Value, YamlError> {
    let (value, duplicates) = lenient(text).map_err(|error| invalid(name, 0, &error))?;
    let Some(path) = duplicates.first() else { return Ok(value) };
    let line = lines(text).get(path).copied().unwrap_or(1);
    let problem = format!("the key `{path}` occurs twice, and Helm takes the last one; take one of them away");
    Err(YamlError::Invalid { name: name.to_owned(), line, column: 1, problem })
}

/// Splits a stream at the lines that start with `---`, as kubectl and Helm do, and counts lines.
///
/// A block scalar cannot hide such a line: its content is indented.
fn split(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (index, line) in (1..).zip(text.split_inclusive('\n')) {
        let bare = line.trim_end();
        if bare == "---" || line.starts_with("--- ") {
            if !blank(&text[start..offset]) {
                parts.push((start_line, &text[start..offset]));
            }
            // What follows on the line of the separator belongs to the document, `--- # comment` included.
            start = if bare == "---" { offset + line.len() } else { offset };
            start_line = if bare == "---" { index + 1 } else { index };
        }
        offset += line.len();
    }
    if !blank(&text[start..]) {
        parts.push((start_line, &text[start..]));
    }
    parts
}

fn blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! {
        duplicate_keys: duplicate_keys,
        legacy_octal_numbers: true,
        // Nothing here reads comments, and there is a limit to how many may stand in a row.
        emit_comments: false,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::{documents, parse_lenient, parse_strict};

    #[test]
    fn values_may_be_commented_at_any_length() {
        let text = format!("a:\n{}  b: 1\nc: [\n{}  2]\n", "  # why\n".repeat(200), "  # why\n".repeat(200));
        assert_eq!(parse_lenient(&text, "s").unwrap(), json!({"a": {"b": 1}, "c": [2]}));
    }

    #[test]
    fn a_stream_is_split_into_its_documents_with_their_lines() {
        let stream = "# a comment\n---\n# Source: a/b.yaml\nkind: A\ntext: |\n  ---\n  not a separator\n---\n---\nkind: B\n--- # c\nkind: C\n";
        let found: Vec<(u64, Value)> =
            documents(stream, "s").unwrap().into_iter().map(|document| (document.line, document.value)).collect();
        assert_eq!(
            found,
            [
                (3, json!({"kind": "A", "text": "---\nnot a separator\n"})),
                (10, json!({"kind": "B"})),
                (11, json!({"kind": "C"})),
            ]
        );
    }

    #[test]
    fn the_last_duplicate_wins_and_is_reported() {
        let read = documents("a: {x: 1, x: 2}\nb: [{z: 1}, {z: 1, z: 3}]\na: {x: 9}\n", "s").unwrap();
        assert_eq!(read[0].value, json!({"a": {"x": 9}, "b": [{"z": 1}, {"z": 3}]}));
        assert_eq!(read[0].duplicates, ["a.x", "b[1].z", "a"]);
    }

    #[rstest]
    #[case::legacy_octal("0644", json!(420))]
    #[case::octal("0o644", json!(420))]
    #[case::yes("yes", json!(true))]
    #[case::quoted_yes("'yes'", json!("yes"))]
    #[case::port("5432", json!(5432))]
    #[case::version("1.10", json!(1.1))]
    #[case::null("~", Value::Null)]
    #[case::duration("60s", json!("60s"))]
    #[case::leading_zero_that_is_no_octal("089", json!(89.0))]
    fn plain_scalars_mean_what_they_mean_to_helm(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(parse_lenient(&format!("a: {text}\n"), "s").unwrap(), json!({ "a": expected }));
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading matters")]
    struct Card {
        name: String,
        #[serde(default)]
        count: u8,
    }

    #[rstest]
    #[case::unknown("name: a\nnmae: b\n", "f:2:1: unknown field `nmae`, expected one of `name`, `count`")]
    #[case::duplicate("name: a\nname: b\n", "f:2:1: the key `name` occurs twice; take one of them away")]
    #[case::missing("count: 1\n", "f:1:1: the field `name` is missing")]
    #[case::other_type("name: a\ncount: [hunter2]\n", "f:2:8: expected a single value, found a list or a mapping")]
    #[case::second_document("name: a\n---\nname: b\n", "f:3:1: a second document begins, expected one")]
    fn a_strict_error_names_the_position_and_what_was_expected(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(parse_strict::<Card>(text, "f").unwrap_err().to_string(), expected);
    }

    #[rstest]
    #[case::unclosed("password: \"hunter2\nb: [\n")]
    #[case::wrong_type("name: a\ncount: hunter2\n")]
    #[case::bad_indent("name: hunter2\n  count: hunter2\n")]
    fn no_error_quotes_the_text(#[case] text: &str) {
        let message = parse_strict::<Card>(text, "f").unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
        let message = documents("a: \"hunter2\n", "f").unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }
}
