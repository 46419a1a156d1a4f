//! The programs of others that Holdfast drives, at pinned versions: found on PATH, else built into the cache folder.
//!
//! It says where a program is and never runs it for its purpose.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::host::{find_beside, find_on_path, output_within};
use crate::images::{BuildError, RecipeError, Workshop};
use crate::progress::Progress;
use crate::versions::{Versions, VersionsError};

/// How long a program may take to say its version.
const ANSWER: Duration = Duration::from_secs(10);

/// A program at a pinned version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// Makes clusters of containers.
    Kind,
    /// Renders and installs charts.
    Helm3,
    /// Renders and installs charts.
    Helm4,
    /// Talks to clusters, for people.
    Kubectl,
    /// Runs the tests of the developer's door.
    Nextest,
}

/// Why a tool cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// It was not built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It has no recipe or no key.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// It has no pin.
    #[error(transparent)]
    Versions(#[from] VersionsError),
}

/// Where a tool is that was looked for on PATH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnPath {
    /// At the pinned version.
    Pinned(Utf8PathBuf),
    /// At another version, or one that cannot be told.
    Other {
        /// Where.
        path: Utf8PathBuf,
        /// Which version, as far as it can be told.
        version: Option<String>,
    },
    /// Nowhere.
    Absent,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 5] = [Self::Kind, Self::Helm3, Self::Helm4, Self::Kubectl, Self::Nextest];

    /// The name of its file.
    pub fn program(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Helm3 | Self::Helm4 => "helm",
            Self::Kubectl => "kubectl",
            Self::Nextest => "cargo-nextest",
        }
    }

    /// The names under which it may be on PATH, the one that tells its major version first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Kind => &["kind"],
            Self::Helm3 => &["helm3", "helm"],
            Self::Helm4 => &["helm4", "helm"],
            Self::Kubectl => &["kubectl"],
            Self::Nextest => &["cargo-nextest"],
        }
    }

    /// The artefact that has it, which is also the section of its pin.
    pub fn artefact(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Helm3 => "helm3",
            Self::Helm4 => "helm4",
            Self::Kubectl => "kubernetes",
            Self::Nextest => "nextest",
        }
    }

    /// The pinned version.
    ///
    /// # Errors
    /// When there is no pin, which is a defect of this build.
    pub fn version(self, versions: &Versions) -> Result<&str, VersionsError> {
        versions.pin(&format!("{}.version", self.artefact()))
    }

    fn question(self) -> &'static [&'static str] {
        match self {
            Self::Kind => &["version"],
            Self::Helm3 | Self::Helm4 => &["version", "--short"],
            Self::Kubectl => &["version", "--client"],
            Self::Nextest => &["nextest", "--version"],
        }
    }

    /// Looks for it on PATH under the name of its file, which is what others call.
    ///
    /// # Errors
    /// When there is no pin, which is a defect of this build.
    pub fn on_path(self, versions: &Versions) -> Result<OnPath, VersionsError> {
        self.on_path_as(&[self.program()], versions)
    }

    /// Looks for it on PATH under any of its names.
    ///
    /// # Errors
    /// When there is no pin, which is a defect of this build.
    pub fn anywhere_on_path(self, versions: &Versions) -> Result<OnPath, VersionsError> {
        self.on_path_as(self.names(), versions)
    }

    fn on_path_as(self, names: &[&str], versions: &Versions) -> Result<OnPath, VersionsError> {
        let pinned = self.version(versions)?;
        let mut other = OnPath::Absent;
        for path in names.iter().filter_map(|name| find_on_path(name)) {
            let answer = output_within(Command::new(&path).args(self.question()), ANSWER).unwrap_or_default();
            let version = version_in(&answer);
            if version.as_deref() == Some(pinned) {
                return Ok(OnPath::Pinned(path));
            }
            if other == OnPath::Absent {
                other = OnPath::Other { path, version };
            }
        }
        Ok(other)
    }
}

/// The first word of an answer that is a version of three numbers, without what follows them: programs say `kind
/// v0.33.0 go1.26`, `v3.22.0+g1234567`, `Client Version: v1.36.3`. A pre-release is not the version that it precedes.
fn version_in(answer: &str) -> Option<String> {
    answer.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        let version = word.split('+').next()?;
        let core = version.split('-').next()?;
        let numbers: Vec<&str> = core.split('.').collect();
        let numeric = numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
        numeric.then(|| version.to_owned())
    })
}

/// Where tools are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPaths {
    paths: BTreeMap<Tool, Utf8PathBuf>,
}

impl ToolPaths {
    /// Where a tool is; `None` if it was not asked for.
    pub fn get(&self, tool: Tool) -> Option<&Utf8Path> {
        self.paths.get(&tool).map(Utf8PathBuf::as_path)
    }
}

/// Getting tools.
#[derive(Debug, Clone, Copy)]
pub struct Tools;

impl Tools {
    /// The artefacts that have to be made so that the tools can be had.
    ///
    /// # Errors
    /// When a tool has no pin, which is a defect of this build.
    pub fn missing(workshop: &Workshop, tools: &[Tool]) -> Result<Vec<&'static str>, ToolsError> {
        let mut missing = Vec::new();
        for tool in tools {
            if !matches!(tool.on_path(workshop.recipes().versions())?, OnPath::Pinned(_)) {
                missing.push(tool.artefact());
            }
        }
        Ok(missing)
    }

    /// A kubectl of whatever version, for commands that people are told to run: the one on PATH, else the one that was
    /// handed out together with this program, else the one that was built with the nodes. Nothing is built for it.
    pub fn kubectl(workshop: &Workshop) -> Option<Utf8PathBuf> {
        let built = || {
            let artefact = workshop.artefact(Tool::Kubectl.artefact()).ok()?;
            let there = workshop.store().has(&artefact);
            there.then(|| workshop.store().path(&artefact).join(Tool::Kubectl.program()))
        };
        let program = Tool::Kubectl.program();
        find_on_path(program).or_else(|| find_beside(program)).or_else(built)
    }

    /// Finds tools on PATH at their pinned versions, or builds them. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When a tool cannot be built.
    pub fn ensure(workshop: &Workshop, tools: &[Tool], progress: &dyn Progress) -> Result<ToolPaths, ToolsError> {
        let missing = Self::missing(workshop, tools)?;
        workshop.make(&missing, None, progress)?;
        let mut paths = BTreeMap::new();
        for tool in tools {
            let path = match tool.on_path(workshop.recipes().versions())? {
                OnPath::Pinned(path) => path,
                OnPath::Other { .. } | OnPath::Absent => workshop.path(tool.artefact())?.join(tool.program()),
            };
            paths.insert(*tool, path);
        }
        Ok(ToolPaths { paths })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::version_in;

    #[rstest]
    #[case::kind("kind v0.33.0 go1.26.8 linux/amd64\n", Some("0.33.0"))]
    #[case::helm("v3.22.0+g1a2b3c4\n", Some("3.22.0"))]
    #[case::kubectl("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n", Some("1.32.4-dispatcher"))]
    #[case::nextest("cargo-nextest 0.9.151 (0f8e1b2 2026-11-02)\n", Some("0.9.151"))]
    #[case::pre_release("v4.3.1-rc.1\n", Some("4.3.1-rc.1"))]
    #[case::nothing("command not found", None)]
    fn a_version_is_read_from_what_a_program_says(#[case] answer: &str, #[case] expected: Option<&str>) {
        assert_eq!(version_in(answer).as_deref(), expected);
    }
}
