//! A cluster of kind's: made, adopted while it is sound, replaced when it is not.
//!
//! `kind create --wait` is not used: a time-out of its own only warns. What is ready is found out by asking.

use camino::{Utf8Path, Utf8PathBuf};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::command::{CommandError, run, run_reading};
use super::{Handle, Provider};

/// What a kind cluster is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KindCluster {
    /// The name, also of the context (`kind-NAME`).
    pub name: String,
    /// The program `kind`.
    pub kind: Utf8PathBuf,
    /// The program `docker`.
    pub docker: Utf8PathBuf,
    /// The daemon, as `DOCKER_HOST`; absent for the default one.
    pub docker_host: Option<String>,
    /// The node image.
    pub node_image: String,
    /// kind's configuration file.
    pub config: Utf8PathBuf,
    /// Where the kubeconfig goes; never the user's own.
    pub kubeconfig: Utf8PathBuf,
}

/// In what state the containers of a cluster are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Nothing,
    /// All nodes run, from this image.
    Running {
        /// The image of the nodes.
        image: String,
    },
    /// There are nodes, and at least one does not run.
    Stopped {
        /// The image of the nodes.
        image: String,
    },
    /// All nodes run, and at least one was started again after it had been made.
    Restarted {
        /// The image of the nodes.
        image: String,
    },
}

/// What the names of images begin with that are built here, and nowhere else.
const BUILT_HERE: &str = "holdfast.dev/";

/// kind starts a node right after making it; what was started later than this was started again.
const FIRST_START: SignedDuration = SignedDuration::from_secs(60);

impl KindCluster {
    /// Looks for the containers of the cluster.
    ///
    /// # Errors
    /// When the Docker daemon does not answer.
    pub async fn find(&self) -> Result<Found, CommandError> {
        let mut command = self.docker();
        command.args(["ps", "--all", "--format", "{{.State}} {{.Image}}", "--filter"]);
        command.arg(format!("label=io.x-k8s.kind.cluster={}", self.name));
        let found = found(&run(command).await?);
        match found {
            Found::Running { image } if self.was_restarted().await? => Ok(Found::Restarted { image }),
            found => Ok(found),
        }
    }

    /// Whether Holdfast made what was found: this user's cache folder has its kubeconfig, or its nodes run an image
    /// that is built here. A cluster of the same name that somebody else made is neither used nor removed.
    pub fn is_ours(&self, found: &Found) -> bool {
        match found {
            Found::Nothing => true,
            Found::Running { image } | Found::Stopped { image } | Found::Restarted { image } => {
                image.starts_with(BUILT_HERE) || self.kubeconfig.is_file()
            }
        }
    }

    async fn was_restarted(&self) -> Result<bool, CommandError> {
        let mut command = self.docker();
        command.args(["inspect", "--format", "{{.Created}} {{.State.StartedAt}}"]).args(self.nodes().await?);
        Ok(run(command).await?.lines().any(started_again))
    }

    /// Makes the cluster and writes its kubeconfig. Its nodes may not be ready yet.
    ///
    /// # Errors
    /// When kind fails; then its nodes are removed again.
    pub async fn create(&self) -> Result<(), CommandError> {
        let mut command = self.kind();
        command
            .args(["create", "cluster", "--name", &self.name, "--image", &self.node_image])
            .args(["--config", self.config.as_str(), "--kubeconfig", self.kubeconfig.as_str()])
            .args(["--wait", "0s", "--quiet"]);
        run(command).await.map(drop)
    }

    /// Writes the kubeconfig of a cluster that is there.
    ///
    /// # Errors
    /// When kind fails.
    pub async fn export(&self) -> Result<(), CommandError> {
        let mut command = self.kind();
        command.args(["export", "kubeconfig", "--name", &self.name, "--kubeconfig", self.kubeconfig.as_str()]);
        run(command).await.map(drop)
    }

    /// Removes the cluster, its containers and volumes. One that is not there is no error.
    ///
    /// # Errors
    /// When kind fails.
    pub async fn delete(&self) -> Result<(), CommandError> {
        let mut command = self.kind();
        command.args(["delete", "cluster", "--name", &self.name, "--kubeconfig", self.kubeconfig.as_str()]);
        run(command).await.map(drop)
    }

    /// Puts an image archive into every node.
    ///
    /// # Errors
    /// When the archive cannot be read or a node refuses it.
    pub async fn load(&self, archive: &Utf8Path) -> Result<(), CommandError> {
        for node in self.nodes().await? {
            let file = std::fs::File::open(archive)
                .map_err(|source| CommandError::Input { path: archive.to_owned(), source })?;
            let mut import = self.ctr(&node);
            import.args(["import", "--local", "--all-platforms", "--digests", "-"]);
            run_reading(import, file.into()).await?;
        }
        Ok(())
    }

    /// Gives an image in every node these references as well, exactly as pods will ask for it.
    ///
    /// # Errors
    /// When a node does not have the image.
    pub async fn tag(&self, image: &str, references: &[String]) -> Result<(), CommandError> {
        for node in self.nodes().await? {
            for reference in references.iter().filter(|reference| *reference != image) {
                let mut tag = self.ctr(&node);
                tag.args(["tag", "--force", image, &looked_for(reference)]);
                run(tag).await?;
            }
        }
        Ok(())
    }

    /// The references that the nodes know.
    ///
    /// # Errors
    /// When a node does not answer.
    pub async fn references(&self) -> Result<Vec<String>, CommandError> {
        let mut known = Vec::new();
        for node in self.nodes().await? {
            let mut list = self.ctr(&node);
            list.args(["list", "--quiet"]);
            known.extend(run(list).await?.lines().map(str::to_owned));
        }
        Ok(known)
    }

    /// The names of the node containers.
    ///
    /// # Errors
    /// When kind fails.
    pub async fn nodes(&self) -> Result<Vec<String>, CommandError> {
        let mut command = self.kind();
        command.args(["get", "nodes", "--name", &self.name]);
        Ok(run(command).await?.split_whitespace().map(str::to_owned).collect())
    }

    /// The handle by which every other command attaches.
    pub fn handle(&self) -> Handle {
        Handle {
            name: self.name.clone(),
            provider: Provider::Kind,
            kubeconfig: self.kubeconfig.clone(),
            context: format!("kind-{}", self.name),
            nodes: Some(self.clone()),
            stand_in: None,
            postgres_library: None,
        }
    }

    fn kind(&self) -> Command {
        let mut command = Command::new(&self.kind);
        command.env("KIND_EXPERIMENTAL_PROVIDER", "docker");
        self.with_daemon(command)
    }

    /// `docker`, with the daemon of the nodes.
    pub(super) fn docker(&self) -> Command {
        self.with_daemon(Command::new(&self.docker))
    }

    /// containerd's own client, in a node.
    fn ctr(&self, node: &str) -> Command {
        let mut command = self.docker();
        command.args(["exec", "--interactive", node, "ctr", "--namespace=k8s.io", "images"]);
        command
    }

    fn with_daemon(&self, mut command: Command) -> Command {
        if let Some(host) = &self.docker_host {
            command.env("DOCKER_HOST", host);
        }
        command
    }
}

/// The name under which the kubelet's runtime looks for an image: where a digest is given, a tag beside it is left out.
fn looked_for(reference: &str) -> String {
    let Some((name, digest)) = reference.split_once('@') else { return reference.to_owned() };
    let tag = name.rfind(':').filter(|at| !name[*at..].contains('/'));
    format!("{}@{digest}", tag.map_or(name, |at| &name[..at]))
}

fn found(listing: &str) -> Found {
    let nodes: Vec<(&str, &str)> = listing.lines().filter_map(|line| line.split_once(' ')).collect();
    match nodes.first() {
        None => Found::Nothing,
        Some((_, image)) if nodes.iter().any(|(state, _)| *state != "running") => {
            Found::Stopped { image: (*image).to_owned() }
        }
        Some((_, image)) => Found::Running { image: (*image).to_owned() },
    }
}

/// Reads two times, of the making and of the last start.
fn started_again(line: &str) -> bool {
    let times = line
        .split_once(' ')
        .and_then(|(made, started)| Some((made.parse::<Timestamp>().ok()?, started.trim().parse::<Timestamp>().ok()?)));
    times.is_some_and(|(made, started)| started.duration_since(made) > FIRST_START)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Found, KindCluster, found, looked_for, started_again};

    #[rstest]
    #[case::tag("docker.io/library/postgres:18.1", "docker.io/library/postgres:18.1")]
    #[case::digest("example.org/server@sha256:aa", "example.org/server@sha256:aa")]
    #[case::both("docker.io/library/postgres:18.1@sha256:aa", "docker.io/library/postgres@sha256:aa")]
    #[case::a_port_is_no_tag("registry:5000/server@sha256:aa", "registry:5000/server@sha256:aa")]
    #[case::a_port_and_both("registry:5000/server:1@sha256:aa", "registry:5000/server@sha256:aa")]
    fn a_node_looks_for_a_digest_without_the_tag(#[case] reference: &str, #[case] expected: &str) {
        assert_eq!(looked_for(reference), expected);
    }

    #[rstest]
    #[case::at_once("2026-08-01T12:00:00.123456789Z 2026-08-01T12:00:01.5Z", false)]
    #[case::after_a_restart_of_the_daemon("2026-08-01T12:00:00.123456789Z 2026-08-01T14:30:00Z", true)]
    #[case::of_another_shape("<no value>", false)]
    fn a_node_that_was_started_again_is_told(#[case] line: &str, #[case] expected: bool) {
        assert_eq!(started_again(line), expected);
    }

    #[rstest]
    #[case::nothing("", Found::Nothing)]
    #[case::running("running holdfast.dev/node:v1\n", Found::Running { image: "holdfast.dev/node:v1".into() })]
    #[case::after_a_restart_of_the_daemon("exited holdfast.dev/node:v1\n", Found::Stopped { image: "holdfast.dev/node:v1".into() })]
    #[case::half_of_it("running node:1\nexited node:1\n", Found::Stopped { image: "node:1".into() })]
    fn the_listing_tells_the_state(#[case] listing: &str, #[case] expected: Found) {
        assert_eq!(found(listing), expected);
    }

    #[rstest]
    #[case::built_here("holdfast.dev/node:v1", false, true)]
    #[case::published_and_of_this_user("docker.io/kindest/node:v1", true, true)]
    #[case::published_and_of_somebody_else("docker.io/kindest/node:v1", false, false)]
    fn a_cluster_is_ours_by_its_image_or_by_its_kubeconfig(
        #[case] image: &str,
        #[case] has_kubeconfig: bool,
        #[case] expected: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = camino::Utf8PathBuf::from_path_buf(folder.path().join("kubeconfig")).unwrap();
        if has_kubeconfig {
            std::fs::write(&kubeconfig, "").unwrap();
        }
        let cluster = KindCluster {
            name: "holdfast".into(),
            kind: "kind".into(),
            docker: "docker".into(),
            docker_host: None,
            node_image: String::new(),
            config: "kind.yaml".into(),
            kubeconfig,
        };
        assert_eq!(cluster.is_ours(&Found::Stopped { image: image.into() }), expected);
        assert!(cluster.is_ours(&Found::Nothing));
    }
}
