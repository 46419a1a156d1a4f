//! Versions of the contract, and for how long a new requirement does not bind.

use std::fmt;
use std::str::FromStr;

/// A version of the contract, `1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContractVersion {
    major: u32,
    minor: u32,
}

/// The text is not a version of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a version of the contract, such as 1.0")]
pub struct NotAVersion;

impl FromStr for ContractVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let number = |text: &str| {
            let plain = !text.is_empty() && text.chars().all(|character| character.is_ascii_digit());
            if plain { text.parse().map_err(|_| NotAVersion) } else { Err(NotAVersion) }
        };
        let (major, minor) = text.split_once('.').ok_or(NotAVersion)?;
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for ContractVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// Whether a requirement is still too new to bind a subject: it came after the version that the subject pins, and the
/// contract has not had another version since. A subject that pins nothing is bound by everything.
///
/// A text that is no version makes nothing provisional: what cannot be read must not let anything through.
pub fn is_provisional(since: &str, pinned: Option<&str>, current: &str) -> bool {
    let version = |text: &str| text.parse::<ContractVersion>().ok();
    let (Some(since), Some(pinned), Some(current)) = (version(since), pinned.and_then(version), version(current))
    else {
        return false;
    };
    pinned < since && current <= since
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{ContractVersion, is_provisional};

    #[rstest]
    #[case::it_was_there_already("1.0", Some("1.0"), "1.0", false)]
    #[case::it_is_new_to_the_subject("1.1", Some("1.0"), "1.1", true)]
    #[case::the_subject_pins_the_version_that_brought_it("1.1", Some("1.1"), "1.1", false)]
    #[case::one_minor_version_has_passed("1.1", Some("1.0"), "1.2", false)]
    #[case::ten_is_more_than_nine("1.10", Some("1.9"), "1.10", true)]
    #[case::a_new_major_version("2.0", Some("1.4"), "2.0", true)]
    #[case::nothing_is_pinned("1.1", None, "1.1", false)]
    #[case::what_is_pinned_is_no_version("1.1", Some("latest"), "1.1", false)]
    fn a_requirement_is_provisional_for_one_minor_version_where(
        #[case] since: &str,
        #[case] pinned: Option<&str>,
        #[case] current: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(is_provisional(since, pinned, current), expected);
    }

    #[rstest]
    #[case::a_number("1")]
    #[case::three_numbers("1.0.0")]
    #[case::a_sign("1.+1")]
    #[case::a_word("latest")]
    #[case::nothing("")]
    fn no_version_is(#[case] text: &str) {
        assert!(text.parse::<ContractVersion>().is_err());
    }
}
