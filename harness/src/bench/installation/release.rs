//! Helm on a bench: install, upgrade, uninstall, and what it knows of a release.
//!
//! `helm --wait` is not trusted and not used; see `rollout`. Values travel in files that only this user can read,
//! never in arguments.

use std::io::Write;
use std::process::Stdio;

use camino::Utf8Path;
use secrecy::ExposeSecret;
use tempfile::NamedTempFile;
use tokio::process::Command;

use super::resolved::nested;
use super::{Change, Release};
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::helm::{HelmMajor, HelmProgram};
use crate::host::leash;

/// What Helm waits for a release to be ready. Longer than any that comes up needs, shorter than Helm's own five minutes.
const WAITS_FOR_RELEASE: &str = "150s";

/// As whom Helm talks to the cluster.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Access<'a> {
    /// A kubeconfig.
    pub(in crate::bench) kubeconfig: &'a Utf8Path,
    /// The context within it.
    pub(super) context: &'a str,
}

impl Bench {
    /// Installs every release or upgrades it, with `changes` over the overlay's values and those of this bench.
    ///
    /// # Errors
    /// When Helm refuses.
    pub async fn install(&self, helm: &Utf8Path, changes: &[Change]) -> Result<(), BenchError> {
        self.install_as(helm, self.access(), changes).await
    }

    /// What whoever installs has to bring, and these changes behind it.
    fn with_given(&self, changes: &[Change]) -> Vec<Change> {
        self.given().into_iter().chain(changes.iter().cloned()).collect()
    }

    /// Installs as [`Self::install`] does, as somebody else.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(super) async fn install_as(
        &self,
        helm: &Utf8Path,
        access: Access<'_>,
        changes: &[Change],
    ) -> Result<(), BenchError> {
        let changes = self.with_given(changes);
        for release in &self.installation.releases {
            self.upgrade(helm, access, release, &changes, &[]).await?;
        }
        self.register_credentials().await
    }

    /// Installs as [`Self::install`] does, with values with which nobody can dial the database: the hooks of the release that migrates are left out,
    /// because Helm would end with them, or wait for them.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(crate) async fn install_disturbed(&self, helm: &Utf8Path, changes: &[Change]) -> Result<(), BenchError> {
        let changes = self.with_given(changes);
        let migrating = self.installation.migration.as_ref().map(|migration| migration.release);
        for (place, release) in self.installation.releases.iter().enumerate() {
            let options: &[&str] = if migrating == Some(place) { &["--no-hooks"] } else { &[] };
            self.upgrade(helm, self.access(), release, &changes, options).await?;
        }
        self.register_credentials().await
    }

    /// Installs as [`Self::install`] does, and takes back what somebody else wrote into the objects meanwhile. Helm 3 does that unasked.
    ///
    /// # Errors
    /// When Helm refuses, or does not tell its version.
    pub(crate) async fn install_by_force(&self, helm: &Utf8Path, changes: &[Change]) -> Result<(), BenchError> {
        let program = HelmProgram::at(helm).map_err(|error| BenchError::Unsuited(Chain(&error).to_string()))?;
        let options: &[&str] = match program.major {
            HelmMajor::Three => &[],
            HelmMajor::Four => &["--force-conflicts"],
        };
        let changes = self.with_given(changes);
        for release in &self.installation.releases {
            self.upgrade(helm, self.access(), release, &changes, options).await?;
        }
        self.register_credentials().await
    }

    /// Installs every release, and each time waits until Helm says that it is ready; what fails is rolled back.
    ///
    /// # Errors
    /// When Helm refuses or gives up.
    pub(crate) async fn install_waiting(&self, helm: &HelmProgram) -> Result<(), BenchError> {
        let roll_back = match helm.major {
            HelmMajor::Three => "--atomic",
            HelmMajor::Four => "--rollback-on-failure",
        };
        let changes = self.given();
        for release in &self.installation.releases {
            let options = ["--wait", roll_back, "--timeout", WAITS_FOR_RELEASE];
            self.upgrade(&helm.path, self.access(), release, &changes, &options).await?;
        }
        self.register_credentials().await
    }

    /// Installs one release, which need not be one of the subject's.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(in crate::bench) async fn install_release(
        &self,
        helm: &Utf8Path,
        release: &Release,
        changes: &[Change],
    ) -> Result<(), BenchError> {
        let changes = self.with_given(changes);
        self.upgrade(helm, self.access(), release, &changes, &[]).await
    }

    /// Installs as [`Self::install_release`] does, and Helm waits for a hook no longer than that, `75s`.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(in crate::bench) async fn install_within(
        &self,
        helm: &Utf8Path,
        release: &Release,
        changes: &[Change],
        longest: &str,
    ) -> Result<(), BenchError> {
        let changes = self.with_given(changes);
        self.upgrade(helm, self.access(), release, &changes, &["--timeout", longest]).await
    }

    /// Uninstalls a release that need not be one of the subject's.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(in crate::bench) async fn uninstall_release(
        &self,
        helm: &Utf8Path,
        release: &Release,
    ) -> Result<(), BenchError> {
        let mut command = Command::new(helm);
        command.args(["uninstall", &release.name, "--ignore-not-found"]);
        self.helm(command, self.access(), release, "uninstall").await.map(drop)
    }

    async fn upgrade(
        &self,
        helm: &Utf8Path,
        access: Access<'_>,
        release: &Release,
        changes: &[Change],
        options: &[&str],
    ) -> Result<(), BenchError> {
        let overrides = self.values_file(release, changes)?;
        let mut command = Command::new(helm);
        command
            .args(["upgrade", &release.name, release.chart.as_str(), "--install"])
            .args(options)
            .args(release.values.iter().flat_map(|file| ["--values", file.as_str()]))
            .arg("--values")
            .arg(overrides.path());
        self.helm(command, access, release, "install or upgrade").await.map(drop)
    }

    /// What every installation on this bench changes about the values, and what it brings.
    pub(in crate::bench) fn given(&self) -> Vec<Change> {
        let brought = self.installation.inputs.iter();
        let brought = brought.map(|(path, value)| (path.clone(), value.expose_secret().into()));
        self.installation.standing.iter().cloned().chain(brought).collect()
    }

    /// Uninstalls every release, the last one first. What they leave behind stays.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(crate) async fn uninstall(&self, helm: &Utf8Path) -> Result<(), BenchError> {
        for release in self.installation.releases.iter().rev() {
            self.uninstall_release(helm, release).await?;
        }
        Ok(())
    }

    /// Rolls every release back to its revision before.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(crate) async fn roll_back(&self, helm: &Utf8Path) -> Result<(), BenchError> {
        for release in self.installation.releases.iter().rev() {
            let mut command = Command::new(helm);
            command.args(["rollback", &release.name]);
            self.helm(command, self.access(), release, "roll back").await?;
        }
        self.register_credentials().await
    }

    /// What Helm keeps of a release: its `manifest`, its `hooks` or its `notes`.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(in crate::bench) async fn kept(
        &self,
        helm: &Utf8Path,
        release: &Release,
        what: &'static str,
    ) -> Result<String, BenchError> {
        let mut command = Command::new(helm);
        command.args(["get", what, &release.name]);
        self.helm(command, self.access(), release, "read what Helm keeps of").await
    }

    /// Ours.
    pub(in crate::bench) fn access(&self) -> Access<'_> {
        let handle = self.cluster.handle();
        Access { kubeconfig: &handle.kubeconfig, context: &handle.context }
    }

    /// In the private room: there are passwords among the values.
    fn values_file(&self, release: &Release, changes: &[Change]) -> Result<NamedTempFile, BenchError> {
        let unwritable = |source| BenchError::Values { release: release.name.clone(), source };
        let mut file = self.keep.room.loan().map_err(unwritable)?;
        file.write_all(nested(changes).to_string().as_bytes()).map_err(unwritable)?;
        Ok(file)
    }

    pub(in crate::bench) async fn helm(
        &self,
        mut command: Command,
        access: Access<'_>,
        release: &Release,
        action: &'static str,
    ) -> Result<String, BenchError> {
        command
            .args(["--namespace", &self.namespace])
            .args(["--kubeconfig", access.kubeconfig.as_str(), "--kube-context", access.context])
            .stdin(Stdio::null());
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let ended = leash::output(command).await.map_err(|source| BenchError::Start { program, source })?;
        if ended.status.success() {
            return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
        }
        Err(BenchError::Helm {
            action,
            release: release.name.clone(),
            namespace: self.namespace.clone(),
            message: String::from_utf8_lossy(&ended.stderr).trim().to_owned(),
        })
    }
}
