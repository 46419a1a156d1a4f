//! Charts from elsewhere: fetched by Helm, with the user's own logins, and kept in the cache folder.

use std::process::{Command, Stdio};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::HelmError;
use super::program::{Fetched, HelmProgram, Helms};
use crate::subject::RemoteChart;

impl Helms {
    /// Puts a chart from elsewhere into its folder. What an exact version names does not change, and is fetched once.
    ///
    /// # Errors
    /// There is no Helm, it cannot fetch the chart, or the chart cannot be kept.
    pub fn fetch(&self, chart: &RemoteChart) -> Fetched {
        if chart.is_exact() && chart.folder.join("Chart.yaml").is_file() {
            return Ok(());
        }
        let program = self.program(None)?;
        self.fetches.get(chart.folder.to_string(), || fetch(program, chart).map_err(Arc::new))
    }
}

fn fetch(program: &HelmProgram, chart: &RemoteChart) -> Result<(), HelmError> {
    let keep = |source| HelmError::Keep { chart: chart.to_string(), folder: chart.folder.clone(), source };
    let parent = chart.folder.parent().unwrap_or(Utf8Path::new("."));
    std::fs::create_dir_all(parent).map_err(keep)?;
    let scratch = tempfile::tempdir_in(parent).map_err(keep)?;
    let output = command(program, chart)
        .args(["--untar", "--untardir"])
        .arg(scratch.path())
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .output()
        .map_err(|source| HelmError::Start { program: program.path.clone(), source })?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(HelmError::Fetch { chart: chart.to_string(), message });
    }
    let unpacked = folder_in(scratch.path()).map_err(keep)?;
    if chart.folder.exists() {
        std::fs::remove_dir_all(&chart.folder).map_err(keep)?;
    }
    std::fs::rename(unpacked, &chart.folder).map_err(keep)
}

fn command(program: &HelmProgram, chart: &RemoteChart) -> Command {
    let mut command = Command::new(&program.path);
    command.args(["pull", &chart.name]);
    if let Some(repository) = &chart.repository {
        command.args(["--repo", repository]);
    }
    if !chart.version.is_empty() {
        command.args(["--version", &chart.version]);
    }
    if is_on_loopback(&chart.name) {
        // As Docker does: nobody has a certificate for a registry on his own machine.
        command.arg("--plain-http");
    }
    command
}

/// Whether a reference such as `oci://127.0.0.1:5000/shop` leads to this very machine.
fn is_on_loopback(reference: &str) -> bool {
    let host = reference.strip_prefix("oci://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

/// The one folder in a folder. Older Helms leave the archive beside it.
fn folder_in(folder: &std::path::Path) -> std::io::Result<Utf8PathBuf> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join("Chart.yaml").is_file() {
            return Utf8PathBuf::from_path_buf(path).map_err(|_| std::io::ErrorKind::InvalidFilename.into());
        }
    }
    Err(std::io::Error::new(std::io::ErrorKind::NotFound, "Helm left no folder with a Chart.yaml"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_on_loopback;

    #[rstest]
    #[case("oci://127.0.0.1:5000/charts/shop", true)]
    #[case("oci://localhost/shop", true)]
    #[case("oci://[::1]:5000/shop", true)]
    #[case("oci://registry.example.org/shop", false)]
    #[case("oci://localhost.example.org/shop", false)]
    #[case("shop", false)]
    fn only_a_registry_on_this_machine_is_asked_without_tls(#[case] reference: &str, #[case] plainly: bool) {
        assert_eq!(is_on_loopback(reference), plainly);
    }
}
