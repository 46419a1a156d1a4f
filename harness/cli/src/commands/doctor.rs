//! `holdfast doctor`: what could keep a live run from working on this machine, and how to mend it.

use std::fmt::Write as _;

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;
use harness::cache::Cache;
use harness::cluster::{Cluster, DEFAULT_NAME, Handle, KindCluster};
use harness::docker::Docker;
use harness::exit;
use harness::host::diagnosis::{self, Diagnosis, State};
use harness::images::Workshop;
use harness::redact::PrivateRoom;
use harness::tools::{OnPath, Tool};
use harness::versions::Versions;

use crate::commands::{cluster_name, runtime};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// How long the cluster may take to list its namespaces.
const ANSWER: Duration = Duration::from_secs(5);

/// Look at this machine and say what is missing for a live run, and how to mend it.
///
/// Changes nothing. Exits with 70 if a live run cannot work.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME, value_parser = cluster_name)]
    name: String,
}

impl Doctor {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let seen = look(&self.name)?;
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

fn look(name: &str) -> Result<Vec<Diagnosis>, Failure> {
    let cache = Cache::locate().map_err(Failure::broke)?;
    let versions = Versions::pinned().map_err(Failure::broke)?;
    let docker = Docker::find(&cache);
    let mut seen =
        vec![diagnosis::daemon(docker.as_ref().map_err(|error| error as &(dyn std::error::Error + 'static)))];
    if let Ok(docker) = &docker {
        let workshop = Workshop::open(cache.clone()).map_err(Failure::broke)?;
        seen.extend([diagnosis::image_store(docker), diagnosis::clocks(docker)]);
        seen.push(diagnosis::registries(docker, &workshop).map_err(Failure::broke)?);
        seen.push(cluster(&cache, docker, &workshop, name)?);
    }
    seen.extend([diagnosis::privilege(), diagnosis::control_groups()]);
    seen.extend(diagnosis::watches());
    seen.extend([diagnosis::disk(&cache), diagnosis::memory()]);
    seen.extend(namespaces(&cache, name)?);
    seen.push(diagnosis::private_folders(&PrivateRoom::base()));
    for tool in Tool::ALL {
        seen.push(diagnosis::tool(tool, &versions).map_err(Failure::broke)?);
    }
    seen.extend(diagnosis::compilers());
    Ok(seen)
}

/// Who has the name of the cluster.
fn cluster(cache: &Cache, docker: &Docker, workshop: &Workshop, name: &str) -> Result<Diagnosis, Failure> {
    let kind = match Tool::Kind.on_path(workshop.recipes().versions()).map_err(Failure::broke)? {
        OnPath::Pinned(path) => path,
        _not_pinned => workshop.path(Tool::Kind.artefact()).map_err(Failure::broke)?.join(Tool::Kind.program()),
    };
    let folder = folder(cache, name);
    let kind = KindCluster {
        name: name.into(),
        kind,
        docker: "docker".into(),
        docker_host: docker.host().map(str::to_owned),
        node_image: String::new(),
        config: folder.join("kind.yaml"),
        kubeconfig: folder.join("kubeconfig"),
    };
    let found = runtime()?.block_on(kind.find());
    Ok(diagnosis::cluster_name(docker, &kind, found))
}

/// What dead runs left on the cluster, if one was made and answers; whether it does is no question here.
fn namespaces(cache: &Cache, name: &str) -> Result<Option<Diagnosis>, Failure> {
    let Some(handle) = Handle::read(cache, name).map_err(Failure::broke)? else { return Ok(None) };
    let leftovers = runtime()?.block_on(async {
        let listed = async { Cluster::attach(handle).await.ok()?.leftovers().await.ok() };
        tokio::time::timeout(ANSWER, listed).await.ok().flatten()
    });
    let base = PrivateRoom::base();
    Ok(leftovers.map(|leftovers| diagnosis::namespaces(&leftovers, |run| PrivateRoom::is_inhabited(&base, run))))
}

fn folder(cache: &Cache, name: &str) -> Utf8PathBuf {
    cache.root().join("clusters").join(name)
}
