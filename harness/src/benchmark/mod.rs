//! How fast Holdfast is on this machine, each figure beside its floor, measured in the same run.
//!
//! A floor is what nobody could do without: the same Helm calls alone, a bare timer, a plain write, what Kubernetes and
//! CloudNativePG impose. A figure without one says more about the machine than about Holdfast. Nothing passes or fails
//! here, and nothing is known of how a page is printed.

mod api_server;
mod cluster;
mod cold;
mod helm_calls;
mod kill_matrix;
mod lane;
mod machine;
mod masking;
mod one_chart;
mod page;
mod polling;
mod records;
mod sampling;
mod scanning;
mod statistics;
mod subjects;
mod timeline;
mod watching;

use std::time::Instant;

use camino::Utf8PathBuf;

pub use self::cluster::Standing;
pub use self::cold::BuiltArtefact;
pub use self::machine::{Load, Machine};
pub use self::page::{API_VERSION, Budget, Figure, Floor, Outcome, Page, Row, Statistic, Unit};
pub use self::statistics::{Samples, ratio};
pub use self::timeline::{Cause, CriticalPath, PathStep, TimedRecord, TimedStep, critical_paths};
use crate::cache::Cache;
use crate::error::Chain;
use crate::helm::{HelmError, Helms, RecordingError};
use crate::images::RecipeError;
use crate::mutant::MutantError;
use crate::progress::{Event, Progress};
use crate::redact::RedactError;
use crate::rendered::RenderedError;
use crate::requirement::Requirement;
use crate::subject::SubjectError;
use crate::wait::WaitError;

/// What is to be measured.
pub struct Request<'a> {
    /// The contract, in its order.
    pub catalog: &'static [&'static Requirement],
    /// The contract's version.
    pub contract: &'static str,
    /// The folder of `charts`, `subjects` and `mutants`.
    pub fixtures: Utf8PathBuf,
    /// Where run directories are.
    pub runs: Utf8PathBuf,
    /// The user's cache folder.
    pub cache: Cache,
    /// The cluster that stands, if it is to be measured; else why it is not.
    pub cluster: Result<Standing<'a>, String>,
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// A subject cannot be read.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// There is no Helm.
    #[error(transparent)]
    Helm(#[from] HelmError),
    /// The calls of Helm cannot be made again.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A chart does not render.
    #[error(transparent)]
    Rendered(#[from] RenderedError),
    /// A mutant cannot be read.
    #[error(transparent)]
    Mutant(#[from] MutantError),
    /// Nothing can be masked.
    #[error(transparent)]
    Redact(#[from] RedactError),
    /// A recipe is malformed.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A wait did not end with its condition true.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// A file, a folder or a socket cannot be used.
    #[error("{operation} {path}")]
    File {
        /// What was attempted: "read", "write", "listen on".
        operation: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The cluster does not do what it is asked to.
    #[error("{0}")]
    Cluster(String),
    /// What was measured says nothing.
    #[error("{0}")]
    Unusable(String),
}

type Measurement<'a> = dyn Fn() -> Result<Vec<Row>, MeasureError> + 'a;

/// Measures everything, one thing after the other so that they do not disturb each other.
///
/// What cannot be measured is a row that says why.
pub fn measure(request: &Request<'_>, progress: &dyn Progress) -> Page {
    let helms = Helms::at_hand().map(|helms| helms.majors().iter().map(ToString::to_string).collect());
    let machine = Machine::look(helms.unwrap_or_default());
    let mut page = Page {
        api_version: API_VERSION,
        machine,
        load_at_end: None,
        rows: Vec::new(),
        critical_paths: Vec::new(),
        artefacts: Vec::new(),
    };
    let measurements: [(&str, &Measurement<'_>); 8] = [
        ("rendered lane, one chart", &|| one_chart::rows(request)),
        ("rendered lane, every subject", &|| subjects::rows(request)),
        ("kill matrix of the rendered lane", &|| kill_matrix::rows(request)),
        ("reaction of a wait that asks", &polling::rows),
        ("reaction of a wait that watches", &watching::rows),
        ("masking", &masking::rows),
        ("scanning", &scanning::rows),
        ("cluster", &|| cluster::rows(request)),
    ];
    for (step, measurement) in measurements {
        page.rows.extend(taken(step, progress, measurement).unwrap_or_else(|failed| vec![failed]));
    }
    match taken("live lane", progress, &|| records::rows(request)) {
        Ok((rows, paths)) => {
            page.rows.extend(rows);
            page.critical_paths = paths;
        }
        Err(failed) => page.rows.push(failed),
    }
    match taken("cold start", progress, &|| cold::rows(request)) {
        Ok((rows, artefacts)) => {
            page.rows.extend(rows);
            page.artefacts = artefacts;
        }
        Err(failed) => page.rows.push(failed),
    }
    page.load_at_end = Load::look();
    page
}

/// Takes one measurement and tells about it. What breaks becomes a row.
fn taken<T>(step: &str, progress: &dyn Progress, measurement: &dyn Fn() -> Result<T, MeasureError>) -> Result<T, Row> {
    progress.tell(Event::Began { step, what: "being measured", expected: None });
    let began = Instant::now();
    let outcome = measurement();
    progress.tell(Event::Ended { step, succeeded: outcome.is_ok(), took: began.elapsed() });
    outcome.map_err(|error| Row::failed(step, Chain(&error).to_string()))
}

#[cfg(test)]
mod tests {
    use super::{MeasureError, Outcome, taken};
    use crate::progress::Silent;

    #[test]
    fn what_breaks_is_a_row_that_says_why() {
        let failed = taken::<()>("masking", &Silent, &|| Err(MeasureError::Unusable("no room".into()))).unwrap_err();
        assert_eq!(failed.what, "masking");
        assert_eq!(failed.outcome, Outcome::Failed { why: "no room".into() });
    }
}
