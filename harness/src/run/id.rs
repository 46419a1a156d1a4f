//! The name of a run.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a run, `20261122-1412-k3f9`: it sorts by time, and is a valid Kubernetes label value and part of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunId(String);

/// Digits and letters in the order in which they sort, without those that are taken for one another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// A new id for a run that starts now. Two of the same second differ by chance, one in 32768 does not; whoever
    /// makes the run directory finds out and takes another.
    pub fn at(now: Timestamp) -> Self {
        let utc = now.to_zoned(jiff::tz::TimeZone::UTC);
        let chance = RandomState::new().hash_one(now.as_nanosecond());
        let letter = |index: u64| char::from(LETTERS[usize::try_from(index % 32).unwrap_or(0)]);
        // The first letter is the half of the second, so that ids of one minute sort too.
        let second = u64::try_from(utc.second() / 2).unwrap_or(0);
        let suffix: String = [second, chance, chance >> 5, chance >> 10].into_iter().map(letter).collect();
        Self(format!("{}-{suffix}", utc.strftime("%Y%m%d-%H%M")))
    }

    /// The id that all processes of an outer run give themselves, made of the beginning of its own, a UUID.
    ///
    /// It is short, because it becomes a part of names that must not be longer than 63 letters.
    pub fn shared(outer: &str) -> Self {
        let letters = outer.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
        Self(format!("nt-{}", letters.take(8).collect::<String>()))
    }

    /// An id that was written down. Nothing is checked: it is a name in a directory.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::RunId;

    #[test]
    fn ids_sort_by_time_and_tell_it() {
        let at = |time: &str| RunId::at(time.parse::<Timestamp>().unwrap());
        let ids = [at("2026-11-22T14:12:01Z"), at("2026-11-22T14:12:58Z"), at("2026-11-22T14:13:00Z")];
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids[0].as_str().starts_with("20261122-1412-0"));
    }

    #[test]
    fn an_id_is_a_label_value_and_a_part_of_a_name() {
        let id = RunId::at(Timestamp::now());
        let allowed =
            |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        assert!(id.as_str().len() == 18 && id.as_str().chars().all(allowed), "{id}");
        assert!(id.as_str().ends_with(|last: char| last.is_ascii_alphanumeric()));
    }

    #[test]
    fn processes_of_an_outer_run_agree_on_an_id() {
        let id = RunId::shared("1F79aa0d-4ec8-4a5c-aa83-5e8dc2f36573");
        assert_eq!(id.as_str(), "nt-1f79aa0d");
    }

    #[test]
    fn ids_of_one_instant_differ() {
        let now = Timestamp::now();
        let ids: std::collections::BTreeSet<_> = (0..20).map(|_| RunId::at(now)).collect();
        assert!(ids.len() > 15, "{ids:?}");
    }
}
