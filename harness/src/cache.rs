//! The user's cache folder: what is expensive to make and may be deleted at any time when nothing runs.
//!
//! It is shared by all clones of a user, and never in a checkout. It knows where things are, not what they are.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// The folder of Holdfast below the user's cache folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: Utf8PathBuf,
}

/// Why there is no cache folder.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Neither variable says where.
    #[error("find the cache folder: neither XDG_CACHE_HOME nor HOME is an absolute path; set one of them")]
    Nowhere,
    /// A folder cannot be made.
    #[error("make the cache folder {path}; set XDG_CACHE_HOME to a folder that can be written")]
    Make {
        /// The folder.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Cache {
    /// `$XDG_CACHE_HOME/holdfast`, else `$HOME/.cache/holdfast`. The folder need not exist yet.
    ///
    /// # Errors
    /// When neither variable holds an absolute path.
    pub fn locate() -> Result<Self, CacheError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, CacheError> {
        let absolute = |name: &str| variable(name).map(Utf8PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        base.map(|base| Self { root: base.join("holdfast") }).ok_or(CacheError::Nowhere)
    }

    /// A cache folder at another place, for tests.
    pub fn at(root: impl Into<Utf8PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// A folder below, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, below: &str) -> Result<Utf8PathBuf, CacheError> {
        let path = self.root.join(below);
        fs::create_dir_all(&path).map_err(|source| CacheError::Make { path: path.clone(), source })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Cache;

    #[rstest]
    #[case::xdg(&[("XDG_CACHE_HOME", "/var/cache/me"), ("HOME", "/home/me")], "/var/cache/me/holdfast")]
    #[case::home(&[("HOME", "/home/me")], "/home/me/.cache/holdfast")]
    #[case::relative_is_ignored(&[("XDG_CACHE_HOME", "cache"), ("HOME", "/home/me")], "/home/me/.cache/holdfast")]
    fn the_folder_is_found_where_the_desktop_standard_says(#[case] variables: &[(&str, &str)], #[case] expected: &str) {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(Cache::from_variables(lookup).unwrap().root(), expected);
    }

    #[test]
    fn without_a_home_there_is_no_folder() {
        assert!(Cache::from_variables(|_| None).is_err());
    }
}
