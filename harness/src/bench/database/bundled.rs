//! A PostgreSQL that the chart brings: where it is, how it is told its password, and what people are told to do.

use camino::Utf8Path;
use secrecy::{ExposeSecret, SecretString};

use crate::bench::{Bench, BenchError, Procedure, Release};
use crate::probe::Server;
use crate::rendered::Rendered;

/// The release that is installed beside the subject's own, of the same chart.
const BESIDE: &str = "beside";

/// The PostgreSQL of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledServer {
    /// The Helm release that brings it.
    pub release: String,
    /// The name of its StatefulSet.
    pub stateful_set: String,
    /// The role that is made with its data folder, and its superuser.
    pub superuser: String,
    /// Dotted path of the value that is its password.
    pub password_value: Option<String>,
    /// How people change the password and keep the data.
    pub keeping_data: Option<Procedure>,
    /// How people begin again with an empty volume.
    pub deleting_data: Option<Procedure>,
}

impl BundledServer {
    /// What the subject says of it. The first release is the one that brings it.
    pub(in crate::bench) fn of(rendered: &Rendered) -> Option<Self> {
        let subject = rendered.subject();
        let plan = subject.database().bundled.as_ref()?;
        Some(Self {
            release: subject.releases().first()?.name.clone(),
            stateful_set: plan.stateful_set.clone(),
            superuser: subject.database().credentials.first()?.role.clone(),
            password_value: plan.password_value.clone(),
            keeping_data: Procedure::of(rendered, plan.remedy_keeping_data.as_deref()),
            deleting_data: Procedure::of(rendered, plan.remedy_deleting_data.as_deref()),
        })
    }

    /// How its superuser is reached.
    pub(in crate::bench) fn server(&self) -> Server {
        Server::StatefulSet { name: self.stateful_set.clone(), superuser: self.superuser.clone() }
    }

    /// Whether that workload is it, or the one of the second release.
    fn is_of(&self, workload: &str) -> bool {
        let Some(name) = workload.strip_prefix("statefulset/") else { return false };
        name == self.stateful_set || self.of_release(BESIDE).is_some_and(|beside| name == beside.stateful_set)
    }

    /// The same PostgreSQL of another release of the same chart, where the names of its objects begin with that of the
    /// release.
    pub(super) fn of_release(&self, release: &str) -> Option<Self> {
        let rest = self.stateful_set.strip_prefix(&self.release)?;
        Some(Self { release: release.to_owned(), stateful_set: format!("{release}{rest}"), ..self.clone() })
    }
}

impl Bench {
    /// The PostgreSQL that the chart brings.
    ///
    /// # Errors
    /// When the subject names none.
    pub(crate) fn bundled(&self) -> Result<&BundledServer, BenchError> {
        self.installation.bundled.as_ref().ok_or_else(|| {
            BenchError::Unsuited("the subject names no PostgreSQL of its chart under `database.bundled`".into())
        })
    }

    /// Whether that workload is the chart's PostgreSQL, also that of a second release.
    pub(in crate::bench) fn is_of_bundled(&self, workload: &str) -> bool {
        self.installation.bundled.as_ref().is_some_and(|server| server.is_of(workload))
    }

    /// Installs every release or upgrades it, with that password for its PostgreSQL.
    ///
    /// # Errors
    /// When the subject does not say which value is the password, or Helm refuses.
    pub(crate) async fn install_with_password(
        &self,
        helm: &Utf8Path,
        password: &SecretString,
    ) -> Result<(), BenchError> {
        let path = self.password_value()?.to_owned();
        self.register_password(password)?;
        self.install(helm, &[(path, password.expose_secret().into())]).await
    }

    /// Installs the chart of the bundled PostgreSQL once more in this namespace, as a second release with a password of its
    /// own, and returns its PostgreSQL.
    ///
    /// # Errors
    /// When the names of its objects do not follow that of the release, or Helm refuses.
    pub(crate) async fn install_beside(
        &self,
        helm: &Utf8Path,
        password: &SecretString,
    ) -> Result<BundledServer, BenchError> {
        let server = self.bundled()?;
        let beside = server.of_release(BESIDE).ok_or_else(|| {
            BenchError::Unsuited(format!(
                "statefulset/{} does not have its name from release {}, so a second release cannot stand beside it",
                server.stateful_set, server.release
            ))
        })?;
        let path = self.password_value()?.to_owned();
        self.register_password(password)?;
        let own = self.installation.releases.iter().find(|release| release.name == server.release);
        let own = own.ok_or_else(|| BenchError::Unsuited(format!("release {} is not installed", server.release)))?;
        let release = Release { name: BESIDE.to_owned(), ..own.clone() };
        self.install_release(helm, &release, &[(path, password.expose_secret().into())]).await?;
        self.register_credentials().await?;
        Ok(beside)
    }

    /// Takes such a second release away, with its data.
    ///
    /// # Errors
    /// When Helm or the API server refuses.
    pub(crate) async fn remove_beside(&self, helm: &Utf8Path, beside: &BundledServer) -> Result<(), BenchError> {
        let own = self.installation.releases.first();
        if let Some(own) = own {
            let release = Release { name: beside.release.clone(), ..own.clone() };
            self.uninstall_release(helm, &release).await?;
        }
        self.remove_claims(beside).await
    }

    fn password_value(&self) -> Result<&str, BenchError> {
        self.bundled()?.password_value.as_deref().ok_or_else(|| {
            BenchError::Unsuited(
                "the subject does not say which value is the password; write \
                                  `database.bundled.passwordValue`"
                    .into(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::BundledServer;

    fn named(stateful_set: &str) -> BundledServer {
        BundledServer {
            release: "certctl".into(),
            stateful_set: stateful_set.into(),
            superuser: "certctl".into(),
            password_value: None,
            keeping_data: None,
            deleting_data: None,
        }
    }

    #[rstest]
    #[case::own("certctl-postgres", "statefulset/certctl-postgres", true)]
    #[case::of_the_second_release("certctl-postgres", "statefulset/beside-postgres", true)]
    #[case::of_the_application("certctl-postgres", "statefulset/certctl", false)]
    #[case::of_somebody_else("certctl-postgres", "statefulset/metrics-postgres", false)]
    #[case::named_as_the_release("certctl", "statefulset/certctl", true)]
    #[case::application_beside_one_named_as_the_release("certctl", "statefulset/certctl-server", false)]
    #[case::fixed_name("postgres", "statefulset/postgres", true)]
    #[case::of_another_kind("certctl-postgres", "deployment/certctl-postgres", false)]
    fn a_workload_is_the_postgresql_of_the_chart(
        #[case] stateful_set: &str,
        #[case] workload: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(named(stateful_set).is_of(workload), expected);
    }

    #[test]
    fn a_second_release_has_names_of_its_own() {
        let server = named("certctl-postgres");
        assert_eq!(server.of_release("beside").unwrap().stateful_set, "beside-postgres");
        assert_eq!(named("postgres").of_release("beside"), None, "both releases would have the same StatefulSet");
    }
}
