//! `holdfast catalog`: the contract as a list.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use harness::exit;
use harness::report::{self, catalogue};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// List every requirement of the contract, and the profiles that a gate can demand.
#[derive(Debug, Args)]
pub(crate) struct Catalog {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where the planted defects of a checkout are; they are listed if the folder is there.
    #[arg(long, value_name = "DIRECTORY", default_value = "fixtures/mutants")]
    mutants: Utf8PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A line for each requirement.
    Text,
    /// A list for machines; its shape is versioned.
    Json,
}

impl Catalog {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let text = match self.format {
            Format::Text => {
                let profiles = suites::profiles().map_err(Failure::broke)?;
                catalogue::table(suites::CATALOG) + &report::profiles(&profiles)
            }
            Format::Json => {
                let mutants = catalogue::mutants_below(&self.mutants).map_err(Failure::usage)?;
                let entries = catalogue::entries(suites::CATALOG, &mutants);
                serde_json::to_string_pretty(&entries).map_err(Failure::broke)? + "\n"
            }
        };
        terminal.print(&text)?;
        Ok(exit::HOLDS)
    }
}
