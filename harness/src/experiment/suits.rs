//! For which databases an experiment is: a CA or a role that CloudNativePG keeps is nothing that another one has.

use super::fault::Fault;
use crate::record::Experiment;
use crate::subject::{Database, HighAvailability};

impl Experiment {
    /// Why a subject whose database is of another kind does not meet this experiment; nothing if it does, or if the
    /// subject does not say what its database is.
    pub fn unsuited(self, database: &Database) -> Option<String> {
        self.unsuited_kind(database)
            .or_else(|| self.unsuited_size(database))
            .or_else(|| self.undocumented(database))
            .or_else(|| self.uncopied(database))
            .or_else(|| self.unmigrated(database))
    }

    fn undocumented(self, database: &Database) -> Option<String> {
        let documented = database.ca.as_ref().is_some_and(|ca| ca.documented.is_some());
        (self == Self::FollowCaDocumentation && !documented).then(|| {
            format!(
                "experiment {self} runs commands as they are written, and `database.ca.documented` names no headings \
                 under which they stand"
            )
        })
    }

    fn uncopied(self, database: &Database) -> Option<String> {
        (self == Self::CopyAgain && database.ca_sync.is_none()).then(|| {
            format!("experiment {self} runs what copies the CA, and `database.caSync` names nothing that does")
        })
    }

    fn unmigrated(self, database: &Database) -> Option<String> {
        (self == Self::StartTogether && database.migrates_on_start.is_empty()).then(|| {
            format!(
                "experiment {self} starts what migrates when it starts, and `database.migratesOnStart` names nothing \
                 that does"
            )
        })
    }

    fn unsuited_kind(self, database: &Database) -> Option<String> {
        let kind = match database {
            Database { bundled: Some(_), .. } => "is bundled with its chart",
            Database { external: Some(_), .. } => "is run by somebody else",
            _ => return None,
        };
        self.is_for_clusters()
            .then(|| format!("experiment {self} is for a database of CloudNativePG, and the subject's {kind}"))
    }

    /// A hand-over needs somebody to hand over to, and may lose nothing only where both have what was acknowledged.
    fn unsuited_size(self, database: &Database) -> Option<String> {
        if self.fault() != Some(Fault::SwitchedOver) {
            return None;
        }
        match database.high_availability {
            Some(HighAvailability { instances: 2.., synchronous: true }) => None,
            Some(HighAvailability { instances: 2.., synchronous: false }) => Some(format!(
                "experiment {self} needs `database.highAvailability.synchronous: true`: without it a database may lose \
                 what it acknowledged, which is no fault of the chart"
            )),
            _ => Some(format!(
                "experiment {self} needs a second instance, which `database.highAvailability.instances` does not declare"
            )),
        }
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
            | Self::FollowCaDocumentation
            | Self::CopyAgain
            | Self::RotatePassword
            | Self::RotateKillingClients
            | Self::RotateLosingPrimary
            | Self::RotateSwitchingOver
            | Self::RotateKillingPooler
            | Self::RotateWithoutKubelet
            | Self::RotateKillingApiServer
            | Self::RotateWithoutOperator
            | Self::RotateAgain
            | Self::RecreateCredential
            | Self::BreakCredential
            | Self::Migrate
            | Self::InstallWaiting
            | Self::StartTogether => true,
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

    use crate::record::Experiment;
    use crate::subject::Database;

    #[rstest]
    #[case::a_cluster(r#"{"cluster": "db"}"#, Experiment::RotateCa, None)]
    #[case::not_said("{}", Experiment::RotateCa, None)]
    #[case::bundled(r#"{"bundled": {"statefulSet": "db"}}"#, Experiment::RotateCa, Some("is bundled with its chart"))]
    #[case::bundled_and_installed(r#"{"bundled": {"statefulSet": "db"}}"#, Experiment::Install, None)]
    #[case::no_headings(
        r#"{"cluster": "db", "ca": {}}"#,
        Experiment::FollowCaDocumentation,
        Some("under which they stand")
    )]
    #[case::one_instance(r#"{"cluster": "db"}"#, Experiment::RotateSwitchingOver, Some("does not declare"))]
    #[case::asynchronous(
        r#"{"cluster": "db", "highAvailability": {"instances": 2}}"#,
        Experiment::RotateSwitchingOver,
        Some("which is no fault of the chart")
    )]
    #[case::synchronous(
        r#"{"cluster": "db", "highAvailability": {"instances": 3, "synchronous": true}}"#,
        Experiment::RotateSwitchingOver,
        None
    )]
    #[case::nothing_migrates(r#"{"cluster": "db"}"#, Experiment::StartTogether, Some("names nothing that does"))]
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
