//! The set of images of one cluster: which node, what is already inside it, and what has to be loaded.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::pull::{Published, PullError, Puller};
use super::{BuildError, RecipeError, Workshop};
use crate::docker::{Docker, DockerError};
use crate::error::Chain;
use crate::host;
use crate::progress::{Event, Progress};
use crate::subject::StandIn;

/// Where images come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// From the registries that publish them, by digest.
    Pull,
    /// From a registry of the user's own, by digest.
    Mirror,
    /// Built on this machine.
    Build,
    /// From registries if they answer at once, else built.
    #[default]
    Auto,
}

/// An image and how to get at it without a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The reference that pods use.
    pub reference: String,
    /// The digest by which its content is known: of its manifest in the node, or of its configuration in Docker.
    pub digest: String,
}

/// Everything that a cluster needs to start from, all of it on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    /// The node image, in the Docker daemon.
    pub node: Image,
    /// What is inside the node image already.
    pub preloaded: Vec<Image>,
    /// What has to be loaded into each node, in the Docker daemon, with the archive of `docker save`.
    pub load: Vec<(Image, Utf8PathBuf)>,
    /// What stands behind references of subjects, by the references that the nodes have.
    pub stand_ins: BTreeMap<StandIn, String>,
    /// CloudNativePG's manifest, ready to be applied.
    pub cnpg_manifest: Utf8PathBuf,
    /// The configuration for kind that fits the node image, a path below `kind-config`.
    pub cluster_config: &'static str,
}

/// Why the images cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// An artefact was not made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An artefact has no recipe or no key.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The Docker daemon refused an image.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// An artefact is not what its recipe should have made.
    #[error("read {path}; remove its folder and build it again")]
    Artefact {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An image cannot be pulled.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// There is no mirror to take images from.
    #[error(
        "take images from a mirror: HOLDFAST_MIRROR is not set; set it to the mirror's prefix, such as \
         registry.example.org/mirror"
    )]
    NoMirror,
}

/// Getting the images of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Images;

impl Images {
    /// The artefacts that a cluster needs.
    pub const ARTEFACTS: [&'static str; 4] = ["node", "cnpg-manifest", "postgres-library", "workload"];

    /// Sees to it that every image of a cluster is in the Docker daemon. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When an image cannot be had in that mode.
    pub fn ensure(
        workshop: &Workshop,
        mode: Mode,
        docker: &Docker,
        progress: &dyn Progress,
    ) -> Result<ImageSet, ImagesError> {
        let mirror = std::env::var("HOLDFAST_MIRROR").ok().filter(|prefix| !prefix.is_empty());
        match mode {
            Mode::Build => built(workshop, docker, progress),
            Mode::Pull => pulled(workshop, docker, None, progress),
            Mode::Mirror => pulled(workshop, docker, Some(&mirror.ok_or(ImagesError::NoMirror)?), progress),
            Mode::Auto => either(workshop, docker, progress),
        }
    }
}

/// What is here already comes first, so that a second start asks nobody; then registries that answer; then compilers.
fn either(workshop: &Workshop, docker: &Docker, progress: &dyn Progress) -> Result<ImageSet, ImagesError> {
    if workshop.store().has(&workshop.artefact("node")?) {
        return built(workshop, docker, progress);
    }
    let published = Published::of(workshop.recipes().versions())?;
    let puller = Puller { docker, cache: workshop.store().cache(), mirror: None, progress };
    let there = published.all().all(|pinned| puller.has(pinned));
    if !there && !published.load.first().is_some_and(|(pinned, _)| puller.answers(*pinned)) {
        progress.say("No container registry answers at once, so the images are built on this machine.");
        return built(workshop, docker, progress);
    }
    pulled(workshop, docker, None, progress).or_else(|refused| {
        progress.say(&format!(
            "The images are built on this machine, because they could not be pulled: {}.",
            Chain(&refused)
        ));
        built(workshop, docker, progress)
    })
}

fn built(workshop: &Workshop, docker: &Docker, progress: &dyn Progress) -> Result<ImageSet, ImagesError> {
    workshop.make(&Images::ARTEFACTS, Some(docker), progress)?;
    let node = workshop.path("node")?;
    Ok(ImageSet {
        node: place(docker, &node.join("image.tar"), progress)?,
        preloaded: preloaded(&node.join("preloaded.txt"))?,
        load: vec![own(StandIn::Workload, workshop, docker, progress)?],
        stand_ins: stand_ins(workshop)?,
        cnpg_manifest: workshop.path("cnpg-manifest")?.join("cnpg.yaml"),
        cluster_config: "cluster/single-node.yaml",
    })
}

/// What stands behind references of subjects is ours and published nowhere, so it is built in every mode. PostgreSQL too:
/// docker-library's image lets everybody in who comes from the pod's own loopback, as whoever forwards a port does.
fn pulled(
    workshop: &Workshop,
    docker: &Docker,
    mirror: Option<&str>,
    progress: &dyn Progress,
) -> Result<ImageSet, ImagesError> {
    let published = Published::of(workshop.recipes().versions())?;
    let puller = Puller { docker, cache: workshop.store().cache(), mirror, progress };
    let (node, _archive) = puller.fetch(published.node, None)?;
    let mut load = Vec::new();
    for (pinned, name) in &published.load {
        load.push(puller.fetch(*pinned, Some(name))?);
    }
    workshop.make(&["cnpg-manifest", "postgres-library", "workload"], Some(docker), progress)?;
    for stand_in in StandIn::ALL {
        load.push(own(stand_in, workshop, docker, progress)?);
    }
    Ok(ImageSet {
        node,
        preloaded: Vec::new(),
        load,
        stand_ins: stand_ins(workshop)?,
        cnpg_manifest: workshop.path("cnpg-manifest")?.join("cnpg.yaml"),
        cluster_config: "cluster/published-node.yaml",
    })
}

fn own(
    stand_in: StandIn,
    workshop: &Workshop,
    docker: &Docker,
    progress: &dyn Progress,
) -> Result<(Image, Utf8PathBuf), ImagesError> {
    let archive = workshop.path(stand_in.name())?.join("image.tar");
    Ok((place(docker, &archive, progress)?, archive))
}

/// Their references carry their content keys, so a node that has one of them has the one that is meant.
fn stand_ins(workshop: &Workshop) -> Result<BTreeMap<StandIn, String>, ImagesError> {
    let all = StandIn::ALL.into_iter();
    all.map(|one| Ok((one, reference_of(&workshop.path(one.name())?.join("image.tar"))?))).collect()
}

/// Loads an archive into the daemon unless its image is there already, as it is after the build.
fn place(docker: &Docker, archive: &Utf8Path, progress: &dyn Progress) -> Result<Image, ImagesError> {
    let reference = reference_of(archive)?;
    if let Some(digest) = docker.image_id(&reference) {
        return Ok(Image { reference, digest });
    }
    let step = "load";
    let what = format!("{reference}, which the Docker daemon does not have any more");
    let began = std::time::Instant::now();
    progress.tell(Event::Began { step, what: &what, expected: None });
    let loaded = docker.load(archive);
    progress.tell(Event::Ended { step, succeeded: loaded.is_ok(), took: began.elapsed() });
    loaded?;
    let digest = docker.image_id(&reference).unwrap_or_default();
    Ok(Image { reference, digest })
}

/// The name of the one image in an archive of `docker save`.
fn reference_of(archive: &Utf8Path) -> Result<String, ImagesError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entry {
        repo_tags: Vec<String>,
    }
    let broken = |source| ImagesError::Artefact { path: archive.into(), source };
    let mut tar = std::process::Command::new("tar");
    let manifest = host::output(tar.args(["--extract", "--to-stdout", "--file", archive.as_str(), "manifest.json"]))
        .map_err(|error| broken(error.into()))?;
    let entries: Vec<Entry> = serde_json::from_str(&manifest).map_err(|error| broken(error.into()))?;
    let tags = entries.into_iter().flat_map(|entry| entry.repo_tags).next();
    tags.ok_or_else(|| broken("the archive names no image".into()))
}

/// Lines of a reference and a digest.
fn preloaded(list: &Utf8Path) -> Result<Vec<Image>, ImagesError> {
    let broken = |source| ImagesError::Artefact { path: list.into(), source };
    let text = std::fs::read_to_string(list).map_err(|error| broken(error.into()))?;
    text.lines()
        .map(|line| {
            let (reference, digest) = line.split_once(' ').ok_or_else(|| broken("a line has no digest".into()))?;
            Ok(Image { reference: reference.into(), digest: digest.into() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use camino::Utf8Path;

    use super::{ImagesError, preloaded, reference_of};

    #[test]
    fn what_a_node_has_is_read_with_its_digests() {
        let folder = tempfile::tempdir().unwrap();
        let list = Utf8Path::from_path(folder.path()).unwrap().join("preloaded.txt");
        fs::write(&list, "example.org/a:1 sha256:aa\nexample.org/b:2 sha256:bb\n").unwrap();
        let images = preloaded(&list).unwrap();
        assert_eq!(images[1].reference, "example.org/b:2");
        assert_eq!(images[1].digest, "sha256:bb");
        fs::write(&list, "example.org/a:1\n").unwrap();
        assert!(matches!(preloaded(&list), Err(ImagesError::Artefact { .. })));
    }

    #[test]
    fn an_archive_tells_the_name_of_its_image() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        fs::write(folder.join("manifest.json"), r#"[{"Config":"c.json","RepoTags":["example.org/a:1"],"Layers":[]}]"#)
            .unwrap();
        let archive = folder.join("image.tar");
        let packed =
            Command::new("tar").args(["-cf", archive.as_str(), "-C", folder.as_str(), "manifest.json"]).status();
        assert!(packed.unwrap().success());
        assert_eq!(reference_of(&archive).unwrap(), "example.org/a:1");
    }
}
