//! Where the chart of a release is: on this machine, or where Helm has to fetch it from first.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

/// Where a chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartAt {
    /// A folder or archive on this machine.
    Path(Utf8PathBuf),
    /// A registry or a chart repository.
    Remote(RemoteChart),
}

impl ChartAt {
    /// The folder or archive, where it is on this machine.
    pub fn path(&self) -> Option<&Utf8Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Remote(_) => None,
        }
    }
}

impl fmt::Display for ChartAt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(formatter),
            Self::Remote(remote) => remote.fmt(formatter),
        }
    }
}

/// A chart in a registry or a chart repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteChart {
    /// An OCI reference, or the chart's name in the repository.
    pub name: String,
    /// The address of a chart repository; absent for an OCI reference.
    pub repository: Option<String>,
    /// Its version, or a range of them; empty: the newest, or what the reference says.
    pub version: String,
}

impl RemoteChart {
    /// Whether it names one chart, today and tomorrow: by a digest, or by an exact version.
    pub fn is_exact(&self) -> bool {
        has_digest(&self.name) || is_exact_version(&self.version)
    }

    /// The last part of its name, which is what its folder is called.
    pub fn short_name(&self) -> &str {
        let last = self.name.rsplit('/').next().unwrap_or(&self.name);
        last.split(['@', ':']).next().unwrap_or(last)
    }
}

impl fmt::Display for RemoteChart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if !self.version.is_empty() {
            write!(formatter, " {}", self.version)?;
        }
        self.repository.iter().try_for_each(|repository| write!(formatter, " of {repository}"))
    }
}

/// Whether a reference ends in a whole digest, `example.org/shop@sha256:...`.
pub fn has_digest(reference: &str) -> bool {
    let digest = reference.rsplit_once("@sha256:").map(|(_, digest)| digest);
    digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a version says one, and not a range: three numbers, and what semantic versioning allows behind them.
pub fn is_exact_version(version: &str) -> bool {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (core, rest) = version.split_at(version.find(['-', '+']).unwrap_or(version.len()));
    let numbers: Vec<&str> = core.split('.').collect();
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '+');
    numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        && rest.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{RemoteChart, has_digest, is_exact_version};

    #[rstest]
    #[case::version("1.2.3", true)]
    #[case::pre_release("v1.2.3-rc.1+build.5", true)]
    #[case::range(">=0.1.0", false)]
    #[case::caret("^1.2.3", false)]
    #[case::wildcard("2.x.x", false)]
    #[case::part("1.2", false)]
    #[case::two("1.2.3 - 2.0.0", false)]
    #[case::either("1.2.3-0 || >=2", false)]
    #[case::nothing("", false)]
    fn a_version_is_exact_or_a_range(#[case] version: &str, #[case] expected: bool) {
        assert_eq!(is_exact_version(version), expected);
    }

    #[rstest]
    #[case::digest("example.org/a@sha256:8f4d2c6a1b7e903d5c48f6e2a09b71d3c5e84f6a2d90b3c71e5f8a4d6b2c9e07", true)]
    #[case::tag("example.org/a:1.4.2", false)]
    #[case::cut_digest("example.org/a@sha256:8f4d", false)]
    fn a_reference_has_a_digest_or_not(#[case] reference: &str, #[case] expected: bool) {
        assert_eq!(has_digest(reference), expected);
    }

    #[rstest]
    #[case("shop", "shop")]
    #[case("oci://example.org:5000/charts/shop", "shop")]
    #[case("oci://example.org/shop@sha256:0123", "shop")]
    fn a_chart_is_called_by_the_end_of_its_reference(#[case] name: &str, #[case] short: &str) {
        let chart = RemoteChart { name: name.into(), repository: None, version: String::new() };
        assert_eq!(chart.short_name(), short);
    }
}
