//! Commands of a chart's README, run as they are written: in the chart's folder, by a shell, with the variables that the
//! README asks people to export.
//!
//! The folder is a copy of the chart's, because commands write files, a saved CA among them. What one procedure leaves
//! there, the next one finds.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::process::Command;

use crate::bench::{Bench, BenchError};
use crate::helm::{HelmError, HelmProgram, Helms, PackageFile};
use crate::host::leash;
use crate::readme::Readme;
use crate::rendered::Rendered;

/// Longer than any command that a README gives waits by itself.
const LONGEST: Duration = Duration::from_secs(420);
/// How much of what they wrote is kept.
const KEPT: usize = 2000;
/// What the API server says to an account that may not, and Helm and kubectl pass on.
const FORBIDDEN: &str = " is forbidden: User ";

/// The programs that people have at hand.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The Helm that installs.
    pub helm: Utf8PathBuf,
    /// Every Helm there is, of each major version one; that one first.
    pub helms: Vec<HelmProgram>,
    /// kubectl's path, where there is one.
    pub kubectl: Option<Utf8PathBuf>,
}

impl Programs {
    /// These Helms, the preferred one installs, and a kubectl where there is one.
    ///
    /// # Errors
    /// There is no Helm.
    pub fn new(helms: &Helms, kubectl: Option<Utf8PathBuf>) -> Result<Self, HelmError> {
        Ok(Self { helm: helms.installer()?.to_owned(), helms: helms.programs().to_vec(), kubectl })
    }
}

/// Commands that the chart's README tells people to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// The chart's folder, in which they are run.
    pub folder: Utf8PathBuf,
    /// The heading under which they stand.
    pub heading: String,
    /// Blocks for a shell, in order.
    pub scripts: Vec<String>,
}

impl Procedure {
    /// Each of its blocks by itself.
    pub(crate) fn parts(&self) -> Vec<Self> {
        self.scripts.iter().map(|script| Self { scripts: vec![script.clone()], ..self.clone() }).collect()
    }

    /// The steps that people have to run after a rotation, as the subject declares them; nothing where there are none.
    pub(super) fn of_restart(rendered: &Rendered) -> Option<Self> {
        let subject = rendered.subject();
        let scripts = subject.file().restart.clone();
        let folder = rendered.chart()?.path.clone();
        (!scripts.is_empty()).then(|| Self { folder, heading: "restart".into(), scripts })
    }

    /// What stands under a heading of the first release's README; nothing where there is no command.
    pub(in crate::bench) fn of(rendered: &Rendered, heading: Option<&str>) -> Option<Self> {
        let heading = heading?;
        let text = rendered.chart()?.readme().and_then(PackageFile::text)?;
        let readme = Readme::parse(text);
        let scripts: Vec<String> = readme.section(heading)?.scripts().map(str::to_owned).collect();
        let folder = rendered.chart()?.path.clone();
        (!scripts.is_empty()).then(|| Self { folder, heading: heading.to_owned(), scripts })
    }
}

/// The procedures for a CA, in the order in which they are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaProcedures {
    /// Installation with the CA.
    pub install: Procedure,
    /// Another CA.
    pub rotate: Procedure,
    /// The CA of before.
    pub roll_back: Procedure,
}

impl CaProcedures {
    /// What the README has under the headings that the subject names; nothing where one of them has no command.
    pub(in crate::bench) fn of(rendered: &Rendered) -> Option<Self> {
        let documented = rendered.subject().ca()?.documented.as_ref()?;
        let under = |heading: &str| Procedure::of(rendered, Some(heading));
        Some(Self {
            install: under(&documented.install)?,
            rotate: under(&documented.rotate)?,
            roll_back: under(&documented.roll_back)?,
        })
    }
}

/// How documented commands ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ran {
    /// Each with 0.
    Through,
    /// One of them did not, and this is what they wrote at last.
    Failed(String),
}

impl Bench {
    /// Runs documented commands. `secrets` are variables; each is registered before.
    ///
    /// # Errors
    /// When the shell cannot be started, or something that every documentation takes for granted is not there. Commands
    /// that fail are an answer.
    pub(crate) async fn run_documented(
        &self,
        programs: &Programs,
        procedure: &Procedure,
        secrets: &[(&str, &SecretString)],
    ) -> Result<Ran, BenchError> {
        let kubectl = programs.kubectl.as_deref().ok_or_else(|| {
            BenchError::Unsuited("documented commands are not run: kubectl is not on PATH; install it".into())
        })?;
        let folder = self.copy_of(&procedure.folder).await?;
        let registered = secrets.iter().map(|(name, value)| (*name, value.expose_secret()));
        self.keep.redactor.register_all(registered).map_err(|source| BenchError::Confidence { source })?;
        let kubeconfig = self.kubeconfig_file(&self.own_context()?)?;
        let tools = named_tools(self.keep.room.folder(), &[("helm", &programs.helm), ("kubectl", kubectl)]);
        let tools = tools.map_err(BenchError::Tools)?;
        let release = self.installation.releases.first().map(|release| release.name.as_str()).unwrap_or_default();
        for script in &procedure.scripts {
            let mut command = Command::new("bash");
            command
                .args(["-euo", "pipefail", "-c", script])
                .current_dir(folder)
                .env("PATH", search_path(tools.path()))
                .env("KUBECONFIG", kubeconfig.path())
                .env("RELEASE", release)
                .env("NAMESPACE", &self.namespace)
                .envs(secrets.iter().map(|(name, value)| (*name, value.expose_secret())))
                .stdin(Stdio::null());
            let ended = tokio::time::timeout(LONGEST, leash::output(command)).await;
            let Ok(ended) = ended else {
                return Ok(Ran::Failed(format!("they did not end within {} s", LONGEST.as_secs())));
            };
            let ended = ended.map_err(|source| BenchError::Start { program: "bash".into(), source })?;
            if !ended.status.success() {
                let said = String::from_utf8_lossy(&ended.stderr);
                if said.contains(FORBIDDEN) {
                    return Err(BenchError::Unsuited(format!(
                        "the documented commands need rights that the account of this run does not have: {}",
                        last_of(&said)
                    )));
                }
                return Ok(Ran::Failed(last_of(&said)));
            }
        }
        self.register_credentials().await?;
        Ok(Ran::Through)
    }

    /// Runs the steps that people have to run after a rotation, as the subject declares them.
    ///
    /// # Errors
    /// When they cannot be run, or one of them fails.
    pub(crate) async fn run_steps(&self, programs: &Programs, steps: &Procedure) -> Result<(), BenchError> {
        match self.run_documented(programs, steps, &[]).await? {
            Ran::Through => Ok(()),
            Ran::Failed(message) => Err(BenchError::Steps { message }),
        }
    }

    /// The commands for the CA that the subject tells of.
    ///
    /// # Errors
    /// When it names no headings, or one of them has no command.
    pub(crate) fn ca_procedures(&self) -> Result<&CaProcedures, BenchError> {
        self.installation.ca_procedures.as_ref().ok_or_else(|| {
            BenchError::Unsuited(
                "the chart's README has no commands under a heading that the subject names in `database.ca.documented`"
                    .into(),
            )
        })
    }

    /// A copy of the chart's folder that only this user can read, and that goes with the bench.
    async fn copy_of(&self, chart: &Utf8Path) -> Result<&Utf8Path, BenchError> {
        let copy = self.workshop.get_or_try_init(async || {
            if !chart.is_dir() {
                return Err(BenchError::Unsuited(format!(
                    "documented commands are not run: {chart} is an archive and no folder to run them in"
                )));
            }
            let copied = || -> io::Result<TempDir> {
                let folder = TempDir::new_in(self.keep.room.folder())?;
                copy_folder(chart.as_std_path(), folder.path())?;
                Ok(folder)
            };
            copied().map_err(|source| BenchError::Copy { chart: chart.to_owned(), source })
        });
        let folder = copy.await?.path();
        Utf8Path::from_path(folder).ok_or_else(|| BenchError::Unsuited("the private folder has no UTF-8 name".into()))
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in from.read_dir()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target)?;
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A folder with these programs under the names by which documentations call them, whatever their files are called.
fn named_tools(room: &Utf8Path, programs: &[(&str, &Utf8Path)]) -> io::Result<TempDir> {
    let folder = TempDir::new_in(room)?;
    for (name, program) in programs {
        symlink(program.canonicalize_utf8()?, folder.path().join(name))?;
    }
    Ok(folder)
}

/// PATH, with a folder first.
fn search_path(first: &Path) -> OsString {
    let mut path = first.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// The end of a text, which is where a shell says what went wrong.
fn last_of(text: &str) -> String {
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(KEPT);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::{KEPT, copy_folder, last_of, named_tools, search_path};

    #[test]
    fn a_chart_is_copied_with_its_folders() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(from.path().join("templates")).unwrap();
        std::fs::write(from.path().join("templates/a.yaml"), "kind: Job").unwrap();
        copy_folder(from.path(), to.path()).unwrap();
        std::fs::write(to.path().join("saved.json"), "{}").unwrap();
        assert_eq!(std::fs::read_to_string(to.path().join("templates/a.yaml")).unwrap(), "kind: Job");
        assert!(!from.path().join("saved.json").exists(), "the chart itself stays as it is");
    }

    #[test]
    fn programs_are_found_by_the_names_that_people_call_them_by() {
        let room = tempfile::tempdir().unwrap();
        let room = Utf8Path::from_path(room.path()).unwrap();
        let program = room.join("helm4");
        std::fs::write(&program, "a program").unwrap();
        let tools = named_tools(room, &[("helm", &program)]).unwrap();
        assert_eq!(std::fs::read_to_string(tools.path().join("helm")).unwrap(), "a program");
        let path = search_path(tools.path());
        assert_eq!(std::env::split_paths(&path).next().unwrap(), tools.path());
    }

    #[test]
    fn the_end_of_a_long_text_is_kept() {
        let text = format!("{}Error: no such release\n", "x".repeat(KEPT));
        assert_eq!(last_of(&text).chars().count(), KEPT);
        assert!(last_of(&text).ends_with("no such release"));
    }
}
