//! A time as subject files write it: `60s`, `1m30s`, `500ms`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Budget(pub Duration);

/// The text is not a time with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time with units, such as 60s, 1m30s or 500ms")]
pub struct NotATime;

impl FromStr for Budget {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(NotATime);
        }
        while !rest.is_empty() {
            let digits = rest.find(|character: char| !character.is_ascii_digit()).ok_or(NotATime)?;
            let number: u64 = rest[..digits].parse().map_err(|_| NotATime)?;
            let unit_end =
                rest[digits..].find(|character: char| character.is_ascii_digit()).map_or(rest.len(), |at| at + digits);
            let milliseconds = match &rest[digits..unit_end] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => return Err(NotATime),
            };
            let part = number.checked_mul(milliseconds).ok_or(NotATime)?;
            total = total.checked_add(Duration::from_millis(part)).ok_or(NotATime)?;
            rest = &rest[unit_end..];
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        if milliseconds.is_multiple_of(1_000) {
            write!(formatter, "{}s", milliseconds / 1_000)
        } else {
            write!(formatter, "{milliseconds}ms")
        }
    }
}

impl Serialize for Budget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Budget {
    fn schema_name() -> Cow<'static, str> {
        "Budget".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A time with units: 60s, 1m30s, 500ms.",
            "pattern": "^([0-9]+(ms|s|m|h))+$"
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::Budget;

    #[rstest]
    #[case::seconds("60s", 60_000)]
    #[case::mixed("1m30s", 90_000)]
    #[case::milliseconds("500ms", 500)]
    fn a_time_with_units_is_read(#[case] text: &str, #[case] milliseconds: u64) {
        assert_eq!(text.parse(), Ok(Budget(Duration::from_millis(milliseconds))));
    }

    #[rstest]
    #[case::no_unit("60")]
    #[case::no_number("s")]
    #[case::empty("")]
    #[case::negative("-1s")]
    #[case::other_unit("2d")]
    #[case::too_large("99999999999999999999s")]
    #[case::overflow("9999999999999999h")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(text.parse::<Budget>().is_err());
    }
}
