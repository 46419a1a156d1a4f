//! Helm on a bench: install, upgrade, roll back.
//!
//! `helm --wait` is not trusted and not used; see `rollout`. Values travel in files that only this user can read,
//! never in arguments.

use std::io::Write;
use std::process::Stdio;

use camino::Utf8Path;
use tokio::process::Command;

use super::installation::{Change, Release, nested};
use super::{Bench, BenchError};

impl Bench {
    /// Installs every release or upgrades it, with `changes` over the overlay's values.
    ///
    /// # Errors
    /// When Helm refuses.
    pub async fn install(&self, helm: &Utf8Path, changes: &[Change]) -> Result<(), BenchError> {
        for release in &self.installation.releases {
            self.install_release(helm, release, changes).await?;
        }
        self.register_credentials().await
    }

    async fn install_release(&self, helm: &Utf8Path, release: &Release, changes: &[Change]) -> Result<(), BenchError> {
        let unwritable = |source| BenchError::Values { release: release.name.clone(), source };
        // A temporary file is readable by its owner alone.
        let mut overrides = tempfile::NamedTempFile::new().map_err(unwritable)?;
        overrides.write_all(nested(changes).to_string().as_bytes()).map_err(unwritable)?;

        let handle = self.cluster.handle();
        let mut command = Command::new(helm);
        command
            .args(["upgrade", &release.name, release.chart.as_str(), "--install"])
            .args(["--namespace", &self.namespace])
            .args(["--kubeconfig", handle.kubeconfig.as_str(), "--kube-context", &handle.context])
            .args(release.values.iter().flat_map(|file| ["--values", file.as_str()]))
            .arg("--values")
            .arg(overrides.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let ended = command.output().await.map_err(|source| BenchError::Start { program: helm.to_string(), source })?;
        if ended.status.success() {
            return Ok(());
        }
        Err(BenchError::Helm {
            action: "install or upgrade",
            release: release.name.clone(),
            namespace: self.namespace.clone(),
            message: String::from_utf8_lossy(&ended.stderr).trim().to_owned(),
        })
    }
}
