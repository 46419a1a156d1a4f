//! One file for each subcommand. Each parses its arguments, calls the library once or twice, and says what came of it.

mod bench;
mod catalog;
mod check;
mod doctor;
mod down;
mod examples;
mod explain;
mod images;
mod mutants;
mod rbac;
mod report;
mod run;
mod schema;
mod sweep;
mod tools;
mod up;

use clap::Subcommand;
use harness::subject::is_label;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// What `holdfast` can be asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Up),
    Run(run::Run),
    Doctor(doctor::Doctor),
    Down(down::Down),
    Sweep(sweep::Sweep),
    Check(check::Check),
    Report(report::Report),
    Catalog(catalog::Catalog),
    Explain(explain::Explain),
    Examples(examples::Examples),
    Schema(schema::Schema),
    Mutants(mutants::Mutants),
    Images(images::Images),
    Bench(bench::Bench),
    Tools(tools::Tools),
    Rbac(rbac::Rbac),
}

impl Command {
    /// Does it, and says with which exit code to end.
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        match self {
            Self::Up(up) => up.run(terminal),
            Self::Run(run) => run.run(terminal),
            Self::Doctor(doctor) => doctor.run(terminal),
            Self::Down(down) => down.run(terminal),
            Self::Sweep(sweep) => sweep.run(terminal),
            Self::Check(check) => check.run(terminal),
            Self::Report(report) => report.run(terminal),
            Self::Catalog(catalog) => catalog.run(terminal),
            Self::Explain(explain) => explain.run(terminal),
            Self::Examples(examples) => examples.run(terminal),
            Self::Schema(schema) => schema.run(terminal),
            Self::Mutants(mutants) => mutants.run(terminal),
            Self::Images(images) => images.run(terminal),
            Self::Bench(bench) => bench.run(terminal),
            Self::Tools(tools) => tools.run(terminal),
            Self::Rbac(rbac) => rbac.run(terminal),
        }
    }
}

/// A cluster's name, which is part of file names and of names on the cluster: a DNS label, short enough for what follows.
fn cluster_name(text: &str) -> Result<String, String> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err("a name is 1 to 40 of a-z, 0-9 and -, and neither begins nor ends with -".to_owned())
    }
}

/// The runtime of commands that talk to a cluster.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|error| Failure::broke(format!("start the asynchronous runtime: {error}")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::cluster_name;

    #[rstest]
    #[case::usual("holdfast", true)]
    #[case::with_a_number("gate-2", true)]
    #[case::a_variable_that_is_not_set("", false)]
    #[case::another_folder("..", false)]
    #[case::a_path("a/b", false)]
    #[case::capitals("Gate", false)]
    #[case::a_dash_at_the_end("gate-", false)]
    #[case::an_option("-f", false)]
    fn a_cluster_is_called_by_a_label(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(cluster_name(text).is_ok(), expected);
    }
}
