//! `holdfast doctor`: what could keep a live run from working on this machine, and how to mend it.

use std::fmt::Write as _;

use clap::Args;
use harness::cache::Cache;
use harness::docker::Docker;
use harness::exit;
use harness::host::diagnosis::{self, Diagnosis, State};
use harness::tools::Tool;
use harness::versions::Versions;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Look at this machine and say what is missing for a live run, and how to mend it.
///
/// Changes nothing. Exits with 70 if a live run cannot work.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    #[expect(clippy::unused_self, reason = "every subcommand is run in the same way")]
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let seen = look()?;
        let mut text = String::new();
        for diagnosis in &seen {
            let mark = match diagnosis.state {
                State::Fine => "ok     ",
                State::Notable => "note   ",
                State::Trouble => "TROUBLE",
            };
            let _ = writeln!(text, "{mark} {}: {}", diagnosis.subject, diagnosis.observed);
            if let Some(remedy) = &diagnosis.remedy {
                let _ = writeln!(text, "        to do: {remedy}");
            }
        }
        terminal.print(&text)?;
        let trouble = seen.iter().any(|diagnosis| diagnosis.state == State::Trouble);
        Ok(if trouble { exit::BROKE } else { exit::HOLDS })
    }
}

fn look() -> Result<Vec<Diagnosis>, Failure> {
    let cache = Cache::locate().map_err(Failure::broke)?;
    let versions = Versions::pinned().map_err(Failure::broke)?;
    let docker = Docker::find(&cache);
    let mut seen =
        vec![diagnosis::daemon(docker.as_ref().map_err(|error| error as &(dyn std::error::Error + 'static)))];
    seen.extend(docker.ok().map(|docker| diagnosis::image_store(&docker)));
    seen.extend([diagnosis::privilege(), diagnosis::control_groups()]);
    seen.extend(diagnosis::watches());
    seen.extend([diagnosis::disk(&cache), diagnosis::memory()]);
    for tool in Tool::ALL {
        seen.push(diagnosis::tool(tool, &versions).map_err(Failure::broke)?);
    }
    seen.extend(diagnosis::compilers());
    Ok(seen)
}
