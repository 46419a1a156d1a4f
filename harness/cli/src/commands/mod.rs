//! One file for each subcommand. Each parses its arguments, calls the library once or twice, and says what came of it.

mod catalog;
mod explain;
mod images;
mod report;

use clap::Subcommand;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// What `holdfast` can be asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Catalog(catalog::Catalog),
    Explain(explain::Explain),
    Images(images::Images),
    Report(report::Report),
}

impl Command {
    /// Does it, and says with which exit code to end.
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        match self {
            Self::Catalog(catalog) => catalog.run(terminal),
            Self::Explain(explain) => explain.run(terminal),
            Self::Images(images) => images.run(terminal),
            Self::Report(report) => report.run(terminal),
        }
    }
}
