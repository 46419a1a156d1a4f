//! For which databases an experiment is: a CA or a role that CloudNativePG keeps is nothing that another one has.

use super::Experiment;
use crate::subject::Database;

impl Experiment {
    /// Why a subject whose database is of another kind does not meet this experiment; nothing if it does, or if the
    /// subject does not say what its database is.
    pub fn unsuited(self, database: &Database) -> Option<String> {
        let kind = match database {
            Database { bundled: Some(_), .. } => "is bundled with its chart",
            Database { external: Some(_), .. } => "is run by somebody else",
            _ => return None,
        };
        self.is_for_clusters()
            .then(|| format!("experiment {self} is for a database of CloudNativePG, and the subject's {kind}"))
    }

    /// Whether it disturbs what CloudNativePG keeps.
    fn is_for_clusters(self) -> bool {
        match self {
            Self::RotateCa
            | Self::ForeignCa
            | Self::MissingCa
            | Self::WithoutCa
            | Self::HostilePassword
            | Self::RotateBundle
            | Self::RollBackCa
            | Self::RotatePassword
            | Self::RotateAgain
            | Self::RecreateCredential
            | Self::BreakCredential => true,
            Self::Install
            | Self::Upgrade
            | Self::TenantInstall
            | Self::ForcedMode
            | Self::ChangeFirstPassword
            | Self::Reinstall
            | Self::MendKeepingData
            | Self::MendDeletingData
            | Self::RotateApiKey => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Experiment;
    use crate::subject::Database;

    #[rstest]
    #[case::a_cluster(r#"{"cluster": "db"}"#, Experiment::RotateCa, None)]
    #[case::not_said("{}", Experiment::RotateCa, None)]
    #[case::bundled(r#"{"bundled": {"statefulSet": "db"}}"#, Experiment::RotateCa, Some("is bundled with its chart"))]
    #[case::bundled_and_installed(r#"{"bundled": {"statefulSet": "db"}}"#, Experiment::Install, None)]
    #[case::external(r#"{"external": {}}"#, Experiment::BreakCredential, Some("is run by somebody else"))]
    fn an_experiment_is_for_a_database(
        #[case] database: &str,
        #[case] experiment: Experiment,
        #[case] expected: Option<&str>,
    ) {
        let database: Database = serde_json::from_str(database).unwrap();
        let reason = experiment.unsuited(&database);
        assert_eq!(reason.is_some(), expected.is_some());
        assert!(reason.unwrap_or_default().ends_with(expected.unwrap_or_default()));
    }
}
