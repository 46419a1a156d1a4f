//! `holdfast down`: the kind cluster goes, with everything on it.

use clap::Args;
use harness::cache::Cache;
use harness::cluster::{DEFAULT_NAME, Handle, Provider};
use harness::docker;
use harness::exit;

use crate::commands::{cluster_name, runtime};
use crate::failure::Failure;
use crate::ground;
use crate::progress::progress;
use crate::terminal::Terminal;

/// Remove the kind cluster. Images and tools stay in the cache folder.
#[derive(Debug, Args)]
pub(crate) struct Down {
    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME, value_parser = cluster_name)]
    name: String,
    /// Stop the private Docker daemon too, if one was started. Its images stay.
    #[arg(long)]
    docker: bool,
}

impl Down {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let cache = Cache::locate().map_err(Failure::broke)?;
        if let Some(handle) =
            Handle::read(&cache, &self.name).map_err(Failure::broke)?.filter(|handle| handle.provider != Provider::Kind)
        {
            return Err(Failure::usage(format!(
                "remove the cluster {}: somebody else made it, at context {} of {}, so it stays; `{}` removes what \
                 runs left on it",
                self.name,
                handle.context,
                handle.kubeconfig,
                handle.sweep_command()
            )));
        }
        let progress = progress(terminal);
        match ground::found(&cache, &self.name, progress.as_ref())? {
            None => terminal.print("There is no Docker daemon, so there is no kind cluster.\n")?,
            Some(kind) => {
                runtime()?.block_on(kind.take_down()).map_err(Failure::broke)?;
                Handle::forget(&cache, &self.name).map_err(Failure::broke)?;
                terminal.print(&format!("The kind cluster {} is gone.\n", self.name))?;
            }
        }
        if self.docker {
            let stopped = docker::stop(&cache).map_err(Failure::broke)?;
            let told =
                if stopped { "The private Docker daemon is stopped.\n" } else { "No private Docker daemon runs.\n" };
            terminal.print(told)?;
        }
        Ok(exit::HOLDS)
    }
}
