//! Where in a document each of its paths is written.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

/// The line, from 1, of every dotted path in the text of one document, `spec.containers[0].name`.
pub fn lines(text: &str) -> HashMap<String, u64> {
    let options = super::options(DuplicateKeyPolicy::PassThrough);
    let mut lines = HashMap::new();
    // A text that cannot be read has no lines to point at; whoever read it first has reported that.
    let _ = serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        Lines { path: "", lines: &mut lines }.deserialize(deserializer)
    });
    lines
}

/// Walks a document, noting where each path is written.
struct Lines<'a> {
    path: &'a str,
    lines: &'a mut HashMap<String, u64>,
}

impl<'de> DeserializeSeed<'de> for Lines<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lines<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let path = format!("{}[{index}]", self.path);
            if items.next_element_seed(Lines { path: &path, lines: &mut *self.lines })?.is_none() {
                return Ok(());
            }
            // An item is written where its first key is.
            let below = format!("{path}.");
            let first = self.lines.iter().filter(|(known, _)| known.starts_with(&below)).map(|(_, line)| *line).min();
            self.lines.extend(first.map(|line| (path, line)));
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let dot = if self.path.is_empty() { "" } else { "." };
            let path = format!("{}{dot}{}", self.path, key.value);
            entries.next_value_seed(Lines { path: &path, lines: &mut *self.lines })?;
            self.lines.insert(path, key.referenced.line());
        }
        Ok(())
    }
}
