//! Writing down what becomes of one subject's experiments, while whoever watches the run is told.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::experiment::Witness;
use crate::progress::{Event as Step, Progress};
use crate::record::{Experiment, PodImage, Record};
use crate::redact::Sink;
use crate::run::{Event, ImageIdentity, Journal, RunDirectory, RunError};

/// Keeps the records of one subject under one overlay.
pub(super) struct Clerk<'a> {
    pub(super) subject: &'a str,
    pub(super) overlay: &'a str,
    pub(super) directory: &'a RunDirectory,
    pub(super) journal: &'a Journal,
    pub(super) sink: &'a Sink,
    pub(super) progress: &'a dyn Progress,
    /// Why something could not be kept, the first time.
    pub(super) unkept: Mutex<Option<RunError>>,
}

impl Clerk<'_> {
    /// Why something could not be kept, if that is so.
    pub(super) fn unkept(self) -> Option<RunError> {
        self.unkept.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, kept: Result<(), RunError>) {
        if let Err(error) = kept {
            self.unkept.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn step(&self, experiment: Experiment) -> String {
        format!("{} {} {experiment}", self.subject, self.overlay)
    }
}

impl Witness for Clerk<'_> {
    fn began(&self, experiment: Experiment) {
        let (subject, overlay) = (self.subject.to_owned(), self.overlay.to_owned());
        self.keep(self.journal.record(Event::ExperimentStarted { experiment, subject, overlay }));
        self.progress.tell(Step::Began { step: &self.step(experiment), what: "under way", expected: None });
    }

    fn sealed(&self, record: &Record) {
        self.keep(self.directory.seal(record, self.journal, self.sink));
        self.progress.tell(Step::Ended {
            step: &self.step(record.experiment),
            succeeded: record.broken.is_none(),
            took: record.ended.duration_since(record.began).unsigned_abs(),
        });
    }

    fn left_behind(&self, namespace: &str, reason: &str) {
        let text = format!("left behind: namespace {namespace}: {reason}; `holdfast sweep` removes it");
        self.progress.say(&self.sink.line(&text));
        self.keep(self.journal.record(Event::Noted { text }));
    }
}

/// The images of all pods that were seen, and what they resolved to.
pub(super) fn images_of(records: &[Record]) -> Vec<ImageIdentity> {
    let pods = records.iter().flat_map(|record| &record.snapshots).flat_map(|snapshot| &snapshot.pods);
    let images = pods.flat_map(|pod| pod.images.values()).filter(|image| !image.id.is_empty());
    images.map(identity).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A node tells a digest alone, or behind the name of what it pulled.
fn identity(image: &PodImage) -> ImageIdentity {
    let digest = image.id.rsplit('@').next().filter(|digest| digest.starts_with("sha256:"));
    ImageIdentity { reference: image.reference.clone(), digest: digest.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::identity;
    use crate::record::PodImage;

    #[rstest]
    #[case::pulled("docker.io/library/postgres@sha256:aa", Some("sha256:aa"))]
    #[case::loaded("sha256:bb", Some("sha256:bb"))]
    #[case::a_name_alone("docker.io/library/postgres:18", None)]
    fn an_image_is_identified_by_what_it_resolved_to(#[case] id: &str, #[case] expected: Option<&str>) {
        let image = PodImage { reference: "postgres:18".into(), id: id.into(), stands_for: None };
        assert_eq!(identity(&image).digest.as_deref(), expected);
    }
}
