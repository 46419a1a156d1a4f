//! Every way in which a credential's value can appear in text.
//!
//! Only spellings are made here. Compressed or encrypted data is beyond redaction by value, and so is base64 that is
//! broken into lines within the value.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value shorter than this is never masked: it would match by accident everywhere.
pub const SHORTEST: usize = 6;

/// Lines of a value with several lines (a key in PEM) are looked for one by one from this length on.
const SHORTEST_LINE: usize = 16;

/// How a credential was spelled where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As it is.
    Raw,
    /// Percent-encoded, as in a URL or a form.
    Percent,
    /// Escaped, as in JSON, XML, YAML, SQL, a shell, `.pgpass` or a libpq connection string.
    Escaped,
    /// Base64 with either alphabet, alone or within a longer text.
    Base64,
    /// Hexadecimal, as PostgreSQL prints `bytea`.
    Hexadecimal,
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Raw => "as it is",
            Self::Percent => "percent-encoded",
            Self::Escaped => "escaped",
            Self::Base64 => "in base64",
            Self::Hexadecimal => "in hexadecimal",
        })
    }
}

/// Every spelling of a value, without duplicates. Empty if the value is too short to be masked.
pub(super) fn spellings(value: &str) -> BTreeMap<String, Form> {
    let mut spellings = BTreeMap::new();
    let value = value.trim_end_matches(['\r', '\n']);
    if value.trim().len() < SHORTEST {
        return spellings;
    }
    spell(value, &mut spellings);
    if value.contains('\n') {
        let telling = |line: &&str| line.len() >= SHORTEST_LINE && !line.starts_with("-----");
        value.lines().map(str::trim).filter(telling).for_each(|line| spell(line, &mut spellings));
    }
    spellings
}

fn spell(value: &str, spellings: &mut BTreeMap<String, Form>) {
    let mut texts = vec![(value.to_owned(), Form::Raw)];
    texts.extend(percent_encoded(value).into_iter().map(|text| (text, Form::Percent)));
    texts.extend(escaped(value).into_iter().map(|text| (text, Form::Escaped)));
    for (text, form) in texts {
        spellings.entry(text.clone()).or_insert(form);
        // A whole connection string is often encoded as one, so each spelling is looked for within base64 too.
        for encoded in base64(text.as_bytes()) {
            spellings.entry(encoded).or_insert(Form::Base64);
        }
    }
    // Secrets are base64 in manifests, and a chart that encodes once too often encodes twice.
    for once in base64(value.as_bytes()) {
        for twice in base64(once.as_bytes()) {
            spellings.entry(twice).or_insert(Form::Base64);
        }
    }
    let hexadecimal: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    spellings.entry(hexadecimal.to_uppercase()).or_insert(Form::Hexadecimal);
    spellings.entry(hexadecimal).or_insert(Form::Hexadecimal);
}

/// RFC 3986: everything but the unreserved characters.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a browser's `encodeURIComponent` leaves.
const COMPONENT: &AsciiSet = &STRICT.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// What Go leaves in the user information of a URL.
const USER_INFORMATION: &AsciiSet =
    &STRICT.remove(b'$').remove(b'&').remove(b'+').remove(b',').remove(b';').remove(b'=');
/// What Go leaves in a path segment, and WHATWG nearly.
const SEGMENT: &AsciiSet = &USER_INFORMATION.remove(b':').remove(b'@');
/// What the URL standard of browsers leaves in user information; it takes a `%` for encoded already.
const WHATWG: &AsciiSet = &COMPONENT.remove(b'$').remove(b'&').remove(b'+').remove(b',').remove(b'%');
/// What the same leaves of a `%` that was encoded before.
const WHATWG_TWICE: &AsciiSet = &WHATWG.add(b'%');
/// What `encodeURI` leaves.
const WHOLE: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b',')
    .remove(b'#');

fn percent_encoded(value: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for set in [STRICT, COMPONENT, USER_INFORMATION, SEGMENT, WHATWG, WHATWG_TWICE, WHOLE, NON_ALPHANUMERIC] {
        let text = utf8_percent_encode(value, set).to_string();
        texts.push(lower_hexadecimal(&text));
        texts.push(text.replace("%20", "+"));
        texts.push(lower_hexadecimal(&text.replace("%20", "+")));
        texts.push(text);
    }
    texts
}

/// The same percent-encoding with lower-case digits.
fn lower_hexadecimal(text: &str) -> String {
    let mut digits = 0;
    text.chars()
        .map(|character| match (character, digits) {
            ('%', _) => {
                digits = 2;
                character
            }
            (_, 0) => character,
            _ => {
                digits -= 1;
                character.to_ascii_lowercase()
            }
        })
        .collect()
}

fn escaped(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let with = |text: &str, pairs: &[(&str, &str)]| {
        pairs.iter().fold(text.to_owned(), |text, (plain, escaped)| text.replace(plain, escaped))
    };
    vec![
        json.replace('/', "\\/"),
        // Go's encoder escapes what is special in HTML.
        with(&json, &[("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")]),
        // JSON within JSON: the last-applied annotation, structured logs of structured logs.
        with(&json, &[("\\", "\\\\"), ("\"", "\\\"")]),
        json,
        with(value, &[("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;")]),
        with(value, &[("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&apos;")]),
        with(value, &[("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&#34;"), ("'", "&#39;")]),
        with(value, &[("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")]),
        // YAML and SQL double a quotation mark; a shell closes, escapes and opens again.
        value.replace('\'', "''"),
        value.replace('\'', "'\\''"),
        // libpq: connection strings, then .pgpass.
        with(value, &[("\\", "\\\\"), ("'", "\\'")]),
        with(value, &[("\\", "\\\\"), (":", "\\:")]),
    ]
}

/// The text in base64 alone, and the part of it that is the same wherever it stands within a longer text.
fn base64(text: &[u8]) -> Vec<String> {
    let mut encoded =
        vec![STANDARD.encode(text), STANDARD_NO_PAD.encode(text), URL_SAFE.encode(text), URL_SAFE_NO_PAD.encode(text)];
    for offset in 0..3 {
        let shifted = [&[0; 2][..offset], text].concat();
        // The first characters mix in bits of what comes before, the last one bits of what follows.
        let first = (offset * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for whole in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            encoded.push(whole[first..last].to_owned());
        }
    }
    encoded
}
