//! `holdfast schema`: the JSON Schemas of the files that people and programs exchange with Holdfast.

use clap::{Args, ValueEnum};
use harness::exit;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Print the JSON Schema of a file, for editors and for programs that read reports.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of which file.
    #[arg(value_enum)]
    file: File,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum File {
    /// The subject file.
    Subject,
    /// `report.json`.
    Report,
}

impl Schema {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        terminal.print(match self.file {
            File::Subject => include_str!("../../../schemas/subject.v1.json"),
            File::Report => include_str!("../../../schemas/report.v1.json"),
        })?;
        Ok(exit::HOLDS)
    }
}
