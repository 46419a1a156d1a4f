//! The folder of a run, and how its parts come to be in it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::RunId;
use super::journal::{Chronicle, Event, Journal};
use super::plan::Plan;
use crate::record::{Experiment, Record};
use crate::redact::{PrivateRoom, RedactError, Sink};

/// Why a run directory could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder could not be made.
    #[error("make the run directory {path}")]
    Create {
        /// The folder.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The link to the newest run could not be set.
    #[error("point {path} at the run")]
    Latest {
        /// The link.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder of the records could not be read.
    #[error("read the records of the run in {path}")]
    Records {
        /// The folder.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no such run.
    #[error("find the run {path}: there is no such folder; `holdfast run` makes one")]
    Unknown {
        /// Where it should be.
        path: Utf8PathBuf,
    },
    /// The path to the run cannot be followed.
    #[error("follow {path} to the run")]
    Path {
        /// The path.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The run ended before it had a plan.
    #[error("read {path}: the run ended before its plan was written, so nothing was judged; run it again")]
    Unplanned {
        /// Where the plan should be.
        path: Utf8PathBuf,
    },
    /// The plan could not be read.
    #[error("read the plan {path}")]
    Plan {
        /// The plan.
        path: Utf8PathBuf,
        /// What the system or the decoder said.
        #[source]
        source: io::Error,
    },
    /// A journal could not be written or read.
    #[error("use the journal {path}")]
    Journal {
        /// The journal.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something could not be masked, or not be written.
    #[error(transparent)]
    Redact(#[from] RedactError),
}

/// The folder of a run, `target/holdfast/<run>`.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    path: Utf8PathBuf,
    id: RunId,
}

/// What is in every run directory.
const PARTS: [&str; 3] = ["journal", "records", "diagnostics"];

impl RunDirectory {
    /// Makes the folder of a new run below `base`, and its private folder below `private`.
    ///
    /// # Errors
    /// If either cannot be made.
    pub fn create(base: &Utf8Path, private: &Utf8Path) -> Result<(Self, PrivateRoom), RunError> {
        let failed = |path: &Utf8Path, source| RunError::Create { path: path.to_owned(), source };
        fs::create_dir_all(base).map_err(|source| failed(base, source))?;
        loop {
            let id = RunId::at(Timestamp::now());
            let path = base.join(id.as_str());
            match fs::create_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(failed(&path, source)),
            }
            let directory = Self { path, id };
            let room = directory.furnish(private).inspect_err(|_unfurnished| directory.discard())?;
            return Ok((directory, room));
        }
    }

    /// Enters the folder of a run that several processes share, and its private folder; whoever comes first makes them.
    ///
    /// Such a run has no plan and no report: none of its processes knows what the others are asked for. Who started them
    /// does, and tells what was run and what was not.
    ///
    /// # Errors
    /// If either cannot be made.
    pub fn join(base: &Utf8Path, private: &Utf8Path, id: RunId) -> Result<(Self, PrivateRoom), RunError> {
        let path = base.join(id.as_str());
        for part in PARTS {
            let part = path.join(part);
            fs::create_dir_all(&part).map_err(|source| RunError::Create { path: part, source })?;
        }
        let room = PrivateRoom::join(private, id.as_str())?;
        Ok((Self { path, id }, room))
    }

    fn furnish(&self, private: &Utf8Path) -> Result<PrivateRoom, RunError> {
        for part in PARTS {
            let path = self.path.join(part);
            fs::create_dir(&path).map_err(|source| RunError::Create { path, source })?;
        }
        Ok(PrivateRoom::create(private, self.id.as_str())?)
    }

    /// Removes the folder of a run that judged nothing, so that nobody takes it for one that did.
    pub fn discard(&self) {
        // Where even removing fails, a folder without a plan says as much.
        let _ = fs::remove_dir_all(&self.path);
    }

    /// Writes the plan, begins a journal, and makes this run the latest one.
    ///
    /// # Errors
    /// If any of it cannot be written.
    pub fn begin(&self, plan: &Plan, sink: &Sink) -> Result<Journal, RunError> {
        sink.json(&self.plan_path(), plan)?;
        let journal = self.journal(sink)?;
        journal.record(Event::RunStarted { run: self.id.clone() })?;
        self.make_latest()?;
        Ok(journal)
    }

    /// The run of that id, or the one at that path, or the latest.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(base: &Utf8Path, run: Option<&str>) -> Result<Self, RunError> {
        let run = run.unwrap_or("latest");
        let named = base.join(run);
        let path = if run.contains('/') || !named.exists() { Utf8PathBuf::from(run) } else { named };
        if !path.is_dir() {
            return Err(RunError::Unknown { path: base.join(run) });
        }
        let path = path.canonicalize_utf8().map_err(|source| RunError::Path { path, source })?;
        let id = RunId::known(path.file_name().unwrap_or_default());
        Ok(Self { path, id })
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Where sealed records go.
    pub fn records(&self) -> Utf8PathBuf {
        self.path.join("records")
    }

    /// Where the record of an experiment is, from the run directory on.
    ///
    /// Names have hyphens and no dots, so that no two records have the same path.
    pub fn record_path(subject: &str, overlay: &str, experiment: Experiment) -> String {
        format!("records/{subject}.{overlay}.{experiment}.json")
    }

    /// Writes a record, as a whole or not at all, and says in the journal that it is there.
    ///
    /// # Errors
    /// If either cannot be written.
    pub fn seal(&self, record: &Record, journal: &Journal, sink: &Sink) -> Result<(), RunError> {
        let (experiment, subject, overlay) = (record.experiment, record.subject.clone(), record.overlay.clone());
        let path = Self::record_path(&subject, &overlay, experiment);
        sink.json(&self.path.join(&path), record)?;
        journal.record(match &record.broken {
            None => Event::ExperimentSealed { experiment, subject, overlay, record: path },
            Some(reason) => Event::ExperimentFailed { experiment, subject, overlay, reason: reason.clone() },
        })
    }

    /// The sealed records, in the order in which they began. One that cannot be read is left out and warned of: a report
    /// can be made without it.
    ///
    /// # Errors
    /// If their folder cannot be read.
    pub fn sealed(&self) -> Result<Vec<Record>, RunError> {
        let folder = self.records();
        let entries = match folder.read_dir_utf8() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(|source| RunError::Records { path: folder.clone(), source })?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| RunError::Records { path: folder.clone(), source })?;
            match fs::read(entry.path())
                .and_then(|content| serde_json::from_slice::<Record>(&content).map_err(io::Error::from))
            {
                Ok(record) => records.push(record),
                Err(error) => tracing::warn!(record = %entry.path(), "left out of the report: {error}"),
            }
        }
        records.sort_by_key(|record| record.began);
        Ok(records)
    }

    /// Where objects, events and masked logs go.
    pub fn diagnostics(&self) -> Utf8PathBuf {
        self.path.join("diagnostics")
    }

    /// The plan.
    ///
    /// # Errors
    /// If it was never written, or cannot be read.
    pub fn plan(&self) -> Result<Plan, RunError> {
        let path = self.plan_path();
        let content = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RunError::Unplanned { path }),
            read => read.map_err(|source| RunError::Plan { path: path.clone(), source })?,
        };
        serde_json::from_slice(&content).map_err(|error| RunError::Plan { path, source: error.into() })
    }

    /// A new journal for this process.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn journal(&self, sink: &Sink) -> Result<Journal, RunError> {
        Journal::create(&self.path.join("journal"), sink.clone())
    }

    /// All journals together.
    ///
    /// # Errors
    /// If one cannot be read. A line that makes no sense is no error here; the report tells of it.
    pub fn chronicle(&self) -> Result<Chronicle, RunError> {
        Chronicle::read(&self.path.join("journal"))
    }

    fn plan_path(&self) -> Utf8PathBuf {
        self.path.join("plan.json")
    }

    /// A reader sees the old link or the new one, never none.
    fn make_latest(&self) -> Result<(), RunError> {
        let latest = self.path.with_file_name("latest");
        let next = self.path.with_file_name(format!(".latest-{}", self.id));
        let linked = symlink(self.id.as_str(), &next).and_then(|()| fs::rename(&next, &latest));
        linked.map_err(|source| RunError::Latest { path: latest, source })
    }
}

#[cfg(test)]
mod tests {
    use super::RunDirectory;
    use crate::record::Experiment;

    #[test]
    fn two_records_have_two_paths_whatever_hyphens_their_names_have() {
        let path = |subject, overlay| RunDirectory::record_path(subject, overlay, Experiment::Install);
        assert_ne!(path("a-b", "c"), path("a", "b-c"));
    }
}
