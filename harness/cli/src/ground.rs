//! The kind cluster of this machine, as commands find, make and leave it.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use harness::bench::Programs;
use harness::cache::Cache;
use harness::cluster::{Cluster, Furnishing, Handle, KindCluster};
use harness::conformance::{Stage, references};
use harness::docker::{Docker, DockerError};
use harness::helm::{HelmProgram, Helms};
use harness::images::{self, ImageSet, Mode, Workshop};
use harness::kind_config;
use harness::manifests::Manifests;
use harness::progress::Progress;
use harness::subject::{StandIn, Subject};
use harness::tools::{Tool, ToolPaths, Tools};

use crate::failure::Failure;

/// Where the images of a kind cluster come from.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Images {
    /// Where the images of the kind cluster come from [default: auto]. Another answer than the last time replaces the
    /// cluster.
    #[arg(long = "images", value_name = "FROM", value_enum)]
    from: Option<From>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// What is on this machine already; else pulled, if a registry answers within five seconds; else built.
    Auto,
    /// Pulled from the registries that publish them.
    Pull,
    /// Pulled from below the prefix that HOLDFAST_MIRROR names.
    Mirror,
    /// Built on this machine from package registries.
    Build,
}

impl Images {
    pub(crate) fn mode(self) -> Mode {
        match self.from {
            None | Some(From::Auto) => Mode::Auto,
            Some(From::Pull) => Mode::Pull,
            Some(From::Mirror) => Mode::Mirror,
            Some(From::Build) => Mode::Build,
        }
    }

    /// Whether somebody asked for a place.
    pub(crate) fn are_chosen(self) -> bool {
        self.from.is_some()
    }
}

/// Everything on this machine that a kind cluster is made of.
pub(crate) struct Ground {
    /// The cluster, whether it is there or not.
    pub(crate) kind: KindCluster,
    /// What is put on it.
    pub(crate) furnishing: Furnishing,
    /// The images that it starts from.
    pub(crate) images: ImageSet,
    /// Where tools are.
    pub(crate) tools: ToolPaths,
    kubectl: Option<Utf8PathBuf>,
    cache: Cache,
}

impl Ground {
    /// Gets tools, a Docker daemon and images, from nothing if need be. Blocks for as long as that takes.
    pub(crate) fn prepare(name: &str, mode: Mode, progress: &dyn Progress) -> Result<Self, Failure> {
        let cache = Cache::locate().map_err(Failure::broke)?;
        let workshop = Workshop::open(cache.clone()).map_err(Failure::broke)?;
        let docker = Docker::ensure(&cache, progress).map_err(Failure::broke)?;
        let images = images::Images::ensure(&workshop, mode, &docker, progress).map_err(Failure::broke)?;
        let tools =
            Tools::ensure(&workshop, &[Tool::Kind, Tool::Helm3, Tool::Helm4], progress).map_err(Failure::broke)?;
        let kind = kind_cluster(&cache, name, &docker, &images.node.reference, &tools)?;
        configure(&kind.config, images.cluster_config)?;
        let furnishing = furnishing(&images)?;
        let kubectl = Tools::kubectl(&workshop);
        Ok(Self { kind, furnishing, images, tools, kubectl, cache })
    }

    /// The cluster, brought up and attached to, with the images of the subjects that will be installed on it.
    pub(crate) async fn stage(&self, subjects: &[Arc<Subject>], progress: &dyn Progress) -> Result<Stage, Failure> {
        let handle = self.kind.bring_up(&self.furnishing, progress).await.map_err(Failure::broke)?;
        let handle = self.leave(handle)?;
        self.tag_images(subjects).await?;
        let cluster = Cluster::attach(handle).await.map_err(Failure::broke)?;
        Ok(Stage { cluster, programs: self.programs()?, facts: self.facts() })
    }

    /// Gives our images the references under which the subjects' pods ask for them.
    async fn tag_images(&self, subjects: &[Arc<Subject>]) -> Result<(), Failure> {
        for (stand_in, image) in &self.images.stand_ins {
            let wanted: Vec<String> = subjects.iter().flat_map(|subject| references(subject, *stand_in)).collect();
            self.kind.tag(image, &wanted).await.map_err(Failure::broke)?;
        }
        Ok(())
    }

    /// What is known about the cluster, for the report.
    fn facts(&self) -> BTreeMap<String, String> {
        let node = &self.images.node;
        BTreeMap::from([
            ("provider".to_owned(), "kind".to_owned()),
            ("node image".to_owned(), format!("{} ({})", node.reference, node.digest)),
        ])
    }

    /// Both Helms.
    pub(crate) fn helms(&self) -> Result<Arc<Helms>, Failure> {
        let programs = [Tool::Helm4, Tool::Helm3].into_iter().filter_map(|tool| self.tools.get(tool));
        let programs: Result<Vec<_>, _> = programs.map(HelmProgram::at).collect();
        let helms = programs.and_then(Helms::new).map_err(Failure::broke)?;
        Ok(Arc::new(helms))
    }

    /// The Helm that installs, and a kubectl for documented commands where there is one.
    pub(crate) fn programs(&self) -> Result<Programs, Failure> {
        Programs::new(&*self.helms()?, self.kubectl.clone()).map_err(Failure::broke)
    }

    /// Leaves word of the cluster for other commands, and returns it.
    pub(crate) fn leave(&self, handle: Handle) -> Result<Handle, Failure> {
        let image = |stand_in| self.images.stand_ins.get(&stand_in).cloned();
        let handle =
            Handle { stand_in: image(StandIn::Workload), postgres_library: image(StandIn::PostgresLibrary), ..handle };
        handle.leave(&self.cache).map_err(Failure::broke)?;
        Ok(handle)
    }
}

/// The cluster as far as it can be found without making anything; nothing if no Docker daemon answers, unless a cluster
/// was made here: then the daemon is only out of reach, and nobody knows what becomes of the cluster.
pub(crate) fn found(cache: &Cache, name: &str, progress: &dyn Progress) -> Result<Option<KindCluster>, Failure> {
    let docker = match Docker::find(cache) {
        Ok(docker) => docker,
        Err(DockerError::None { .. }) if Handle::read(cache, name).map_err(Failure::broke)?.is_none() => {
            return Ok(None);
        }
        Err(out_of_reach) => return Err(Failure::broke(out_of_reach)),
    };
    let workshop = Workshop::open(cache.clone()).map_err(Failure::broke)?;
    let tools = Tools::ensure(&workshop, &[Tool::Kind], progress).map_err(Failure::broke)?;
    kind_cluster(cache, name, &docker, "", &tools).map(Some)
}

fn kind_cluster(
    cache: &Cache,
    name: &str,
    docker: &Docker,
    node_image: &str,
    tools: &ToolPaths,
) -> Result<KindCluster, Failure> {
    let folder = Handle::folder(cache, name).map_err(Failure::broke)?;
    Ok(KindCluster {
        name: name.into(),
        kind: tools.get(Tool::Kind).unwrap_or("kind".into()).to_owned(),
        docker: "docker".into(),
        docker_host: docker.host().map(str::to_owned),
        node_image: node_image.into(),
        config: folder.join("kind.yaml"),
        kubeconfig: folder.join("kubeconfig"),
    })
}

/// Writes the configuration that belongs to the node image: without its own network, a published node is never ready.
fn configure(path: &Utf8Path, name: &str) -> Result<(), Failure> {
    let content = kind_config::file(name)
        .ok_or_else(|| Failure::broke(format!("find kind-config/{name}: it is not part of this build")))?;
    std::fs::write(path, content).map_err(|error| Failure::broke(format!("write {path}: {error}")))
}

fn furnishing(images: &ImageSet) -> Result<Furnishing, Failure> {
    let path = &images.cnpg_manifest;
    let text = std::fs::read_to_string(path).map_err(|error| Failure::broke(format!("read {path}: {error}")))?;
    let manifests = Manifests::parse(&text, path.as_str()).map_err(Failure::broke)?;
    let operator: Result<_, _> =
        manifests.objects().map(|object| serde_json::from_value(object.value().clone())).collect();
    let images = images.load.iter().map(|(image, archive)| (archive.clone(), image.reference.clone())).collect();
    Ok(Furnishing { operator: operator.map_err(Failure::broke)?, images })
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use rstest::rstest;

    use super::configure;

    #[rstest]
    #[case::built_here("cluster/single-node.yaml", true)]
    #[case::published("cluster/published-node.yaml", false)]
    fn only_a_node_with_a_network_of_its_own_does_without_that_of_kind(#[case] name: &str, #[case] expected: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("kind.yaml");
        configure(&path, name).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().contains("disableDefaultCNI: true"), expected);
    }
}
