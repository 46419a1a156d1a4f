//! `holdfast report`: everything that is said about a run, made again from its directory.

use camino::Utf8PathBuf;
use clap::Args;
use harness::redact::{PrivateRoom, Redactor, Sink};
use harness::report::{self, ReportError, Style};
use harness::run::{RunDirectory, RunError};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Report on a run, also on one that was killed: write its files again, print what matters, exit as the run would have.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The run's id, or the path of its directory.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// Where runs are kept.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/holdfast")]
    runs: Utf8PathBuf,
}

impl Report {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let directory = RunDirectory::find(&self.runs, Some(&self.run)).map_err(Failure::usage)?;
        let report = report::Report::from_run(&directory).map_err(sorted)?;
        let sink = Sink::new(redactor(&directory)?);
        report.write(&directory, &sink).map_err(Failure::broke)?;
        let style = Style { colour: terminal.colours(), artefacts: Some(directory.path()) };
        terminal.print(&sink.line(&report::text(&report, style)))?;
        Ok(report.exit_code)
    }
}

/// What a killed run left in its private folder still masks. A run that ended has masked everything before.
fn redactor(directory: &RunDirectory) -> Result<Redactor, Failure> {
    let private = directory.plan().map_err(Failure::usage)?.private;
    match private.filter(|folder| folder.exists()) {
        Some(folder) => PrivateRoom::open(&folder).and_then(|room| room.redactor()).map_err(Failure::broke),
        None => Ok(Redactor::in_memory()),
    }
}

fn sorted(error: ReportError) -> Failure {
    match error {
        ReportError::Run(RunError::Unplanned { .. }) => Failure::incomplete(error),
        ReportError::Run(RunError::Plan { .. }) => Failure::usage(error),
        _ => Failure::broke(error),
    }
}
