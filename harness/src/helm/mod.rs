//! Helm as a program: rendering, linting, and what it says when it refuses.
//!
//! A chart that refuses to render is an answer, a [`Refusal`], not an error: half of the contract asks for refusals. An
//! error here means that Helm itself could not be run. Values go to Helm through its standard input, so that no secret
//! appears in an argument or on disk.

mod cache;
mod chart;
mod fetch;
mod find;
mod ignore;
mod mentions;
mod patience;
mod program;
mod recording;
mod refusal;
mod values;

use std::fmt;

use camino::Utf8PathBuf;

pub use self::chart::{Dependency, Package, PackageError, PackageFile};
pub use self::mentions::Mentions;
pub use self::program::{Fetched, HelmProgram, Helms, Lint, RenderJob};
pub use self::recording::{Call, Recorder, RecordingError};
pub use self::refusal::{Refusal, RefusalKind};
pub use self::values::{ValuePath, lay_over, merge};

/// The major versions of Helm that a chart has to render with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HelmMajor {
    /// Helm 3.
    Three,
    /// Helm 4.
    Four,
}

impl fmt::Display for HelmMajor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Three => "Helm 3",
            Self::Four => "Helm 4",
        })
    }
}

/// Why Helm could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// There is no Helm to run.
    #[error(
        "find Helm 3 or 4: neither is on PATH or in the cache folder; install one, or have \
         it built with `holdfast tools helm4`, which takes Go and about a minute"
    )]
    NoHelm,
    /// The program does not start.
    #[error("start {program}")]
    Start {
        /// The program.
        program: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The program was lost while it ran.
    #[error("run {program}")]
    Run {
        /// The program.
        program: Utf8PathBuf,
        /// Why it was lost.
        #[source]
        source: std::io::Error,
    },
    /// The program crashed instead of answering.
    #[error("{program} crashed ({how}): {last}")]
    Crashed {
        /// The program.
        program: Utf8PathBuf,
        /// The signal or exit code.
        how: String,
        /// The first line of what it said.
        last: String,
    },
    /// It did not come to its end.
    #[error(
        "ask {program} about chart {chart}: no answer within {seconds} s, so it was ended; look in the chart's templates \
         for a `range`, an `until` or an `include` that goes on without end, or that a value makes that long"
    )]
    TooLong {
        /// The program.
        program: Utf8PathBuf,
        /// The folder or archive of the chart.
        chart: Utf8PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It printed something else than text.
    #[error("{program} printed bytes that are not UTF-8")]
    NotText {
        /// The program.
        program: Utf8PathBuf,
    },
    /// It printed manifests that cannot be read.
    #[error("read what Helm rendered from {chart}")]
    Unreadable {
        /// The folder or archive of the chart.
        chart: Utf8PathBuf,
        /// Why not.
        #[source]
        source: crate::yaml::YamlError,
    },
    /// Helm cannot fetch a chart.
    #[error("fetch chart {chart}: {message}; {hint}")]
    Fetch {
        /// The chart.
        chart: String,
        /// What Helm wrote.
        message: String,
        /// What may help.
        hint: &'static str,
    },
    /// There is no cache folder to keep a fetched chart in.
    #[error("keep chart {chart}")]
    Shelf {
        /// The chart.
        chart: String,
        /// Why not.
        #[source]
        source: crate::cache::CacheError,
    },
    /// What was fetched is no chart.
    #[error("read chart {chart}, which Helm fetched")]
    Unpacked {
        /// The chart.
        chart: String,
        /// Why not.
        #[source]
        source: Box<PackageError>,
    },
    /// A fetched chart cannot be kept.
    #[error("keep chart {chart} in {folder}")]
    Keep {
        /// The chart.
        chart: String,
        /// Where it belongs.
        folder: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The program is of another version than Holdfast knows.
    #[error(
        "use {program}: expected Helm 3 or 4, and it says that its version is `{version}`; put one of them on PATH, or \
         have one built with `holdfast tools helm4`"
    )]
    Version {
        /// The program.
        program: Utf8PathBuf,
        /// What it calls itself.
        version: String,
    },
}
