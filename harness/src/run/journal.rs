//! What happened, one event a line, on the disk before anything follows from it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{ImageIdentity, Key};
use super::{RunError, RunId};
use crate::check::Judgement;
use crate::record::Experiment;
use crate::redact::{Leak, Sink};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// The run began.
    RunStarted {
        /// Its id.
        run: RunId,
    },
    /// Facts about what the run runs on became known: `kubernetes: v1.36.1`.
    EnvironmentObserved {
        /// Names and values.
        facts: BTreeMap<String, String>,
    },
    /// The images of a subject's running pods became known.
    ImagesObserved {
        /// The subject's name.
        subject: String,
        /// The images.
        images: Vec<ImageIdentity>,
    },
    /// An experiment began on a bench.
    ExperimentStarted {
        /// Which.
        experiment: Experiment,
        /// On which subject.
        subject: String,
        /// Under which overlay.
        overlay: String,
    },
    /// An experiment left a sealed record.
    ExperimentSealed {
        /// Which.
        experiment: Experiment,
        /// On which subject.
        subject: String,
        /// Under which overlay.
        overlay: String,
        /// The record, from the run directory on.
        record: String,
    },
    /// An experiment broke off. What needs its record is unchecked.
    ExperimentFailed {
        /// Which.
        experiment: Experiment,
        /// On which subject.
        subject: String,
        /// Under which overlay.
        overlay: String,
        /// The step that failed, and why.
        reason: String,
    },
    /// A check was closed.
    Judged {
        /// Of what.
        #[serde(flatten)]
        key: Key,
        /// What it said.
        judgement: Judgement,
        /// How long it took, in seconds.
        seconds: f64,
        /// The artefacts that it read, from the run directory on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<String>,
    },
    /// Something that a reader of the report should know, and that no verdict says.
    Noted {
        /// A sentence.
        text: String,
    },
    /// Credentials that are too short to be masked.
    NotMasked {
        /// Their names.
        credentials: Vec<String>,
    },
    /// A credential got past the mask.
    Leaked {
        /// What, where and how.
        leak: Leak,
    },
    /// Somebody stopped the run.
    Interrupted {
        /// The signal's name, `SIGINT`.
        signal: String,
    },
    /// The run came to its end: nothing follows but the report.
    RunFinished,
}

/// An event and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written, by the clock of the machine that ran Holdfast.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// The journal of one process.
#[derive(Debug)]
pub struct Journal {
    path: Utf8PathBuf,
    file: Mutex<File>,
    sink: Sink,
}

impl Journal {
    /// Opens a new journal in the folder, named after the process.
    pub(super) fn create(folder: &Utf8Path, sink: Sink) -> Result<Self, RunError> {
        let process = std::process::id();
        // A number comes back, in another container or after a while; a journal is never continued by a stranger.
        for attempt in 1..=u32::MAX {
            let name = if attempt == 1 { format!("{process}.jsonl") } else { format!("{process}-{attempt}.jsonl") };
            let path = folder.join(name);
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    let failed = |source| RunError::Journal { path: path.clone(), source };
                    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
                    return Ok(Self { path, file: Mutex::new(file), sink });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(RunError::Journal { path, source }),
            }
        }
        Err(RunError::Journal { path: folder.to_owned(), source: io::ErrorKind::AlreadyExists.into() })
    }

    /// Writes an event down. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// If it cannot be written; then what follows from it must not be done.
    pub fn record(&self, event: Event) -> Result<(), RunError> {
        let entry = Entry { at: Timestamp::now(), event };
        let line = self.sink.json_line(&self.path, &entry)?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        written.map_err(|source| RunError::Journal { path: self.path.clone(), source })
    }
}

/// All journals of a run, read together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chronicle {
    /// The events of all processes, by time.
    pub entries: Vec<Entry>,
    /// Last lines that a dying process left unfinished. Nothing followed from them.
    pub torn: Vec<String>,
    /// Lines that cannot be read and are not the end of a journal: what stood there is not known.
    pub damaged: Vec<String>,
}

impl Chronicle {
    /// Adds an event that happened now, for commands that judge in one go and leave no run directory.
    pub fn record(&mut self, event: Event) {
        self.entries.push(Entry { at: Timestamp::now(), event });
    }

    /// Reads every journal in the folder. A folder that is not there is an empty one.
    pub(super) fn read(folder: &Utf8Path) -> Result<Self, RunError> {
        let failed = |source| RunError::Journal { path: folder.to_owned(), source };
        let mut chronicle = Self::default();
        let listing = match folder.read_dir_utf8() {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(chronicle),
            Err(error) => return Err(failed(error)),
        };
        let mut paths = Vec::new();
        for entry in listing {
            paths.push(entry.map_err(failed)?.into_path());
        }
        paths.sort();
        for path in paths.iter().filter(|path| path.extension() == Some("jsonl")) {
            let content = fs::read(path).map_err(|source| RunError::Journal { path: path.clone(), source })?;
            chronicle.add(path.file_name().unwrap_or_default(), &content);
        }
        chronicle.entries.sort_by_key(|entry| entry.at);
        Ok(chronicle)
    }

    fn add(&mut self, name: &str, content: &[u8]) {
        for (index, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let place = format!("journal/{name}, line {}", index + 1);
            match serde_json::from_slice(line) {
                // A line counts when its end is there: the write that brought it was whole.
                Ok(entry) if line.ends_with(b"\n") => self.entries.push(entry),
                _ if !line.ends_with(b"\n") => self.torn.push(place),
                Ok(_) => {}
                Err(error) => self.damaged.push(format!("{place}: {error}")),
            }
        }
    }
}
