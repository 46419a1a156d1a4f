//! What is wrong with a text, for people, without a piece of the text.

use serde_saphyr::Error;

use super::YamlError;

pub(super) fn invalid(name: &str, lines_before: u64, error: &Error) -> YamlError {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line() + lines_before, at.column()));
    YamlError::Invalid { name: name.to_owned(), line, column, problem: problem(error.without_snippet()) }
}

/// Says what is wrong without quoting values; names of fields are no secrets.
fn problem(error: &Error) -> String {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("unknown field `{field}`, expected {}", choice(expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown name `{variant}`, expected {}", choice(expected))
        }
        Error::SerdeMissingField { field, .. } => format!("the field `{field}` is missing"),
        Error::SerdeInvalidType { expected, unexpected, .. } => {
            format!("expected {expected}, found {}", kind_of(unexpected))
        }
        Error::SerdeInvalidValue { expected, .. } => format!("expected {expected}"),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{key}` occurs twice; take one of them away")
        }
        Error::DuplicateMappingKey { .. } => "a key occurs twice".into(),
        Error::MultipleDocuments { .. } => "a second document begins, expected one".into(),
        Error::Message { msg, .. } | Error::ExternalMessage { msg, .. } => msg.clone(),
        Error::InvalidScalar { ty, .. } => format!("expected {ty}"),
        Error::Unexpected { expected: "string scalar", .. } => {
            "expected a single value, found a list or a mapping".into()
        }
        other => {
            let text = other.render();
            // The crate puts the position at the end; ours is at the front already.
            text.split(" at line ").next().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}

/// The kind in serde's description of a value, `string "hunter2"`, without the value.
fn kind_of(unexpected: &str) -> &str {
    unexpected.split(['"', '`']).next().map_or("another type", str::trim)
}

fn choice(expected: &[&str]) -> String {
    match expected {
        [] => "none".into(),
        [only] => format!("`{only}`"),
        many => format!("one of {}", many.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}
