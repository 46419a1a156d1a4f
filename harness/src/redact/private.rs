//! The folder of a run for what may hold credentials: outside the artefacts, for its owner only, gone at the end.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{RedactError, Redactor, Sink};

/// The file that is locked while the run lives.
const ALIVE: &str = "alive";

/// The private folder of a run: the credentials that its processes share, and raw pod logs until they are masked.
///
/// It is never within the run directory, which people upload as a whole.
#[derive(Debug, Clone)]
pub struct PrivateRoom {
    folder: Utf8PathBuf,
    /// Locked for as long as the run that made the room lives; the system releases it however the run ends.
    _alive: Option<Arc<File>>,
}

impl PrivateRoom {
    /// Where private folders are made: the user's runtime folder, which a reboot empties, or the temporary folder.
    pub fn base() -> Utf8PathBuf {
        let runtime = std::env::var("XDG_RUNTIME_DIR").ok().map(Utf8PathBuf::from).filter(|folder| folder.is_dir());
        let temporary = || Utf8PathBuf::from_path_buf(std::env::temp_dir()).unwrap_or_else(|_| "/tmp".into());
        runtime.unwrap_or_else(temporary)
    }

    /// Makes the folder of a run. `run` is its id.
    ///
    /// # Errors
    /// If it cannot be made, or is there already: then somebody else may have made it.
    pub fn create(base: &Utf8Path, run: &str) -> Result<Self, RedactError> {
        let folder = base.join(format!("{}{run}", Self::PREFIX));
        let failed = |source| RedactError::Private { folder: folder.clone(), source };
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        DirBuilder::new().mode(0o700).create(folder.join("spool")).map_err(failed)?;
        let alive = File::create(folder.join(ALIVE)).map_err(failed)?;
        alive.lock().map_err(failed)?;
        Ok(Self { folder, _alive: Some(Arc::new(alive)) })
    }

    /// Whether the run that made a room of this name is still alive on this machine.
    pub fn is_inhabited(base: &Utf8Path, run: &str) -> bool {
        let alive = File::open(base.join(format!("{}{run}", Self::PREFIX)).join(ALIVE));
        alive.is_ok_and(|alive| matches!(alive.try_lock(), Err(fs::TryLockError::WouldBlock)))
    }

    /// The rooms of runs that died without removing them; credentials are in them.
    pub fn abandoned(base: &Utf8Path) -> Vec<Self> {
        let entries = base.read_dir_utf8().into_iter().flatten().filter_map(Result::ok);
        let runs = entries.filter_map(|entry| entry.file_name().strip_prefix(Self::PREFIX).map(str::to_owned));
        let dead = runs.filter(|run| !Self::is_inhabited(base, run));
        let rooms = dead.map(|run| base.join(format!("{}{run}", Self::PREFIX)));
        rooms.filter(|folder| folder.join(ALIVE).is_file()).filter_map(|folder| Self::open(&folder).ok()).collect()
    }

    /// What the names of private folders begin with; the id of the run follows. A sweep finds what dead runs left.
    pub const PREFIX: &str = "holdfast-";

    /// The folder of a run that another process made.
    ///
    /// # Errors
    /// If it is not there, is a link, or others may enter it.
    pub fn open(folder: &Utf8Path) -> Result<Self, RedactError> {
        let failed = |source| RedactError::Private { folder: folder.to_owned(), source };
        let metadata = fs::symlink_metadata(folder).map_err(failed)?;
        if !metadata.is_dir() || metadata.permissions().mode() & 0o077 != 0 {
            return Err(RedactError::Exposed { folder: folder.to_owned() });
        }
        Ok(Self { folder: folder.to_owned(), _alive: None })
    }

    /// Where it is.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// The redactor that all processes of the run share.
    ///
    /// # Errors
    /// If the file of credentials cannot be made or read.
    pub fn redactor(&self) -> Result<Redactor, RedactError> {
        Redactor::shared(&self.folder.join("credentials"))
    }

    /// Opens a raw file, 0600, for appending. `name` may hold slashes; they become part of the file's name.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn spool(&self, name: &str) -> Result<File, RedactError> {
        let path = self.spooled(name);
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        opened.map_err(|source| RedactError::Write { path, source })
    }

    /// Masks a raw file into an artefact and removes it. Nothing happens to a name that was never spooled.
    ///
    /// # Errors
    /// If the raw file cannot be read, or the artefact not be written.
    pub fn release(&self, name: &str, sink: &Sink, artefact: &Utf8Path) -> Result<(), RedactError> {
        let path = self.spooled(name);
        let mut raw = match File::open(&path) {
            Ok(raw) => raw,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(RedactError::Write { path, source }),
        };
        let failed = |source| RedactError::Write { path: artefact.to_owned(), source };
        let mut masking = sink.stream(artefact)?;
        io::copy(&mut raw, &mut masking).map_err(failed)?;
        masking.finish().map_err(failed)?.sync_all().map_err(failed)?;
        fs::remove_file(&path).map_err(|source| RedactError::Write { path, source })
    }

    /// Removes the folder and everything in it.
    ///
    /// # Errors
    /// If something in it cannot be removed; the credentials in it are then still on the disk.
    pub fn remove(self) -> Result<(), RedactError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(|source| RedactError::Private { folder: self.folder, source }),
        }
    }

    fn spooled(&self, name: &str) -> Utf8PathBuf {
        self.folder.join("spool").join(name.replace('/', "__"))
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::PrivateRoom;

    #[test]
    fn a_room_is_abandoned_only_when_its_run_is_dead() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        let room = PrivateRoom::create(base, "20260801-1200-abcd").unwrap();
        assert!(PrivateRoom::is_inhabited(base, "20260801-1200-abcd"));
        assert!(PrivateRoom::abandoned(base).is_empty());

        let folder = room.folder().to_owned();
        drop(room);
        assert!(!PrivateRoom::is_inhabited(base, "20260801-1200-abcd"));
        let abandoned = PrivateRoom::abandoned(base);
        assert_eq!(abandoned.iter().map(PrivateRoom::folder).collect::<Vec<_>>(), [folder]);
    }
}
