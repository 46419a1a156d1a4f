//! Taking images from a registry, by digest: from those that publish them, or from a mirror.
//!
//! What was pulled is kept as an archive, by its digest, so that a second start asks no registry. Nothing is taken by a
//! tag alone: a tag would not say what came.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::set::Image;
use crate::cache::{Cache, CacheError};
use crate::docker::{Docker, DockerError};
use crate::host;
use crate::progress::{Event, Progress};
use crate::versions::{Versions, VersionsError};

/// How long a registry has to answer before it counts as absent.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Why an image cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The reference does not pin its content.
    #[error("pull {reference}: it has no digest, so nothing would say what came; pin it in kind-config/versions.toml")]
    Unpinned {
        /// The reference.
        reference: String,
    },
    /// There is no reference.
    #[error(transparent)]
    Versions(#[from] VersionsError),
    /// The registry or the daemon refused.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// There is no cache folder.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The archive cannot be put into place.
    #[error("keep the image {reference} as {path}")]
    Keep {
        /// The image.
        reference: String,
        /// The archive.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A reference that pins its content: repository, tag and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned<'a> {
    repository: &'a str,
    tag: &'a str,
    digest: &'a str,
}

impl<'a> Pinned<'a> {
    /// Reads `REPOSITORY:TAG@sha256:HEX`.
    ///
    /// # Errors
    /// When the tag or the digest is missing.
    pub fn parse(reference: &'a str) -> Result<Self, PullError> {
        let unpinned = || PullError::Unpinned { reference: reference.into() };
        let (name, digest) = reference.split_once('@').ok_or_else(unpinned)?;
        let (repository, tag) = name.rsplit_once(':').ok_or_else(unpinned)?;
        let hex = digest.strip_prefix("sha256:").ok_or_else(unpinned)?;
        let complete = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        complete.then_some(Self { repository, tag, digest }).ok_or_else(unpinned)
    }

    /// Where it is fetched from: its own registry, or below the prefix of a mirror, which keeps the repository's path
    /// without the registry's host.
    fn source(&self, mirror: Option<&str>) -> String {
        let Some(prefix) = mirror else { return format!("{}@{}", self.repository, self.digest) };
        let path = match self.repository.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
            _no_host => self.repository,
        };
        format!("{}/{path}@{}", prefix.trim_end_matches('/'), self.digest)
    }

    /// The registry's host, as the reference has it.
    pub fn registry(&self) -> &'a str {
        self.repository.split('/').next().unwrap_or(self.repository)
    }

    /// Repository and tag.
    fn name(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// Where images are pulled to, and from.
pub struct Puller<'a> {
    /// The daemon that pulls.
    pub docker: &'a Docker,
    /// Where archives are kept.
    pub cache: &'a Cache,
    /// The prefix of a mirror, such as `registry.example.org/mirror`; `None` is the registries that publish.
    pub mirror: Option<&'a str>,
    /// Who listens.
    pub progress: &'a dyn Progress,
}

impl Puller<'_> {
    /// Whether the registry of an image answers at once, and has it.
    pub fn answers(&self, pinned: Pinned<'_>) -> bool {
        let mut question = self.docker.command();
        question.args(["manifest", "inspect", &pinned.source(self.mirror)]);
        host::output_within(&mut question, AT_ONCE).is_ok()
    }

    /// Whether an image was pulled before.
    pub fn has(&self, pinned: Pinned<'_>) -> bool {
        self.archive(pinned).is_ok_and(|path| path.is_file())
    }

    /// Sees to it that an image is in the daemon under the name that pods use, and kept as an archive.
    /// Without a name of its own the image keeps its repository and tag.
    ///
    /// # Errors
    /// When the registry does not have it, or it cannot be kept.
    pub fn fetch(&self, pinned: Pinned<'_>, name: Option<&str>) -> Result<(Image, Utf8PathBuf), PullError> {
        let reference = name.map_or_else(|| pinned.name(), str::to_owned);
        let archive = self.archive(pinned)?;
        let source = pinned.source(self.mirror);
        let image = Image { reference, digest: pinned.digest.into() };
        if archive.is_file() {
            // The name may by now belong to an image that was built here; the archive puts it right.
            match self.docker.image_id(&source) {
                Some(_there) => self.docker.tag(&source, &image.reference)?,
                None => self.docker.load(&archive)?,
            }
            return Ok((image, archive));
        }
        let (step, began) = (format!("pull {}", pinned.repository), Instant::now());
        self.progress.tell(Event::Began { step: &step, what: &source, expected: None });
        let kept = self.pull(&source, &image.reference, &archive);
        self.progress.tell(Event::Ended { step: &step, succeeded: kept.is_ok(), took: began.elapsed() });
        kept.map(|()| (image, archive))
    }

    fn pull(&self, source: &str, reference: &str, archive: &Utf8PathBuf) -> Result<(), PullError> {
        self.docker.expect(&["pull", "--quiet", source], || format!("pull {source}"))?;
        self.docker.tag(source, reference)?;
        // A half-written archive must not pass for a whole one.
        let partial = archive.with_extension(format!("{}.partial", std::process::id()));
        let save = ["save", "--output", partial.as_str(), reference];
        self.docker.expect(&save, || format!("save the image {reference} as {partial}"))?;
        fs::rename(&partial, archive).map_err(|source| PullError::Keep {
            reference: reference.into(),
            path: archive.clone(),
            source,
        })
    }

    fn archive(&self, pinned: Pinned<'_>) -> Result<Utf8PathBuf, CacheError> {
        let digest = pinned.digest.trim_start_matches("sha256:");
        Ok(self.cache.folder("pulled")?.join(format!("{digest}.tar")))
    }
}

/// The images of a cluster that registries publish: the node's, and those that are loaded into it, each with the name
/// that pods use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published<'a> {
    pub(super) node: Pinned<'a>,
    pub(super) load: Vec<(Pinned<'a>, &'a str)>,
}

impl<'a> Published<'a> {
    pub(super) fn of(versions: &'a Versions) -> Result<Self, PullError> {
        let load = |section: &str| -> Result<_, PullError> {
            let pull = versions.pin(&format!("{section}.pull"))?;
            Ok((Pinned::parse(pull)?, versions.pin(&format!("{section}.image"))?))
        };
        Ok(Self { node: Pinned::parse(versions.pin("node.pull")?)?, load: vec![load("cnpg")?, load("postgresql")?] })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Pinned<'a>> + '_ {
        std::iter::once(self.node).chain(self.load.iter().map(|(pinned, _)| *pinned))
    }
}

/// One pinned image of each registry that publishes some, to see whether it answers.
///
/// # Errors
/// When a reference is malformed, which is a defect of this build.
pub fn one_of_each_registry(versions: &Versions) -> Result<Vec<Pinned<'_>>, PullError> {
    let mut found: Vec<Pinned<'_>> = Vec::new();
    for pinned in Published::of(versions)?.all() {
        if found.iter().all(|known| known.registry() != pinned.registry()) {
            found.push(pinned);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader, Read};

    use rstest::rstest;

    use super::{Pinned, Published, PullError, Puller};
    use crate::cache::Cache;
    use crate::docker::{Docker, DockerError};
    use crate::host::output;
    use crate::images::Workshop;
    use crate::progress::Silent;
    use crate::versions::Versions;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[rstest]
    #[case::tag_alone("example.org/a:1".into())]
    #[case::digest_alone(format!("example.org/a@{DIGEST}"))]
    #[case::half_a_digest("example.org/a:1@sha256:0123".into())]
    #[case::another_algorithm("example.org/a:1@md5:0123".into())]
    fn a_reference_that_does_not_pin_its_content_is_refused(#[case] reference: String) {
        assert!(matches!(Pinned::parse(&reference), Err(PullError::Unpinned { .. })));
    }

    #[rstest]
    #[case::registry("example.org/team/a:1", None, "example.org/team/a@")]
    #[case::mirror("example.org/team/a:1", Some("mirror.test:5000/all/"), "mirror.test:5000/all/team/a@")]
    #[case::port("example.org:8443/a:1", Some("mirror.test"), "mirror.test/a@")]
    #[case::no_host("team/a:1", Some("mirror.test"), "mirror.test/team/a@")]
    fn an_image_is_fetched_by_digest(#[case] name: &str, #[case] mirror: Option<&str>, #[case] expected: &str) {
        let reference = format!("{name}@{DIGEST}");
        assert_eq!(Pinned::parse(&reference).unwrap().source(mirror), format!("{expected}{DIGEST}"));
    }

    #[test]
    fn what_registries_publish_is_pinned() {
        let versions = Versions::pinned().unwrap();
        assert_eq!(Published::of(&versions).unwrap().all().count(), 3);
    }

    /// A real registry on loopback, which ends with this.
    struct Registry {
        server: std::process::Child,
        /// Held open: the server ends when it cannot write its log.
        _log: BufReader<std::process::ChildStderr>,
        address: String,
    }

    impl Registry {
        fn serve(crane: &camino::Utf8Path) -> Self {
            let mut command = std::process::Command::new(crane);
            command.args(["registry", "serve", "--address", "127.0.0.1:0"]).stderr(std::process::Stdio::piped());
            let mut server = command.spawn().unwrap();
            let mut log = BufReader::new(server.stderr.take().unwrap());
            let mut lines = log.by_ref().lines().map(Result::unwrap);
            let port = lines.find_map(|line| Some(line.split_once("serving on port ")?.1.to_owned())).unwrap();
            Self { server, _log: log, address: format!("127.0.0.1:{port}") }
        }
    }

    impl Drop for Registry {
        fn drop(&mut self) {
            let _ = self.server.kill();
            let _ = self.server.wait();
        }
    }

    /// Pushes an image with one file and gives its digest; the daemon forgets the image.
    fn publish(docker: &Docker, folder: &str, reference: &str) -> String {
        let archive = format!("{folder}/root.tar");
        fs::write(format!("{folder}/specimen"), std::process::id().to_string()).unwrap();
        output(std::process::Command::new("tar").args(["-cf", &archive, "-C", folder, "specimen"])).unwrap();
        output(docker.command().args(["import", &archive, reference])).unwrap();
        let pushed = output(docker.command().args(["push", reference])).unwrap();
        output(docker.command().args(["image", "rm", "--force", reference])).unwrap();
        pushed.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned()
    }

    #[test]
    #[ignore = "needs a Docker daemon; builds a container registry and serves it on loopback"]
    fn a_mirror_gives_an_image_by_digest_and_the_archive_outlives_it() {
        let shared = Cache::locate().unwrap();
        let docker = Docker::find(&shared).unwrap();
        let workshop = Workshop::open(shared).unwrap();
        workshop.make(&["registry"], None, &Silent).unwrap();
        let registry = Registry::serve(&workshop.path("registry").unwrap().join("crane"));
        let mirror = format!("{}/mirror", registry.address);
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_str().unwrap());
        let digest = publish(&docker, cache.root().as_str(), &format!("{mirror}/team/specimen:1"));
        let puller = Puller { docker: &docker, cache: &cache, mirror: Some(&mirror), progress: &Silent };

        let reference = format!("example.org/team/specimen:1@{digest}");
        let pinned = Pinned::parse(&reference).unwrap();
        let name = format!("holdfast.test/specimen:{}", std::process::id());
        let (image, archive) = puller.fetch(pinned, Some(&name)).unwrap();
        assert_eq!((image.reference.as_str(), image.digest.as_str()), (name.as_str(), digest.as_str()));
        assert!(docker.image_id(&name).is_some() && archive.is_file() && puller.has(pinned));

        let unknown = format!("example.org/team/specimen:1@{DIGEST}");
        let refused = puller.fetch(Pinned::parse(&unknown).unwrap(), Some(&name)).unwrap_err();
        assert!(matches!(refused, PullError::Docker(DockerError::Refused { .. })), "{refused}");

        drop(registry);
        output(docker.command().args(["image", "rm", "--force", &name, &format!("{mirror}/team/specimen@{digest}")]))
            .unwrap();
        assert_eq!(docker.image_id(&name), None);
        puller.fetch(pinned, Some(&name)).unwrap();
        assert!(docker.image_id(&name).is_some());
        output(docker.command().args(["image", "rm", "--force", &name])).unwrap();
    }
}
