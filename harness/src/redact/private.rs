//! The folder of a run for what may hold credentials: outside the artefacts, for its owner only, gone at the end.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use super::{RedactError, Redactor, Sink};

/// The file that is locked while the run lives.
const ALIVE: &str = "alive";

/// The file that whoever looks at the other one locks meanwhile: to look is to lock it for a moment, and who leaves just
/// then must not take that for somebody who stays.
const LOOKING: &str = "looking";

/// Counts the rooms that this process took away, so that each has a name of its own meanwhile.
static GONE: AtomicU64 = AtomicU64::new(0);

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
        let furnished = || {
            DirBuilder::new().mode(0o700).create(folder.join("spool"))?;
            let alive = File::create(folder.join(ALIVE))?;
            alive.lock()?;
            Ok(alive)
        };
        match furnished() {
            Ok(alive) => Ok(Self { folder, _alive: Some(Arc::new(alive)) }),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(failed(error))
            }
        }
    }

    /// Enters the folder of a run that several processes share. Whoever comes first makes it; see [`leave`](Self::leave).
    ///
    /// # Errors
    /// If it cannot be made, or others may enter it.
    pub fn join(base: &Utf8Path, run: &str) -> Result<Self, RedactError> {
        let folder = base.join(format!("{}{run}", Self::PREFIX));
        let failed = |source| RedactError::Private { folder: folder.clone(), source };
        loop {
            for part in [folder.clone(), folder.join("spool")] {
                match DirBuilder::new().mode(0o700).create(&part) {
                    Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {}
                    made => made.map_err(failed)?,
                }
            }
            let path = folder.join(ALIVE);
            let open = |path: &Utf8Path| OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            let alive = match open(&folder.join(LOOKING)).and_then(|_| open(&path)) {
                // The last one left and took the room away at this moment.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(failed)?,
            };
            alive.lock_shared().map_err(failed)?;
            if is_at(&alive, &path).map_err(failed)? {
                return Ok(Self { _alive: Some(Arc::new(alive)), ..Self::open(&folder)? });
            }
        }
    }

    /// Leaves a folder that several processes share. The last one out removes it, so that no credential is left behind.
    ///
    /// # Errors
    /// If something in it cannot be removed; the credentials in it are then still on the disk.
    pub fn leave(self) -> Result<(), RedactError> {
        let failed = |source| RedactError::Private { folder: self.folder.clone(), source };
        drop(self._alive);
        let _alone = looking(&self.folder);
        let path = self.folder.join(ALIVE);
        let alive = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        match alive.try_lock() {
            Err(fs::TryLockError::WouldBlock) => return Ok(()),
            locked => locked.map_err(|error| failed(error.into()))?,
        }
        // Two left at once, the other one has taken the room away, and what is there now is inhabited.
        if !is_at(&alive, &path).map_err(failed)? {
            return Ok(());
        }
        // Under another name first: who comes now makes a room of his own instead of entering half of this one.
        let gone = self.folder.with_file_name(format!(
            "{}gone-{}-{}-{}",
            Self::PREFIX,
            std::process::id(),
            GONE.fetch_add(1, Ordering::Relaxed),
            self.folder.file_name().unwrap_or_default()
        ));
        match fs::rename(&self.folder, &gone) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed.and_then(|()| fs::remove_dir_all(&gone)).map_err(failed),
        }
    }

    /// Whether the run that made a room of this name is still alive on this machine.
    pub fn is_inhabited(base: &Utf8Path, run: &str) -> bool {
        let folder = base.join(format!("{}{run}", Self::PREFIX));
        let path = folder.join(ALIVE);
        loop {
            let Ok(alive) = File::open(&path) else { return false };
            // It was made after the other one, so where this room has one it is there by now.
            let _alone = looking(&folder);
            match is_at(&alive, &path) {
                Ok(true) => {
                    let inhabited = matches!(alive.try_lock(), Err(fs::TryLockError::WouldBlock));
                    // Before others may look, or leave.
                    drop(alive);
                    return inhabited;
                }
                // Meanwhile the room was taken away, and perhaps another one made.
                Ok(false) => {}
                Err(_unknown) => return false,
            }
        }
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

    /// A file for a program that is started, which only this user can read. It goes with the value, or with the room.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn loan(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(&self.folder)
    }

    /// What stands in a raw file by now; nothing where there is none of that name.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn raw(&self, name: &str) -> Result<Option<Vec<u8>>, RedactError> {
        let path = self.spooled(name);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|source| RedactError::Scan { path, source }),
        }
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

/// The right to look who is in a room, for as long as the value lives; nothing where there is no such room, or only one
/// process may ever be in it.
fn looking(folder: &Utf8Path) -> Option<File> {
    let path = folder.join(LOOKING);
    loop {
        let file = File::open(&path).ok()?;
        file.lock().ok()?;
        // While this waited, the room may have been taken away, and another one made.
        if is_at(&file, &path).ok()? {
            return Some(file);
        }
    }
}

/// Whether a file that was opened at a path is still the one that is there.
fn is_at(file: &File, path: &Utf8Path) -> io::Result<bool> {
    let opened = file.metadata()?.ino();
    match fs::metadata(path) {
        Ok(there) => Ok(there.ino() == opened),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
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

    #[test]
    fn a_shared_room_stands_until_the_last_one_leaves() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        let (first, second) = (PrivateRoom::join(base, "nt-1").unwrap(), PrivateRoom::join(base, "nt-1").unwrap());
        first.redactor().unwrap().register("db/password", "correct-horse").unwrap();
        first.leave().unwrap();
        assert!(PrivateRoom::is_inhabited(base, "nt-1"));
        assert_eq!(second.redactor().unwrap().mask("correct-horse"), "[redacted:db/password]");
        second.leave().unwrap();
        assert_eq!(base.read_dir_utf8().unwrap().count(), 0, "nothing is left of it");

        let again = PrivateRoom::join(base, "nt-1").unwrap();
        assert_eq!(again.redactor().unwrap().mask("correct-horse"), "correct-horse", "and nothing is remembered");
    }

    #[test]
    fn many_who_come_and_go_never_meet_in_half_a_room() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let room = PrivateRoom::join(base, "nt-1").unwrap();
                        room.redactor().unwrap().register("db/password", "correct-horse").unwrap();
                        room.spool("a.log").unwrap();
                        assert!(PrivateRoom::is_inhabited(base, "nt-1"), "somebody took away an inhabited room");
                        room.leave().unwrap();
                    }
                });
            }
        });
        assert_eq!(base.read_dir_utf8().unwrap().count(), 0);
    }

    #[test]
    fn who_only_looks_keeps_no_room_standing() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        let left = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    PrivateRoom::is_inhabited(base, "nt-1");
                }
            });
            let visits = (0..2000).map(|_| {
                PrivateRoom::join(base, "nt-1").unwrap().leave().unwrap();
                base.read_dir_utf8().unwrap().count()
            });
            let left = visits.max();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            left
        });
        assert_eq!(left, Some(0), "a room that everybody has left still stands");
    }

    #[test]
    fn a_shared_room_whose_processes_died_is_abandoned() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        drop(PrivateRoom::join(base, "nt-1").unwrap());
        assert_eq!(PrivateRoom::abandoned(base).len(), 1);
    }
}
