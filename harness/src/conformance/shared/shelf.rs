//! The records of one subject in a shared run directory, and the marks of those who need them.

use std::fs;
use std::io;

use camino::Utf8PathBuf;

use crate::record::{Experiment, Record};
use crate::run::RunDirectory;

/// What is there of one subject under one overlay.
#[derive(Clone, Copy)]
pub(super) struct Shelf<'a> {
    pub(super) directory: &'a RunDirectory,
    pub(super) subject: &'a str,
    pub(super) overlay: &'a str,
}

/// A file of the shelf that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{action} {path}")]
pub struct ShelfError {
    action: &'static str,
    path: Utf8PathBuf,
    #[source]
    source: io::Error,
}

impl Shelf<'_> {
    /// Lets whoever runs experiments know that this one is needed.
    pub(super) fn ask(&self, experiment: Experiment) -> Result<(), ShelfError> {
        let path = self.mark(experiment);
        let marked = fs::create_dir_all(self.folder()).and_then(|()| fs::File::create(&path));
        marked.map(drop).map_err(|source| ShelfError { action: "ask for an experiment by", path, source })
    }

    pub(super) fn is_asked(&self, experiment: Experiment) -> bool {
        self.mark(experiment).is_file()
    }

    /// Whether the record is there. It is there as a whole or not at all.
    pub(super) fn is_sealed(&self, experiment: Experiment) -> bool {
        self.path(experiment).is_file()
    }

    pub(super) fn record(&self, experiment: Experiment) -> Result<Record, ShelfError> {
        let path = self.path(experiment);
        let failed = |source| ShelfError { action: "read the record", path: path.clone(), source };
        let record: Record = serde_json::from_slice(&fs::read(&path).map_err(failed)?).map_err(|e| failed(e.into()))?;
        if (record.subject.as_str(), record.overlay.as_str()) == (self.subject, self.overlay) {
            return Ok(record);
        }
        let whose = format!("it is about {} under {}", record.subject, record.overlay);
        Err(failed(io::Error::new(io::ErrorKind::InvalidData, whose)))
    }

    pub(super) fn path(&self, experiment: Experiment) -> Utf8PathBuf {
        self.directory.path().join(RunDirectory::record_path(self.subject, self.overlay, experiment))
    }

    fn mark(&self, experiment: Experiment) -> Utf8PathBuf {
        // Names have no dots, so that no two of them make the same mark.
        self.folder().join(format!("{}.{}.{experiment}", self.subject, self.overlay))
    }

    fn folder(&self) -> Utf8PathBuf {
        self.directory.path().join("asked")
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use jiff::Timestamp;

    use super::Shelf;
    use crate::record::{Experiment, Record};
    use crate::redact::{Redactor, Sink};
    use crate::run::{RunDirectory, RunId};

    fn record(overlay: &str) -> Record {
        Record {
            experiment: Experiment::Install,
            subject: "agents".into(),
            overlay: overlay.into(),
            production: false,
            namespace: "hf-nt-1-agents".into(),
            began: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            steps: Vec::new(),
            snapshots: Vec::new(),
            history: None,
            changes: Vec::new(),
            unseen: Vec::new(),
            limits: std::collections::BTreeMap::new(),
            broken: None,
        }
    }

    #[test]
    fn what_is_asked_for_and_sealed_is_seen_by_all_and_by_nobody_else() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        let (mine, _room) = RunDirectory::join(base, base, RunId::shared("1")).unwrap();
        let (other, _room) = RunDirectory::join(base, base, RunId::shared("1")).unwrap();
        let mine = Shelf { directory: &mine, subject: "agents", overlay: "production" };
        let other = Shelf { directory: &other, ..mine };
        let stranger = Shelf { overlay: "staging", ..mine };

        assert!(!other.is_asked(Experiment::Install));
        mine.ask(Experiment::Install).unwrap();
        assert!(other.is_asked(Experiment::Install) && !other.is_asked(Experiment::RotateCa));
        assert!(!stranger.is_asked(Experiment::Install));

        let sink = Sink::new(Redactor::in_memory());
        assert!(!other.is_sealed(Experiment::Install));
        sink.json(&mine.path(Experiment::Install), &record("production")).unwrap();
        assert!(other.is_sealed(Experiment::Install) && !stranger.is_sealed(Experiment::Install));
        assert_eq!(other.record(Experiment::Install).unwrap(), record("production"));
    }

    #[test]
    fn a_record_of_another_subject_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        let (directory, _room) = RunDirectory::join(base, base, RunId::shared("1")).unwrap();
        let shelf = Shelf { directory: &directory, subject: "agents", overlay: "production" };
        let sink = Sink::new(Redactor::in_memory());
        sink.json(&shelf.path(Experiment::Install), &record("staging")).unwrap();
        let refused = shelf.record(Experiment::Install).unwrap_err();
        assert!(crate::error::Chain(&refused).to_string().ends_with("it is about agents under staging"), "{refused}");
    }
}
