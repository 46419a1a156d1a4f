//! A Docker daemon to build images and run nodes with: one that answers, else a private one.
//!
//! A daemon that is there is used and never touched. A private one is started only where none answers, this process is
//! root and the machine is Debian's; it keeps everything below the cache folder and outlives this process.

mod private;

use std::process::Command;
use std::time::Duration;
use std::{env, io};

use camino::{Utf8Path, Utf8PathBuf};

pub use self::private::stop;
use crate::cache::{Cache, CacheError};
use crate::host::{self, CommandError, Kernel, Program, ProgramsError, is_debian, is_root};
use crate::progress::Progress;

/// How long a daemon may take to say its version.
const ANSWER: Duration = Duration::from_secs(10);

/// A Docker daemon that answered.
#[derive(Debug, Clone)]
pub struct Docker {
    host: Option<String>,
    version: String,
    build_kit: bool,
}

/// Why there is no Docker daemon.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// The daemon that the user named does not answer.
    #[error("reach the Docker daemon at {host}, which DOCKER_HOST names; start it, or unset DOCKER_HOST")]
    Named {
        /// What DOCKER_HOST says.
        host: String,
        /// Why.
        #[source]
        source: CommandError,
    },
    /// None answers, and none may be started.
    #[error("reach a Docker daemon: none answers, and {obstacle}; start Docker, or set DOCKER_HOST")]
    None {
        /// Why a private one is not started.
        obstacle: &'static str,
        /// What the client said.
        #[source]
        source: CommandError,
    },
    /// There is nowhere to keep it.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// What it needs is not there.
    #[error("prepare a private Docker daemon")]
    Programs(#[from] ProgramsError),
    /// Its files cannot be written.
    #[error("write {path} for the private Docker daemon")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not come up.
    #[error("start a private Docker daemon; its log {log} ends with:\n{said}")]
    Start {
        /// Its log.
        log: Utf8PathBuf,
        /// The log's last lines.
        said: String,
    },
    /// A daemon refused what it was asked.
    #[error("{attempt}")]
    Refused {
        /// What was attempted, on what.
        attempt: String,
        /// Why.
        #[source]
        source: CommandError,
    },
}

impl Docker {
    /// Finds a daemon that answers: the one of `DOCKER_HOST` and no other if that is set, else the client's default,
    /// else the private one. Changes nothing.
    ///
    /// # Errors
    /// When none answers.
    pub fn find(cache: &Cache) -> Result<Self, DockerError> {
        if let Some(host) = named_host() {
            return Self::at(Some(&host)).map_err(|source| DockerError::Named { host, source });
        }
        Self::at(None).or_else(|source| {
            Self::at(Some(&private::host(cache)))
                .map_err(|_absent| DockerError::None { obstacle: "no private one runs", source })
        })
    }

    /// Finds a daemon that answers, or starts a private one and says so. Raises the kernel's limits on watches, which
    /// nodes soon use up, where that is possible.
    ///
    /// # Errors
    /// When none answers and none can be started here.
    pub fn ensure(cache: &Cache, progress: &dyn Progress) -> Result<Self, DockerError> {
        let docker = match Self::find(cache) {
            Ok(docker) => docker,
            Err(named @ DockerError::Named { .. }) => return Err(named),
            Err(DockerError::None { source, .. }) => {
                let obstacle = match (is_root(), is_debian()) {
                    (true, true) => None,
                    (false, _) => Some("a private one can only be started by root"),
                    (true, false) => Some("a private one can only be started on Debian"),
                };
                if let Some(obstacle) = obstacle {
                    return Err(DockerError::None { obstacle, source });
                }
                private::start(cache, progress)?
            }
            Err(other) => return Err(other),
        };
        if is_root() {
            raise_limits(progress);
        }
        Ok(docker)
    }

    /// Asks a daemon for its version; `None` is the client's default daemon.
    fn at(host: Option<&str>) -> Result<Self, CommandError> {
        let mut docker = Self { host: host.map(Into::into), version: String::new(), build_kit: false };
        let mut question = docker.command();
        let answer = host::output_within(question.args(["version", "--format", "{{.Server.Version}}"]), ANSWER)?;
        docker.version = answer.trim().into();
        // A client without buildx cannot use BuildKit; and BuildKit runs containers past the runtime shim.
        docker.build_kit = !host.is_some_and(private::is_private) && docker.answers(&["buildx", "version"]);
        Ok(docker)
    }

    /// The client, set to talk to this daemon.
    pub fn command(&self) -> Command {
        let mut command = Command::new(Program::Docker.name());
        command.envs(self.environment());
        command
    }

    /// What any other program has to find in its environment to use this daemon.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = Vec::new();
        if let Some(host) = &self.host {
            variables.push(("DOCKER_HOST", host.clone()));
        }
        if !self.build_kit {
            variables.push(("DOCKER_BUILDKIT", "0".into()));
        }
        variables
    }

    /// The value of `DOCKER_HOST` for this daemon; `None` is the client's default.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The daemon's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The id of an image that the daemon has.
    pub fn image_id(&self, reference: &str) -> Option<String> {
        let mut question = self.command();
        question.args(["image", "inspect", "--format", "{{.Id}}", reference]);
        host::output(&mut question).ok().map(|id| id.trim().to_owned())
    }

    /// Loads an archive of images.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub fn load(&self, archive: &Utf8Path) -> Result<(), DockerError> {
        self.expect(&["load", "--quiet", "--input", archive.as_str()], || {
            format!("load {archive} into the Docker daemon")
        })
    }

    /// Gives an image that the daemon has one more name.
    ///
    /// # Errors
    /// When the daemon does not have the image or the name is malformed.
    pub fn tag(&self, image: &str, reference: &str) -> Result<(), DockerError> {
        self.expect(&["tag", image, reference], || format!("name the image {image} {reference}"))
    }

    pub(crate) fn expect(&self, arguments: &[&str], attempt: impl FnOnce() -> String) -> Result<(), DockerError> {
        let answer = host::output(self.command().args(arguments));
        answer.map(drop).map_err(|source| DockerError::Refused { attempt: attempt(), source })
    }

    fn answers(&self, question: &[&str]) -> bool {
        host::output_within(self.command().args(question), ANSWER).is_ok()
    }
}

fn named_host() -> Option<String> {
    env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty())
}

fn raise_limits(progress: &dyn Progress) {
    for limit in Kernel::LIMITS.into_iter().filter(|limit| limit.is_too_low()) {
        // A machine that forbids it may still have room for one node, so this is no reason to stop.
        let outcome = match limit.raise() {
            Ok(()) => format!("Raised {} to {}, so that several nodes find room.", limit.name, limit.least),
            Err(error) => {
                format!("Could not raise {} to {} ({error}); a second cluster may fail.", limit.name, limit.least)
            }
        };
        progress.say(&outcome);
    }
}
