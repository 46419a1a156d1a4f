//! `holdfast rbac`: what a run needs on a cluster that somebody else made, as a manifest.

use clap::Args;
use harness::cluster::RBAC_MANIFEST;
use harness::exit;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Print the manifest with the least rights that `holdfast run --context` needs, for `kubectl apply -f -`.
#[derive(Debug, Args)]
pub(crate) struct Rbac {}

impl Rbac {
    #[expect(clippy::unused_self, reason = "every subcommand is run in the same way")]
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        terminal.print(RBAC_MANIFEST)?;
        Ok(exit::HOLDS)
    }
}
