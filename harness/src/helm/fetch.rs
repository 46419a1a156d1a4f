//! Charts from elsewhere: fetched by Helm, with the user's own logins, and kept in the cache folder.

use std::process::{Command, Stdio};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::program::{Fetched, HelmProgram, Helms};
use super::{HelmError, Package};
use crate::cache::Cache;
use crate::digest::sha256_of_parts;
use crate::subject::{ChartAt, RemoteChart};

impl Helms {
    /// The folder or archive of a chart, which is fetched first where it is elsewhere.
    ///
    /// What an exact version names does not change and is fetched once; anything else is fetched once by each process.
    /// What lies in the cache folder is never taken away or changed: others may be reading it.
    ///
    /// # Errors
    /// There is no Helm, it cannot fetch the chart, or the chart cannot be kept.
    pub fn locate(&self, chart: &ChartAt) -> Fetched {
        match chart {
            ChartAt::Path(path) => Ok(path.clone()),
            ChartAt::Remote(remote) => self.fetches.get(remote.to_string(), || self.fetched(remote).map_err(Arc::new)),
        }
    }

    fn fetched(&self, chart: &RemoteChart) -> Result<Utf8PathBuf, HelmError> {
        let shelf = shelf(chart).map_err(|error| HelmError::Shelf { chart: chart.to_string(), source: error })?;
        let exact = shelf.join("exact").join(chart.short_name());
        if chart.is_exact() && exact.join("Chart.yaml").is_file() {
            return Ok(exact);
        }
        let program = self.programs().first().ok_or(HelmError::NoHelm)?;
        let keep = |source| HelmError::Keep { chart: chart.to_string(), folder: shelf.clone(), source };
        std::fs::create_dir_all(&shelf).map_err(keep)?;
        let scratch = tempfile::tempdir_in(&shelf).map_err(keep)?;
        let unpacked = pull(program, chart, scratch.path())?;
        let kept = if chart.is_exact() {
            exact
        } else {
            let package = Package::read(&unpacked)
                .map_err(|source| HelmError::Unpacked { chart: chart.to_string(), source: Box::new(source) })?;
            shelf.join(package.digest.get(..16).unwrap_or_default()).join(chart.short_name())
        };
        std::fs::create_dir_all(kept.parent().unwrap_or(&shelf)).map_err(keep)?;
        match std::fs::rename(&unpacked, &kept) {
            // Somebody else was faster, with the same chart.
            Err(_) if kept.join("Chart.yaml").is_file() => Ok(kept),
            renamed => renamed.map(|()| kept).map_err(keep),
        }
    }
}

/// Where charts that a reference names are kept.
fn shelf(chart: &RemoteChart) -> Result<Utf8PathBuf, crate::cache::CacheError> {
    let parts = [chart.name.as_str(), chart.repository.as_deref().unwrap_or_default(), &chart.version];
    let digest = sha256_of_parts(parts.map(str::as_bytes));
    Ok(Cache::locate()?.root().join("charts").join(digest.get(..16).unwrap_or_default()))
}

fn pull(program: &HelmProgram, chart: &RemoteChart, scratch: &std::path::Path) -> Result<Utf8PathBuf, HelmError> {
    let output = command(program, chart)
        .args(["--untar", "--untardir"])
        .arg(scratch)
        .current_dir(scratch)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| HelmError::Start { program: program.path.clone(), source })?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let hint = match chart.repository {
            None => "where it takes a login, run `helm registry login` first",
            Some(_) => "where it takes a login, run `helm pull` yourself and name what it fetched by `path`",
        };
        return Err(HelmError::Fetch { chart: chart.to_string(), message, hint });
    }
    let folder = Utf8Path::from_path(scratch).unwrap_or(Utf8Path::new("."));
    folder_in(scratch).map_err(|source| HelmError::Keep { chart: chart.to_string(), folder: folder.to_owned(), source })
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
        // Nobody has a certificate for a registry on his own machine.
        command.arg("--plain-http");
    }
    command
}

/// Whether a reference such as `oci://127.0.0.1:5000/shop` leads to this very machine.
fn is_on_loopback(reference: &str) -> bool {
    let authority = reference.strip_prefix("oci://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let is = |host: &&str| authority.strip_prefix(*host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    ["localhost", "127.0.0.1", "[::1]"].iter().any(is)
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
    #[case("oci://[::1]/shop", true)]
    #[case("oci://registry.example.org/shop", false)]
    #[case("oci://localhost.example.org/shop", false)]
    #[case("shop", false)]
    fn only_a_registry_on_this_machine_is_asked_without_tls(#[case] reference: &str, #[case] plainly: bool) {
        assert_eq!(is_on_loopback(reference), plainly);
    }
}
