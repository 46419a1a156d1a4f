//! `holdfast catalog`: the contract as a list.

use clap::{Args, ValueEnum};
use harness::exit;
use harness::report::catalogue::{self, Mutants};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// List every requirement of the contract.
#[derive(Debug, Args)]
pub(crate) struct Catalog {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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
            Format::Text => catalogue::table(suites::CATALOG),
            Format::Json => {
                let entries = catalogue::entries(suites::CATALOG, &Mutants::new());
                serde_json::to_string_pretty(&entries).map_err(Failure::broke)? + "\n"
            }
        };
        terminal.print(&text)?;
        Ok(exit::HOLDS)
    }
}
