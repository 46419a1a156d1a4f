//! `holdfast sweep`: what dead runs left behind goes.

use std::collections::BTreeMap;

use clap::Args;
use harness::cache::Cache;
use harness::cluster::{Cluster, DEFAULT_NAME, Handle};
use harness::exit;
use harness::redact::PrivateRoom;

use crate::commands::runtime;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Remove the namespaces, Leases and private folders that runs left which did not come to their end.
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME)]
    name: String,
}

impl Sweep {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let base = PrivateRoom::base();
        let cache = Cache::locate().map_err(Failure::broke)?;
        if let Some(handle) = Handle::read(&cache, &self.name).map_err(Failure::broke)? {
            let removed = runtime()?.block_on(async {
                let cluster = Cluster::attach(handle).await.map_err(Failure::broke)?;
                let leftovers = cluster.leftovers().await.map_err(Failure::broke)?;
                let dead = leftovers.into_iter().filter(|one| !PrivateRoom::is_inhabited(&base, &one.run));
                let mut removed: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for leftover in dead {
                    cluster.remove(&leftover).await.map_err(Failure::broke)?;
                    removed.entry(leftover.run).or_default().push(leftover.remains.to_string());
                }
                Ok::<_, Failure>(removed)
            })?;
            for (run, remains) in removed {
                terminal.print(&format!("run {run}: removed {}\n", remains.join(", ")))?;
            }
        }
        for room in PrivateRoom::abandoned(&base) {
            let folder = room.folder().to_owned();
            room.remove().map_err(Failure::broke)?;
            terminal.print(&format!("removed the private folder {folder}\n"))?;
        }
        terminal.print("Nothing of a dead run is left.\n")?;
        Ok(exit::HOLDS)
    }
}
