//! Finished artefacts in the cache folder: where they are, what is recorded about them, and who may make one.
//!
//! An artefact is there completely or not at all: it is made elsewhere and moved into place.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, CacheError};

/// The file beside an artefact's own that says what it is.
const RECORD: &str = "artefact.json";

/// An artefact by name and content key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Artefact {
    /// The recipe's name.
    pub name: String,
    /// The content key, in hexadecimal.
    pub key: String,
}

impl Artefact {
    /// The first characters of the key, for names that people read.
    pub fn short_key(&self) -> &str {
        &self.key[..self.key.len().min(12)]
    }

    fn folder_name(&self) -> String {
        format!("{}-{}", self.name, self.short_key())
    }
}

/// What is recorded about a finished artefact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// The whole content key.
    pub key: String,
    /// How long it took to make, in seconds.
    pub seconds: f64,
    /// When it was finished, RFC 3339.
    pub finished: String,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no cache folder.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file or folder cannot be used.
    #[error("{operation} {path}")]
    File {
        /// What was attempted: "read", "lock", "move".
        operation: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The artefacts of a cache folder.
#[derive(Debug, Clone)]
pub struct Store {
    cache: Cache,
}

/// The right to make an artefact; it ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

impl Store {
    /// The store in a cache folder.
    pub fn new(cache: Cache) -> Self {
        Self { cache }
    }

    /// The cache folder.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Where a finished artefact is, whether it is there or not.
    pub fn path(&self, artefact: &Artefact) -> Utf8PathBuf {
        self.cache.root().join("artefacts").join(artefact.folder_name())
    }

    /// Whether an artefact is finished.
    pub fn has(&self, artefact: &Artefact) -> bool {
        self.record(artefact).is_some()
    }

    /// What is recorded about an artefact; `None` if it is not finished.
    pub fn record(&self, artefact: &Artefact) -> Option<Record> {
        let text = fs::read(self.path(artefact).join(RECORD)).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        (record.key == artefact.key).then_some(record)
    }

    /// The log of making an artefact.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn log(&self, artefact: &Artefact) -> Result<Utf8PathBuf, StoreError> {
        Ok(self.cache.folder("logs")?.join(format!("{}.log", artefact.folder_name())))
    }

    /// A folder that survives between builds of artefacts of one name, for a compiler's intermediate results.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch(&self, name: &str) -> Result<Utf8PathBuf, StoreError> {
        Ok(self.cache.folder(&format!("scratch/{name}"))?)
    }

    /// Waits for the right to make an artefact. `wait` is called if another process has it.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn take_turn(&self, artefact: &Artefact, wait: impl FnOnce()) -> Result<Turn, StoreError> {
        let path = self.cache.folder("locks")?.join(format!("{}.lock", artefact.folder_name()));
        let failed = |source| StoreError::File { operation: "lock", path: path.clone(), source };
        let file = File::create(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                wait();
                file.lock().map_err(failed)?;
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Turn { _file: file })
    }

    /// An empty folder in which an artefact is made. What an interrupted build left there is removed first.
    ///
    /// # Errors
    /// When it cannot be emptied or made.
    pub fn begin(&self, artefact: &Artefact) -> Result<Utf8PathBuf, StoreError> {
        let path = self.cache.folder("building")?.join(artefact.folder_name());
        remove(&path)?;
        for folder in ["recipe", "inputs", "out"] {
            let path = path.join(folder);
            fs::create_dir_all(&path).map_err(|source| StoreError::File { operation: "make", path, source })?;
        }
        Ok(path)
    }

    /// Moves what was made in the folder of [`Store::begin`] into place and records it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&self, artefact: &Artefact, building: &Utf8Path, record: &Record) -> Result<(), StoreError> {
        self.cache.folder("artefacts")?;
        let (made, path) = (building.join("out"), self.path(artefact));
        let text = serde_json::to_vec_pretty(record).map_err(io::Error::from);
        text.and_then(|text| fs::write(made.join(RECORD), text)).map_err(|source| StoreError::File {
            operation: "write",
            path: made.join(RECORD),
            source,
        })?;
        remove(&path)?;
        fs::rename(&made, &path).map_err(|source| StoreError::File { operation: "move into place", path, source })?;
        // Only the artefact matters; what cannot be removed now is removed by the next build of it.
        let _ = remove(building);
        self.remember(&artefact.name, record.seconds);
        Ok(())
    }

    /// How long each artefact took when it was last made, in seconds, by name.
    pub fn durations(&self) -> BTreeMap<String, f64> {
        let text = fs::read(self.cache.root().join("durations.json"));
        text.ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Estimates only, so two processes that write at once may lose one of them.
    fn remember(&self, name: &str, seconds: f64) {
        let mut durations = self.durations();
        durations.insert(name.into(), seconds);
        if let Ok(text) = serde_json::to_vec_pretty(&durations) {
            let _ = fs::write(self.cache.root().join("durations.json"), text);
        }
    }
}

fn remove(path: &Utf8Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.map_err(|source| StoreError::File { operation: "remove", path: path.into(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::{Artefact, Record, Store};
    use crate::cache::Cache;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Cache::at(folder.path().to_str().unwrap()));
        (folder, store)
    }

    fn artefact() -> Artefact {
        Artefact { name: "etcd".into(), key: "0123456789abcdef".into() }
    }

    fn record() -> Record {
        Record { key: artefact().key, seconds: 64.0, finished: "2026-11-22T13:00:00Z".into() }
    }

    #[test]
    fn an_artefact_is_there_once_it_is_finished() {
        let (_folder, store) = store();
        let building = store.begin(&artefact()).unwrap();
        fs::write(building.join("out/image.tar"), "layers").unwrap();
        assert!(!store.has(&artefact()));
        store.finish(&artefact(), &building, &record()).unwrap();
        assert_eq!(store.record(&artefact()), Some(record()));
        assert_eq!(fs::read_to_string(store.path(&artefact()).join("image.tar")).unwrap(), "layers");
        assert!(!building.exists());
        assert_eq!(store.durations()["etcd"], 64.0);
    }

    #[test]
    fn what_an_interrupted_build_left_does_not_count_and_is_removed() {
        let (_folder, store) = store();
        let building = store.begin(&artefact()).unwrap();
        fs::write(building.join("out/image.tar"), "half").unwrap();
        let again = store.begin(&artefact()).unwrap();
        assert_eq!(again, building);
        assert!(!again.join("out/image.tar").exists());
    }

    #[test]
    fn keys_that_agree_only_in_their_beginning_are_told_apart() {
        let (_folder, store) = store();
        let building = store.begin(&artefact()).unwrap();
        store.finish(&artefact(), &building, &record()).unwrap();
        let other = Artefact { key: "0123456789abffff".into(), ..artefact() };
        assert_eq!(store.path(&other), store.path(&artefact()));
        assert!(!store.has(&other));
    }

    #[test]
    fn one_at_a_time_makes_an_artefact() {
        let (_folder, store) = store();
        let waited = Cell::new(false);
        let first = store.take_turn(&artefact(), || waited.set(true)).unwrap();
        assert!(!waited.get());
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let second = store.clone();
            scope.spawn(move || second.take_turn(&artefact(), || sender.send("waits").unwrap()).map(drop).unwrap());
            assert_eq!(receiver.recv(), Ok("waits"));
            drop(first);
        });
    }
}
