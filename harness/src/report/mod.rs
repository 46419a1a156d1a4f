//! What is said about a run, and about the contract, in every format that people and machines read.
//!
//! A report is made from a run directory alone: its plan says what must be judged, its journals what was. This module is
//! the only one that knows output formats. It judges nothing.

mod assemble;
mod blocks;
pub mod catalogue;
mod conclude;
mod html;
mod junit;
mod model;
mod narrative;
pub mod pages;
mod profile;
mod sarif;
mod speed;
mod summary;
mod text;
mod unfinished;
mod waivers;

use camino::Utf8PathBuf;

pub use conclude::conclude;
pub use html::html;
pub use junit::junit;
pub use model::{
    API_VERSION, BrokenOff, Counts, HarnessFacts, KIND, LaneResult, Report, RequirementResult, RunFacts, Statistics,
    Waiver, WaiverState,
};
pub use profile::{profile, profiles};
pub use sarif::sarif;
pub use speed::speed;
pub use summary::summary;
pub use text::{Style, text};

use crate::redact::{RedactError, Sink};
use crate::run::{RunDirectory, RunError};

/// Why a report could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run directory cannot be read.
    #[error("make the report of the run")]
    Run(#[from] RunError),
    /// JUnit XML could not be written.
    #[error("write the report as JUnit XML")]
    Junit(#[source] quick_junit::SerializeError),
    /// The page could not be filled.
    #[error("write the report as HTML")]
    Page(#[source] askama::Error),
    /// A file could not be masked, written or scanned.
    #[error("write the report to {folder}")]
    Write {
        /// The run directory.
        folder: Utf8PathBuf,
        /// What went wrong.
        #[source]
        source: RedactError,
    },
}

impl Report {
    /// Makes the report of a run from its directory, whatever state it was left in.
    ///
    /// # Errors
    /// If the plan or a journal cannot be read.
    pub fn from_run(directory: &RunDirectory) -> Result<Self, ReportError> {
        Ok(Self::assemble(&directory.plan()?, &directory.chronicle()?))
    }

    /// Writes `report.json`, `junit.xml`, `report.html` and `summary.md` into the run directory.
    ///
    /// # Errors
    /// If one of them cannot be made or written.
    pub fn write(&self, directory: &RunDirectory, sink: &Sink) -> Result<(), ReportError> {
        let folder = directory.path();
        let failed = |source| ReportError::Write { folder: folder.to_owned(), source };
        sink.json(&folder.join("report.json"), self).map_err(failed)?;
        sink.write(&folder.join("junit.xml"), junit(self)?.as_bytes()).map_err(failed)?;
        let page = html(self, &directory.sealed()?)?;
        sink.write(&folder.join("report.html"), page.as_bytes()).map_err(failed)?;
        sink.write(&folder.join("summary.md"), summary(self).as_bytes()).map_err(failed)
    }
}

#[cfg(test)]
mod tests;
