//! `holdfast sweep`: what dead runs left behind goes.

use std::collections::BTreeMap;

use camino::Utf8Path;
use clap::Args;
use harness::cache::Cache;
use harness::cluster::{Cluster, DEFAULT_NAME, Handle, Leftover, Provider};
use harness::error::Chain;
use harness::exit;
use harness::redact::PrivateRoom;
use jiff::Timestamp;

use crate::commands::{cluster_name, runtime};
use crate::existing::Existing;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Remove the namespaces, Leases and private folders that runs left which did not come to their end.
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME, value_parser = cluster_name)]
    name: String,

    #[command(flatten)]
    existing: Existing,
}

impl Sweep {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let base = PrivateRoom::base();
        let mut left_alone = false;
        let runtime = runtime()?;
        let cluster = runtime.block_on(self.cluster())?;
        if let Some(cluster) = &cluster {
            left_alone = runtime.block_on(remove(cluster, &base, terminal))?;
        }
        for room in PrivateRoom::abandoned(&base) {
            let folder = room.folder().to_owned();
            room.remove().map_err(Failure::broke)?;
            terminal.print(&format!("removed the private folder {folder}\n"))?;
        }
        if let Some(cluster) = &cluster {
            runtime.block_on(wait(cluster, terminal))?;
        }
        if !left_alone {
            terminal.print("Nothing of a dead run is left.\n")?;
        }
        Ok(exit::HOLDS)
    }

    async fn cluster(&self) -> Result<Option<Cluster>, Failure> {
        if let Some(context) = self.existing.context() {
            return self.existing.to_sweep(context).await.map(Some);
        }
        let cache = Cache::locate().map_err(Failure::broke)?;
        match Handle::read(&cache, &self.name).map_err(Failure::broke)? {
            Some(handle) => Cluster::attach(handle).await.map(Some).map_err(Failure::broke),
            None => Ok(None),
        }
    }
}

/// Asks for the removal of what dead runs left on a cluster. Says whether something was left alone.
async fn remove(cluster: &Cluster, base: &Utf8Path, terminal: &Terminal) -> Result<bool, Failure> {
    let provider = cluster.handle().provider;
    if provider == Provider::Kind {
        let is_dead = |run: &str| !PrivateRoom::is_inhabited(base, run);
        if cluster.revive_operator(is_dead).await.map_err(Failure::broke)? {
            terminal.print("scaled CloudNativePG's operator back, which a dead run had stopped\n")?;
        }
    }
    let mut left_alone = false;
    let mut removed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for leftover in cluster.leftovers().await.map_err(Failure::broke)? {
        let alive_here = PrivateRoom::is_inhabited(base, &leftover.run);
        match fate(&leftover, provider, alive_here, Timestamp::now()) {
            Fate::Stays => {}
            Fate::StaysUntil(time) => {
                left_alone = true;
                let Leftover { run, remains, .. } = leftover;
                terminal.print(&format!(
                    "run {run}: left {remains} alone until {time}, because the run may still be alive on another \
                     machine\n"
                ))?;
            }
            Fate::Goes => {
                cluster.remove(&leftover).await.map_err(Failure::broke)?;
                removed.entry(leftover.run).or_default().push(leftover.remains.to_string());
            }
        }
    }
    for (run, remains) in removed {
        terminal.print(&format!("run {run}: removed {}\n", remains.join(", ")))?;
    }
    Ok(left_alone)
}

/// Waits until what is being deleted is gone, whoever asked for it: until then its pods run and its volumes are there.
async fn wait(cluster: &Cluster, terminal: &Terminal) -> Result<(), Failure> {
    let going = cluster.going().await.map_err(Failure::broke)?;
    if going.is_empty() {
        return Ok(());
    }
    terminal.print(&format!("waiting for {} to be gone\n", going.join(", ")))?;
    cluster.gone(&going).await.map_err(|error| {
        Failure::broke(format!(
            "{}; `kubectl get namespace NAME -o yaml` says under `status` what holds it up",
            Chain(&error)
        ))
    })
}

/// What becomes of a namespace that a run made.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Its run is alive.
    Stays,
    /// Its run may be alive elsewhere until then.
    StaysUntil(String),
    /// Its run is dead.
    Goes,
}

/// On our own kind cluster every run is of this machine; on another one only the time to live tells.
fn fate(leftover: &Leftover, provider: Provider, alive_here: bool, now: Timestamp) -> Fate {
    match provider {
        _ if alive_here => Fate::Stays,
        Provider::Existing if !leftover.is_expired(now) => {
            Fate::StaysUntil(leftover.expires.map_or_else(|| "somebody removes it".into(), |time| time.to_string()))
        }
        Provider::Kind | Provider::Existing => Fate::Goes,
    }
}

#[cfg(test)]
mod tests {
    use harness::cluster::{Leftover, Provider};
    use rstest::rstest;

    use super::{Fate, fate};

    const LATER: &str = "2026-08-01T13:00:00Z";

    #[rstest]
    #[case::alive(Provider::Kind, LATER, true, Fate::Stays)]
    #[case::dead_on_our_cluster(Provider::Kind, LATER, false, Fate::Goes)]
    #[case::perhaps_alive_elsewhere(Provider::Existing, LATER, false, Fate::StaysUntil(LATER.into()))]
    #[case::expired(Provider::Existing, "2026-08-01T11:00:00Z", false, Fate::Goes)]
    #[case::expired_and_alive(Provider::Existing, "2026-08-01T11:00:00Z", true, Fate::Stays)]
    fn a_namespace_goes_only_when_its_run_is_surely_dead(
        #[case] provider: Provider,
        #[case] expires: &str,
        #[case] alive_here: bool,
        #[case] expected: Fate,
    ) {
        let leftover = Leftover { expires: expires.parse().ok(), ..Leftover::namespace("r", "n") };
        assert_eq!(fate(&leftover, provider, alive_here, "2026-08-01T12:00:00Z".parse().unwrap()), expected);
    }
}
