//! `holdfast bench`: how fast Holdfast is on this machine, each figure beside its floor.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use harness::benchmark::{self, Request, Standing};
use harness::cache::Cache;
use harness::cluster::{Cluster, DEFAULT_NAME, Found, Handle};
use harness::error::Chain;
use harness::progress::{Progress, Silent};
use harness::{exit, report};

use crate::commands::{cluster_name, runtime};
use crate::failure::Failure;
use crate::ground::{self, Ground, Images};
use crate::progress::progress;
use crate::terminal::Terminal;

/// Measure how fast Holdfast is here, each figure beside the least that it could be.
///
/// No figure fails anything: the exit code is 0 whatever they are, and 70 if one could not be taken.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Measure on the kind cluster too, if it stands; it stays as it is.
    #[arg(long)]
    live: bool,

    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME, value_parser = cluster_name)]
    name: String,

    #[command(flatten)]
    images: Images,

    /// The folder of `charts`, `subjects` and `mutants`.
    #[arg(long, value_name = "FOLDER", default_value = "fixtures")]
    fixtures: Utf8PathBuf,

    /// Where run directories are; the latest tells the speed of the live lane.
    #[arg(long, value_name = "FOLDER", default_value = "target/holdfast")]
    runs: Utf8PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For machines; its shape is versioned.
    Json,
}

impl Bench {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        if !self.fixtures.join("subjects").is_dir() {
            let fixtures = &self.fixtures;
            return Err(Failure::usage(format!(
                "measure with {fixtures}: it has no folder `subjects`; run in a checkout"
            )));
        }
        let progress = progress(terminal);
        let cache = Cache::locate().map_err(Failure::broke)?;
        let handle = if self.live { self.standing(&cache, progress.as_ref())? } else { Err("ask with --live".into()) };
        let up = || self.up().map_err(|failure| failure.to_string());
        let proof = || handle.as_ref().map_err(Clone::clone).and_then(proof);
        let cluster = match &handle {
            Ok(_) => Ok(Standing { up: &up, proof: &proof }),
            Err(why) => Err(why.clone()),
        };
        let request = Request {
            catalog: suites::CATALOG,
            contract: suites::VERSION,
            fixtures: self.fixtures.clone(),
            runs: self.runs.clone(),
            cache: cache.clone(),
            cluster,
        };
        let page = benchmark::measure(&request, progress.as_ref());
        drop(progress);
        terminal.print(&match self.format {
            Format::Text => report::speed(&page),
            Format::Json => serde_json::to_string_pretty(&page).map_err(Failure::broke)? + "\n",
        })?;
        Ok(if page.is_broken() { exit::BROKE } else { exit::HOLDS })
    }

    /// The cluster, if it is one that `up` would leave as it is; else why there is nothing to measure on.
    fn standing(&self, cache: &Cache, progress: &dyn Progress) -> Result<Result<Handle, String>, Failure> {
        let nothing = || Ok(Err("no cluster: holdfast up".into()));
        let Some(kind) = ground::found(cache, &self.name, progress)? else { return nothing() };
        let Found::Running { image } = runtime()?.block_on(kind.find()).map_err(Failure::broke)? else {
            return nothing();
        };
        let ground = Ground::prepare(&self.name, self.images.mode(), progress)?;
        if image != ground.kind.node_image {
            return Ok(Err(format!("the cluster runs another node image ({image}): holdfast up replaces it")));
        }
        let handle = ground.kind.handle();
        Ok(proof(&handle).map(|()| handle).map_err(|why| format!("the cluster is not sound ({why}): holdfast up")))
    }

    fn up(&self) -> Result<(), Failure> {
        let ground = Ground::prepare(&self.name, self.images.mode(), &Silent)?;
        runtime()?.block_on(ground.kind.bring_up(&ground.furnishing, &Silent)).map(drop).map_err(Failure::broke)
    }
}

/// Proves that a cluster takes databases, and does nothing else.
fn proof(handle: &Handle) -> Result<(), String> {
    let runtime = runtime().map_err(|failure| failure.to_string())?;
    runtime.block_on(async {
        let cluster = Cluster::attach(handle.clone()).await.map_err(|error| Chain(&error).to_string())?;
        match cluster.accepts_databases().await.map_err(|error| Chain(&error).to_string())? {
            true => Ok(()),
            false => Err("CloudNativePG does not accept a Cluster in a dry run".into()),
        }
    })
}
