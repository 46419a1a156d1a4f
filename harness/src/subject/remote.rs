//! Charts that a subject file names and that are not on this machine.

use std::fmt;

use camino::Utf8PathBuf;

use crate::cache::{Cache, CacheError};
use crate::digest::sha256_of_parts;

/// A chart in a registry or a chart repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteChart {
    /// An OCI reference, or the chart's name in the repository.
    pub name: String,
    /// The address of a chart repository; absent for an OCI reference.
    pub repository: Option<String>,
    /// Its version, or a range of them; empty: the newest, or what the reference says.
    pub version: String,
    /// Where it is once it has been fetched.
    pub folder: Utf8PathBuf,
}

impl RemoteChart {
    pub(super) fn new(name: &str, repository: Option<&str>, version: &str) -> Result<Self, CacheError> {
        let digest = sha256_of_parts([name, repository.unwrap_or_default(), version].map(str::as_bytes));
        let last = name.rsplit('/').next().unwrap_or(name);
        let last = last.split(['@', ':']).next().unwrap_or(last);
        let short = digest.get(..16).unwrap_or_default().to_owned();
        let folder = Cache::locate()?.root().join("charts").join(short).join(last);
        let (name, repository) = (name.to_owned(), repository.map(str::to_owned));
        Ok(Self { name, repository, version: version.to_owned(), folder })
    }

    /// Whether it names one chart, today and tomorrow: by a digest, or by three numbers and no range.
    pub fn is_exact(&self) -> bool {
        let core = self.version.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        let numbers = core.split('.').filter(|part| part.parse::<u64>().is_ok()).count();
        self.name.contains("@sha256:") || (numbers == 3 && core.split('.').count() == 3)
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::RemoteChart;

    #[rstest]
    #[case("shop", "1.2.3", true)]
    #[case("shop", "v1.2.3-rc.1+build", true)]
    #[case("oci://example.org/shop@sha256:0123", "", true)]
    #[case("shop", "1.2", false)]
    #[case("shop", "^1.2.3", false)]
    #[case("shop", "1.2.x", false)]
    #[case("shop", "1.2.3 - 1.4.0", false)]
    #[case("oci://example.org/shop", "", false)]
    fn a_version_names_one_chart(#[case] name: &str, #[case] version: &str, #[case] exact: bool) {
        assert_eq!(RemoteChart::new(name, None, version).unwrap().is_exact(), exact);
    }

    #[test]
    fn charts_that_differ_lie_in_different_folders_under_their_own_names() {
        let folder = |name, repository, version| RemoteChart::new(name, repository, version).unwrap().folder;
        let shop = folder("oci://example.org/charts/shop", None, "1.2.3");
        assert_eq!(shop.file_name(), Some("shop"));
        assert_ne!(shop, folder("oci://example.org/charts/shop", None, "1.2.4"));
        assert_ne!(
            folder("shop", Some("https://a.example.org"), "1.2.3"),
            folder("shop", Some("https://b.example.org"), "1.2.3")
        );
    }
}
