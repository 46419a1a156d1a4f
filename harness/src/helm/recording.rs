//! The calls of Helm that something needs, kept so that they can be made again by themselves.
//!
//! Nothing is recorded unless somebody asks for it, and the answers are the same with and without. Each call keeps
//! copies of what it read, because the files of a mutant are gone as soon as it has been judged.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use super::HelmError;
use super::program::{HelmProgram, Helms, RenderJob, Verb};
use crate::rendered::in_parallel;

/// One call of Helm, as it was made.
#[derive(Debug, Clone)]
pub struct Call {
    program: HelmProgram,
    verb: Verb,
    job: RenderJob,
    code: Option<i32>,
}

/// Keeps the calls of the Helms that it is given to.
#[derive(Debug)]
pub struct Recorder {
    folder: TempDir,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    calls: Vec<Call>,
    failure: Option<RecordingError>,
}

/// Why calls cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// There is no room for copies.
    #[error("make a temporary folder for what Helm reads")]
    Room(#[source] io::Error),
    /// What a call read could not be copied.
    #[error("copy {path}, which Helm read")]
    Copy {
        /// The file or folder.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Helm could not be asked again.
    #[error(transparent)]
    Helm(#[from] HelmError),
    /// Helm answered otherwise than before, so that it was not the same call.
    #[error("repeat a call of Helm for {chart}: its exit code was {before}, now it is {now}")]
    Otherwise {
        /// The chart.
        chart: Utf8PathBuf,
        /// The exit code when it was recorded.
        before: String,
        /// The exit code now.
        now: String,
    },
}

impl Recorder {
    /// A recorder with an empty folder of its own, which goes with it.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new() -> Result<Arc<Self>, RecordingError> {
        let folder = TempDir::with_prefix("holdfast-helm-calls-").map_err(RecordingError::Room)?;
        Ok(Arc::new(Self { folder, taken: Mutex::default() }))
    }

    /// The calls so far.
    ///
    /// # Errors
    /// When one of them could not be kept.
    pub fn calls(&self) -> Result<Vec<Call>, RecordingError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(taken.calls.clone()),
        }
    }

    /// Keeps a call that has just been answered; what it read is still there.
    pub(super) fn note(&self, program: &HelmProgram, verb: Verb, job: &RenderJob, code: Option<i32>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match self.copied(job) {
            Ok(job) => taken.calls.push(Call { program: program.clone(), verb, job, code }),
            Err(failure) => taken.failure = Some(failure),
        }
    }

    fn copied(&self, job: &RenderJob) -> Result<RenderJob, RecordingError> {
        let mut copied = job.clone();
        copied.chart = self.copy(&job.chart, &job.chart_digest)?;
        for (path, digest) in &mut copied.values {
            *path = self.copy(path, digest)?;
        }
        Ok(copied)
    }

    fn copy(&self, path: &Utf8Path, digest: &str) -> Result<Utf8PathBuf, RecordingError> {
        let failed = |source| RecordingError::Copy { path: path.to_owned(), source };
        let root =
            Utf8Path::from_path(self.folder.path()).ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
        let copy = root.join(digest.replace(':', "-")).join(path.file_name().unwrap_or("chart"));
        if !copy.exists() {
            copy_all(path, &copy).map_err(failed)?;
        }
        Ok(copy)
    }
}

fn copy_all(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in from.read_dir_utf8()? {
            let entry = entry?;
            copy_all(entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(drop)
}

impl Helms {
    /// The same Helms, with a recorder of every call that they make.
    #[must_use]
    pub fn recorded_by(mut self, recorder: &Arc<Recorder>) -> Self {
        self.recorder = Some(Arc::clone(recorder));
        self
    }

    /// Makes calls again, all of them, as many at once as otherwise. Answers are neither looked up nor kept.
    ///
    /// # Errors
    /// When Helm cannot be asked, or a call ends otherwise than it did.
    pub fn repeat(&self, calls: &[Call]) -> Result<(), RecordingError> {
        in_parallel(calls, |call| {
            let output = self.run(&call.program, call.verb, &call.job)?;
            let shown = |code: Option<i32>| code.map_or("none".to_owned(), |code| code.to_string());
            if output.status.code() == call.code {
                return Ok(());
            }
            let (before, now) = (shown(call.code), shown(output.status.code()));
            Err(RecordingError::Otherwise { chart: call.job.chart.clone(), before, now })
        })
        .into_iter()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use camino::{Utf8Path, Utf8PathBuf};
    use serde_json::json;

    use super::{Recorder, RecordingError};
    use crate::helm::{HelmMajor, HelmProgram, Helms, RenderJob};

    /// Something that answers like Helm: it prints the chart's description, and refuses a chart that has none.
    const STAND_IN: &str = "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/asked\"\n\
        for word; do [ -d \"$word\" ] && chart=$word; done\ncat \"$chart/Chart.yaml\"\n";

    struct Place {
        _folder: tempfile::TempDir,
        root: Utf8PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = Utf8Path::from_path(folder.path()).unwrap().to_owned();
            std::fs::write(root.join("script"), STAND_IN).unwrap();
            // Written by another process: a program that is open for writing here, in any thread, cannot be started.
            let mut install = Command::new("install");
            install.args(["-m", "755"]).args([root.join("script"), root.join("helm")]);
            assert!(install.status().unwrap().success());
            std::fs::create_dir(root.join("chart")).unwrap();
            std::fs::write(root.join("chart/Chart.yaml"), "name: a\n").unwrap();
            Self { _folder: folder, root }
        }

        fn helms(&self) -> Helms {
            Helms::new(vec![HelmProgram { major: HelmMajor::Four, path: self.root.join("helm") }]).unwrap()
        }

        fn job(&self, replicas: u32) -> RenderJob {
            RenderJob {
                chart: self.root.join("chart"),
                chart_digest: "sha256:1".into(),
                release: "a".into(),
                namespace: "a".into(),
                values: Vec::new(),
                overrides: json!({"replicas": replicas}),
                arguments: Vec::new(),
            }
        }

        fn asked(&self) -> usize {
            std::fs::read_to_string(self.root.join("asked")).unwrap().lines().count()
        }
    }

    #[test]
    fn a_question_that_is_answered_from_memory_is_no_call() {
        let (place, recorder) = (Place::new(), Recorder::new().unwrap());
        let helms = place.helms().recorded_by(&recorder);
        for replicas in [1, 1, 2] {
            helms.template(None, &place.job(replicas)).unwrap().unwrap();
        }
        helms.lint(None, &place.job(1)).unwrap();
        assert_eq!((recorder.calls().unwrap().len(), place.asked()), (3, 3));
    }

    #[test]
    fn calls_are_made_again_also_when_the_chart_is_gone() {
        let (place, recorder) = (Place::new(), Recorder::new().unwrap());
        place.helms().recorded_by(&recorder).template(None, &place.job(1)).unwrap().unwrap();
        std::fs::remove_dir_all(place.root.join("chart")).unwrap();
        let calls = recorder.calls().unwrap();
        place.helms().repeat(&calls).unwrap();
        assert_eq!(place.asked(), 2);
    }

    #[test]
    fn a_call_that_ends_otherwise_is_no_floor() {
        let (place, recorder) = (Place::new(), Recorder::new().unwrap());
        place.helms().recorded_by(&recorder).template(None, &place.job(1)).unwrap().unwrap();
        let calls = recorder.calls().unwrap();
        drop(recorder);
        let refused = place.helms().repeat(&calls).unwrap_err();
        assert!(matches!(refused, RecordingError::Otherwise { .. }), "{refused}");
    }
}
