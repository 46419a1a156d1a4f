//! The folder of a run for what may hold credentials: outside the artefacts, for its owner only, gone at the end.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};

use super::{RedactError, Redactor, Sink};

/// The private folder of a run: the credentials that its processes share, and raw pod logs until they are masked.
///
/// It is never within the run directory, which people upload as a whole.
#[derive(Debug, Clone)]
pub struct PrivateRoom {
    folder: Utf8PathBuf,
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
        Ok(Self { folder })
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
        Ok(Self { folder: folder.to_owned() })
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
