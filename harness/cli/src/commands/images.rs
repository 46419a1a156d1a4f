//! `holdfast images`: what a cluster is made from, and making it.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use harness::cache::Cache;
use harness::docker::Docker;
use harness::exit;
use harness::images::Workshop;
use harness::tools::{Tool, Tools};

use crate::failure::Failure;
use crate::progress::progress;
use crate::terminal::Terminal;

/// List or build the images and tools that clusters are made from.
#[derive(Debug, Args)]
pub(crate) struct Images {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them: which are in the cache, and how long the others take to build.
    List,
    /// Build what is missing; an interrupted build goes on where it was.
    Build(Build),
}

#[derive(Debug, Args)]
struct Build {
    /// What to build, by the names of `holdfast images list`; by default everything that a cluster needs, and the
    /// tools that are not on PATH at their pinned versions.
    names: Vec<String>,
}

impl Images {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let cache = Cache::locate().map_err(Failure::broke)?;
        let workshop = Workshop::open(cache.clone()).map_err(Failure::broke)?;
        match self.action {
            Action::List => list(&workshop, terminal)?,
            Action::Build(build) => build.run(&cache, &workshop, terminal)?,
        }
        Ok(exit::HOLDS)
    }
}

fn list(workshop: &Workshop, terminal: &Terminal) -> Result<(), Failure> {
    let durations = workshop.store().durations();
    let mut table = String::new();
    for recipe in workshop.recipes().all() {
        let state = match workshop.artefact(recipe.name) {
            Err(_elsewhere) => "its sources are not here".to_owned(),
            Ok(artefact) => match workshop.store().record(&artefact) {
                Some(record) => format!("built {} ({})", record.finished, artefact.short_key()),
                None => {
                    let seconds = durations.get(recipe.name).copied().unwrap_or(recipe.seconds as f64);
                    format!("not built, takes about {seconds:.0} s")
                }
            },
        };
        let _ = writeln!(table, "{:<24}{:<62}{state}", recipe.name, recipe.summary);
    }
    terminal.print(&table)
}

impl Build {
    fn run(self, cache: &Cache, workshop: &Workshop, terminal: &Terminal) -> Result<(), Failure> {
        let progress = progress(terminal);
        let mut names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        for name in &names {
            workshop.recipes().get(name).map_err(Failure::usage)?;
        }
        if names.is_empty() {
            names.extend(harness::images::Images::ARTEFACTS);
            names.extend(Tools::missing(workshop, &Tool::ALL).map_err(Failure::broke)?);
        }
        let docker = Docker::ensure(cache, progress.as_ref()).map_err(Failure::broke)?;
        workshop.make(&names, Some(&docker), progress.as_ref()).map_err(Failure::broke)?;
        for name in names {
            terminal.print(&format!("{}\n", workshop.path(name).map_err(Failure::broke)?))?;
        }
        Ok(())
    }
}
