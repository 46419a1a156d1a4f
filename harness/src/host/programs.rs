//! Programs that Holdfast calls, and the Debian packages that bring them.

use std::env;
use std::process::Command;

use camino::Utf8PathBuf;

use super::command::{CommandError, output};
use super::facts::{is_debian, is_root};
use crate::progress::Progress;

/// A program that has to be on PATH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// The Go compiler.
    Go,
    /// Rust's build tool.
    Cargo,
    /// A C compiler with a static C library.
    Cc,
    /// A static shell with its commands.
    Busybox,
    /// Makes Debian root file systems.
    Mmdebstrap,
    /// Docker's client.
    Docker,
    /// Docker's daemon.
    Dockerd,
    /// What the daemon makes its networks with.
    Iptables,
    /// Edits JSON; the runtime shim needs it.
    Jq,
}

/// Why a program that is needed is not there.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// It has to be put there by hand.
    #[error("find {missing} on PATH; {remedy}")]
    Missing {
        /// The programs.
        missing: String,
        /// What to do.
        remedy: String,
    },
    /// The package manager refused.
    #[error("install the Debian packages {packages}")]
    Install {
        /// The packages.
        packages: String,
        /// Why.
        #[source]
        source: CommandError,
    },
}

impl Program {
    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Cargo => "cargo",
            Self::Cc => "cc",
            Self::Busybox => "busybox",
            Self::Mmdebstrap => "mmdebstrap",
            Self::Docker => "docker",
            Self::Dockerd => "dockerd",
            Self::Iptables => "iptables",
            Self::Jq => "jq",
        }
    }

    /// The program of that name, as recipes spell it.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Go, Self::Cargo, Self::Cc, Self::Busybox, Self::Mmdebstrap, Self::Docker, Self::Jq]
            .into_iter()
            .find(|program| program.name() == name)
    }

    /// The Debian packages that bring it; none where Debian's is too old to be of use.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Go | Self::Cargo => &[],
            Self::Cc => &["gcc", "libc6-dev"],
            Self::Busybox => &["busybox-static"],
            Self::Mmdebstrap => &["mmdebstrap", "debian-archive-keyring"],
            Self::Docker | Self::Dockerd => &["docker.io"],
            Self::Iptables => &["iptables"],
            Self::Jq => &["jq"],
        }
    }
}

/// Where a program is on PATH.
pub fn find_on_path(name: &str) -> Option<Utf8PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .filter_map(|folder| Utf8PathBuf::from_path_buf(folder.join(name)).ok())
        .find(|path| path.is_file())
}

/// Where a program is that was handed out together with this one.
pub fn find_beside(name: &str) -> Option<Utf8PathBuf> {
    let this = Utf8PathBuf::from_path_buf(env::current_exe().ok()?).ok()?;
    Some(this.parent()?.join(name)).filter(|path| path.is_file())
}

/// Sees to it that programs are there, with Debian's package manager where that may be used.
///
/// # Errors
/// When a program is missing and cannot be installed here.
pub fn ensure(programs: &[Program], progress: &dyn Progress) -> Result<(), ProgramsError> {
    let missing: Vec<Program> =
        programs.iter().copied().filter(|program| find_on_path(program.name()).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (by_hand, by_package): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|program| program.packages().is_empty());
    if !by_hand.is_empty() {
        let remedy = "install it from its own project (the version in the distribution may be too old)".into();
        return Err(ProgramsError::Missing { missing: names(&by_hand), remedy });
    }
    let mut packages: Vec<&str> = by_package.iter().flat_map(|program| program.packages()).copied().collect();
    packages.sort_unstable();
    packages.dedup();
    let packages = packages.join(" ");
    if !is_debian() || !is_root() {
        let remedy = if is_debian() {
            format!("as root: apt-get install {packages}")
        } else {
            format!("install what Debian has in the packages {packages}")
        };
        return Err(ProgramsError::Missing { missing: names(&by_package), remedy });
    }
    progress.say(&format!("Installing the Debian packages {packages} with apt-get, for {}.", names(&by_package)));
    install(&packages).map_err(|source| ProgramsError::Install { packages, source })
}

fn install(packages: &str) -> Result<(), CommandError> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-y", "-o", "DPkg::Lock::Timeout=300"]);
        command.args(arguments);
        output(&mut command).map(drop)
    };
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(packages.split_whitespace());
    // The lists of a fresh machine are absent or old, but fetching them takes time and may fail for a foreign source.
    apt(&arguments).or_else(|_stale| {
        let _ = apt(&["update"]);
        apt(&arguments)
    })
}

fn names(programs: &[Program]) -> String {
    programs.iter().map(|program| program.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Program, ProgramsError, ensure, find_beside, find_on_path};
    use crate::progress::Silent;

    #[test]
    fn a_program_is_found_on_path() {
        assert!(find_on_path("sh").is_some_and(|path| path.ends_with("sh")));
        assert_eq!(find_on_path("no-such-program-anywhere"), None);
    }

    #[test]
    fn a_program_is_found_beside_this_one() {
        let this = std::env::current_exe().unwrap();
        let name = this.file_name().unwrap().to_str().unwrap();
        assert_eq!(find_beside(name).unwrap(), this);
        assert_eq!(find_beside("no-such-program-anywhere"), None);
    }

    #[test]
    fn what_is_there_is_left_alone() {
        assert!(matches!(ensure(&[Program::Cargo], &Silent), Ok::<(), ProgramsError>(())));
    }
}
