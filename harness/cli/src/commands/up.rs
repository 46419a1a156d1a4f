//! `holdfast up`: a cluster that takes databases, made or reused.

use clap::Args;
use harness::exit;

use crate::commands::runtime;
use crate::failure::Failure;
use crate::ground::{CLUSTER, Ground};
use crate::progress::progress;
use crate::terminal::Terminal;

/// Make the kind cluster with CloudNativePG, or reuse the one that is there.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The name of the cluster.
    #[arg(long, default_value = CLUSTER)]
    name: String,
}

impl Up {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let progress = progress(terminal);
        let ground = Ground::prepare(&self.name, harness::images::Mode::Auto, progress.as_ref())?;
        let handle =
            runtime()?.block_on(ground.kind.bring_up(&ground.furnishing, progress.as_ref())).map_err(Failure::broke)?;
        ground.leave(&handle)?;
        terminal.print(&format!(
            "The cluster is up and takes databases.\n  kubeconfig: {}\n  context:    {}\nNext: holdfast run --subject FILE; holdfast down removes it.\n",
            handle.kubeconfig, handle.context
        ))?;
        Ok(exit::HOLDS)
    }
}
