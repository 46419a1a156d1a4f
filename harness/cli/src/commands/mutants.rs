//! `holdfast mutants run`: the kill matrix of the rendered lane.

use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::{Args, Subcommand};
use harness::exit;
use harness::helm::Helms;
use harness::mutant;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Plant defects, and see which requirements find them.
#[derive(Debug, Args)]
pub(crate) struct Mutants {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Run(Run),
}

/// Judge every mutant of the rendered lane: exactly its target and what it names beside it must be violated.
#[derive(Debug, Args)]
struct Run {
    /// The folder of `mutants` and `subjects`.
    #[arg(long, value_name = "FOLDER", default_value = "fixtures")]
    fixtures: Utf8PathBuf,

    /// Only mutants whose name or target contains one of these.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

impl Mutants {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let Sub::Run(run) = self.command;
        let mut mutants = mutant::read_all(&run.fixtures.join("mutants")).map_err(Failure::usage)?;
        let wanted = |mutant: &mutant::Mutant| {
            let named =
                |name: &String| mutant.name.contains(name.as_str()) || mutant.file.target.contains(name.as_str());
            run.names.is_empty() || run.names.iter().any(named)
        };
        mutants.retain(wanted);
        if mutants.is_empty() {
            return Err(Failure::usage(format!("there are no such mutants in {}", run.fixtures.join("mutants"))));
        }
        let helms = Arc::new(Helms::at_hand().map_err(Failure::broke)?);
        let matrix = mutant::matrix(suites::CATALOG, &mutants, &run.fixtures.join("subjects"), &helms);
        terminal.print(&format!("{matrix}\n"))?;
        Ok(if matrix.is_exact() { exit::HOLDS } else { exit::VIOLATED })
    }
}
