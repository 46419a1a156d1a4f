//! `holdfast tools`: the pinned tools, found or built, for a shell.

use clap::{Args, ValueEnum};
use harness::cache::Cache;
use harness::exit;
use harness::images::Workshop;
use harness::tools::{Tool, Tools as Find};

use crate::failure::Failure;
use crate::progress::progress;
use crate::terminal::Terminal;

/// Get pinned tools and print their folders as a search path, for `PATH="$(holdfast tools nextest):$PATH"`.
#[derive(Debug, Args)]
pub(crate) struct Tools {
    /// Which tools.
    #[arg(value_enum, required = true)]
    tools: Vec<Named>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Named {
    Kind,
    Helm3,
    Helm4,
    Kubectl,
    Nextest,
}

impl From<Named> for Tool {
    fn from(named: Named) -> Self {
        match named {
            Named::Kind => Self::Kind,
            Named::Helm3 => Self::Helm3,
            Named::Helm4 => Self::Helm4,
            Named::Kubectl => Self::Kubectl,
            Named::Nextest => Self::Nextest,
        }
    }
}

impl Tools {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let workshop = Workshop::open(Cache::locate().map_err(Failure::broke)?).map_err(Failure::broke)?;
        let tools: Vec<Tool> = self.tools.into_iter().map(Tool::from).collect();
        let paths = Find::ensure(&workshop, &tools, progress(terminal).as_ref()).map_err(Failure::broke)?;
        let folders = tools.iter().filter_map(|tool| paths.get(*tool)?.parent());
        let folders: Vec<&str> = folders.map(camino::Utf8Path::as_str).collect();
        terminal.print(&format!("{}\n", folders.join(":")))?;
        Ok(exit::HOLDS)
    }
}
