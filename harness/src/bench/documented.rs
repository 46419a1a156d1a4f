//! Commands of a chart's README, run as they are written: in the chart's folder, by a shell, with the variables that the
//! README asks people to export.

use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;

use super::{Bench, BenchError, Procedure};
use crate::host::leash;

/// Longer than any command that a README gives waits by itself.
const LONGEST: Duration = Duration::from_secs(420);
/// How much of what they wrote is kept.
const KEPT: usize = 2000;

/// The programs that people have at hand.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Helm's path.
    pub helm: Utf8PathBuf,
    /// kubectl's path, where there is one.
    pub kubectl: Option<Utf8PathBuf>,
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
        if !procedure.folder.is_dir() {
            return Err(BenchError::Unsuited(format!(
                "documented commands are not run: {} is an archive and no folder to run them in",
                procedure.folder
            )));
        }
        let registered = secrets.iter().map(|(name, value)| (*name, value.expose_secret()));
        self.keep.redactor.register_all(registered).map_err(|source| BenchError::Confidence { source })?;
        let kubeconfig = self.kubeconfig_file(&self.own_context()?)?;
        let release = self.installation.releases.first().map(|release| release.name.as_str()).unwrap_or_default();
        for script in &procedure.scripts {
            let mut command = Command::new("bash");
            command
                .args(["-euo", "pipefail", "-c", script])
                .current_dir(&procedure.folder)
                .env("PATH", search_path(&[&programs.helm, kubectl]))
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
                return Ok(Ran::Failed(last_of(&String::from_utf8_lossy(&ended.stderr))));
            }
        }
        self.register_credentials().await?;
        Ok(Ran::Through)
    }
}

/// PATH, with the folders of these programs first.
fn search_path(programs: &[&Utf8Path]) -> String {
    let folders = programs.iter().filter_map(|program| program.parent()).map(Utf8Path::as_str);
    let inherited = std::env::var("PATH").unwrap_or_default();
    folders.chain([inherited.as_str()]).collect::<Vec<_>>().join(":")
}

/// The end of a text, which is where a shell says what went wrong.
fn last_of(text: &str) -> String {
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(KEPT);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::{KEPT, last_of, search_path};

    #[test]
    fn the_folders_of_programs_come_before_what_is_on_path() {
        let path = search_path(&["/tools/helm4/helm".into(), "/tools/kubernetes/kubectl".into()]);
        assert!(path.starts_with("/tools/helm4:/tools/kubernetes:"), "{path}");
    }

    #[test]
    fn the_end_of_a_long_text_is_kept() {
        let text = format!("{}Error: no such release\n", "x".repeat(KEPT));
        assert_eq!(last_of(&text).chars().count(), KEPT);
        assert!(last_of(&text).ends_with("no such release"));
    }
}
