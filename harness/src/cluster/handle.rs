//! The word of a cluster that `holdfast up` leaves, and by which everything else attaches.
//!
//! It is one file below the user's cache folder. To read it asks nothing of the cluster, so that tests can be listed at
//! once; a cluster that is gone shows when somebody attaches.

use std::fs;
use std::io;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::KindCluster;
use crate::cache::{Cache, CacheError};
use crate::subject::StandIn;

/// The name of the cluster unless somebody asks for another.
pub const DEFAULT_NAME: &str = "holdfast";

/// Where a cluster is and how it came to be; written by `up`, holds no secret.
///
/// What an older or newer build wrote besides is left alone: the clones of a user share the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handle {
    /// The name of the cluster; for kind, its name there.
    pub name: String,
    /// Who made it.
    pub provider: Provider,
    /// The kubeconfig file that reaches it.
    pub kubeconfig: Utf8PathBuf,
    /// The context within that file.
    pub context: String,
    /// How its nodes are reached, where Holdfast made them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<KindCluster>,
    /// The stand-in application, by the reference that its nodes have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<String>,
    /// PostgreSQL with the contract of docker-library/postgres, by the reference that its nodes have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres_library: Option<String>,
}

/// Who made a cluster, and so who may take it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Made by Holdfast with kind.
    Kind,
    /// Somebody else's; only what carries our label is ever removed.
    Existing,
}

/// Why the word of a cluster cannot be left, read or taken back.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// There is no place for it.
    #[error("find the word of cluster {name}")]
    Cache {
        /// The cluster.
        name: String,
        /// Why.
        #[source]
        source: CacheError,
    },
    /// The file cannot be used.
    #[error("use {path}")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file says something else.
    #[error("read {path} as the word of a cluster; `holdfast up` writes it anew")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Handle {
    /// What stands behind references of a subject, by the reference that the nodes have.
    pub fn image(&self, stand_in: StandIn) -> Option<&str> {
        match stand_in {
            StandIn::Workload => self.stand_in.as_deref(),
            StandIn::PostgresLibrary => self.postgres_library.as_deref(),
        }
    }

    /// What a person types to remove what runs left on it.
    pub fn sweep_command(&self) -> String {
        match self.provider {
            Provider::Kind => format!("holdfast sweep --name {}", self.name),
            Provider::Existing => format!("holdfast sweep --context {} --kubeconfig {}", self.context, self.kubeconfig),
        }
    }

    /// The folder of a cluster: its kubeconfig, kind's configuration, this file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(cache: &Cache, name: &str) -> Result<Utf8PathBuf, HandleError> {
        place(cache, name)?;
        cache.folder(&format!("clusters/{name}")).map_err(|source| HandleError::Cache { name: name.to_owned(), source })
    }

    /// What was left of a cluster; nothing if there is none.
    ///
    /// # Errors
    /// When there is something that cannot be read.
    pub fn read(cache: &Cache, name: &str) -> Result<Option<Self>, HandleError> {
        // Reading makes no folder: whoever only lists tests leaves no trace.
        let path = place(cache, name)?.join(FILE);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(HandleError::File { path, source }),
            Ok(text) => {
                serde_json::from_slice(&text).map(Some).map_err(|source| HandleError::Unreadable { path, source })
            }
        }
    }

    /// Leaves word for others. A reader sees the old word or the new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn leave(&self, cache: &Cache) -> Result<(), HandleError> {
        let folder = Self::folder(cache, &self.name)?;
        let path = folder.join(FILE);
        let failed = |source| HandleError::File { path: path.clone(), source };
        let temporary = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
        serde_json::to_writer_pretty(&temporary, self).map_err(|error| failed(error.into()))?;
        temporary.persist(&path).map(drop).map_err(|error| failed(error.error))
    }

    /// Takes the word back, with everything that was kept about the cluster.
    ///
    /// # Errors
    /// When it cannot be removed. A word that nobody left is no error.
    pub fn forget(cache: &Cache, name: &str) -> Result<(), HandleError> {
        let path = place(cache, name)?;
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(|source| HandleError::File { path, source }),
        }
    }
}

const FILE: &str = "handle.json";

/// Where the word of a cluster is. A name that is no single folder would lead to those of others.
fn place(cache: &Cache, name: &str) -> Result<Utf8PathBuf, HandleError> {
    let path = cache.root().join("clusters").join(name);
    let mut parts = Utf8Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Utf8Component::Normal(only)), None) if only == name => Ok(path),
        _ => Err(HandleError::File { path, source: io::ErrorKind::InvalidFilename.into() }),
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use rstest::rstest;

    use super::{Handle, HandleError, Provider};
    use crate::cache::Cache;

    fn handle() -> Handle {
        Handle {
            name: "holdfast".into(),
            provider: Provider::Kind,
            kubeconfig: "/cache/kubeconfig".into(),
            context: "kind-holdfast".into(),
            nodes: None,
            stand_in: Some("holdfast.dev/workload:1".into()),
            postgres_library: Some("holdfast.dev/postgres-library:17-1".into()),
        }
    }

    #[test]
    fn what_is_left_is_read_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        assert_eq!(Handle::read(&cache, "holdfast").unwrap(), None);
        assert!(!cache.root().join("clusters").exists(), "to look leaves no trace");

        handle().leave(&cache).unwrap();
        assert_eq!(Handle::read(&cache, "holdfast").unwrap(), Some(handle()));
        assert_eq!(Handle::read(&cache, "another").unwrap(), None);

        Handle::forget(&cache, "holdfast").unwrap();
        Handle::forget(&cache, "holdfast").unwrap();
        assert_eq!(Handle::read(&cache, "holdfast").unwrap(), None);
    }

    #[rstest]
    #[case::none("")]
    #[case::all_of_them(".")]
    #[case::what_is_above("..")]
    #[case::what_is_below("a/b")]
    #[case::elsewhere("/tmp")]
    fn a_name_that_is_no_folder_of_its_own_takes_nothing_away(#[case] name: &str) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        handle().leave(&cache).unwrap();
        assert!(matches!(Handle::forget(&cache, name), Err(HandleError::File { .. })));
        assert_eq!(Handle::read(&cache, "holdfast").unwrap(), Some(handle()));
    }

    #[test]
    fn a_word_of_another_build_is_read_and_half_a_word_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        let path = Handle::folder(&cache, "holdfast").unwrap().join(super::FILE);
        let other = r#"{"name":"holdfast","provider":"kind","kubeconfig":"/k","context":"c","colour":"blue"}"#;
        std::fs::write(&path, other).unwrap();
        assert_eq!(Handle::read(&cache, "holdfast").unwrap().unwrap().nodes, None);
        std::fs::write(&path, &other[..40]).unwrap();
        assert!(matches!(Handle::read(&cache, "holdfast"), Err(HandleError::Unreadable { .. })));
    }
}
