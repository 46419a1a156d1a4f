//! The names of all disturbances.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A named disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// Install into a fresh namespace with the declared prerequisites, and watch it become ready.
    Install,
    /// Replace the operator's CA by one with a new key, in the recommended order.
    RotateCa,
    /// Give the workloads a CA that did not sign the server's certificate.
    ForeignCa,
    /// Start the workloads without the CA Secret's key, then without the Secret.
    MissingCa,
    /// Take the CA away from the values.
    WithoutCa,
    /// Upgrade twice without a change.
    Upgrade,
    /// Install as an account that is bound in its namespace only.
    TenantInstall,
    /// Tell the workloads an sslmode that does not exist.
    ForcedMode,
    /// Give the application's role a password that a URL cannot hold as it is.
    HostilePassword,
    /// Replace a CA of our own by one with a new key, while clients trust both.
    RotateBundle,
    /// Put a wrong CA into the Secret that clients trust, and the prior one back.
    RollBackCa,
    /// Install, rotate the CA and go back as the chart's README says.
    FollowCaDocumentation,
    /// Run what copies the CA again: twice at once, around manifests applied by force, from an empty source, and from
    /// another namespace.
    CopyAgain,
    /// Change the password in its Secret while a writer writes; restart the primary and roll the release back.
    RotatePassword,
    /// The same, and every pod of the application is killed before it could take the change up.
    RotateKillingClients,
    /// The same, while the primary's pod is deleted.
    RotateLosingPrimary,
    /// The same, while the primary hands over to the other instance.
    RotateSwitchingOver,
    /// The same, and every pod of the pooler is killed.
    RotateKillingPooler,
    /// The same, while the kubelet of every node is stopped for 20 s.
    RotateWithoutKubelet,
    /// The same, and the API server is killed.
    RotateKillingApiServer,
    /// The same, while the operator is scaled to zero.
    RotateWithoutOperator,
    /// Change the password twice in a row, then to the value that it has.
    RotateAgain,
    /// Delete the Secret with the credential while a writer writes, and have it made again.
    RecreateCredential,
    /// Change the password in the database alone, so that nobody knows it.
    BreakCredential,
    /// Upgrade with another password for a PostgreSQL that has data, then restart whoever dials it.
    ChangeFirstPassword,
    /// Uninstall, and install again over the volume that was kept: with the same password, then with another.
    Reinstall,
    /// Lose the password, and follow the documented way that keeps the data.
    MendKeepingData,
    /// Follow the documented way that begins with an empty volume, beside a second release.
    MendDeletingData,
    /// Rotate an API key as it is documented, while clients never stop asking.
    RotateApiKey,
    /// Migrate empty databases: without two prerequisites, killed half-way, while a password changes, and again.
    Migrate,
    /// Install on empty databases while Helm waits and rolls back what fails, by each Helm there is.
    InstallWaiting,
    /// Start every replica that migrates when it starts at the same moment on an empty database, twice.
    StartTogether,
}

impl Experiment {
    /// Every one there is.
    pub const ALL: &[Self] = &[
        Self::Install,
        Self::RotateCa,
        Self::ForeignCa,
        Self::MissingCa,
        Self::WithoutCa,
        Self::Upgrade,
        Self::TenantInstall,
        Self::ForcedMode,
        Self::HostilePassword,
        Self::RotateBundle,
        Self::RollBackCa,
        Self::FollowCaDocumentation,
        Self::CopyAgain,
        Self::RotatePassword,
        Self::RotateKillingClients,
        Self::RotateLosingPrimary,
        Self::RotateSwitchingOver,
        Self::RotateKillingPooler,
        Self::RotateWithoutKubelet,
        Self::RotateKillingApiServer,
        Self::RotateWithoutOperator,
        Self::RotateAgain,
        Self::RecreateCredential,
        Self::BreakCredential,
        Self::ChangeFirstPassword,
        Self::Reinstall,
        Self::MendKeepingData,
        Self::MendDeletingData,
        Self::RotateApiKey,
        Self::Migrate,
        Self::InstallWaiting,
        Self::StartTogether,
    ];

    /// The name as files and command lines write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::RotateCa => "rotate-ca",
            Self::ForeignCa => "foreign-ca",
            Self::MissingCa => "missing-ca",
            Self::WithoutCa => "without-ca",
            Self::Upgrade => "upgrade",
            Self::TenantInstall => "tenant-install",
            Self::ForcedMode => "forced-mode",
            Self::HostilePassword => "hostile-password",
            Self::RotateBundle => "rotate-bundle",
            Self::RollBackCa => "roll-back-ca",
            Self::FollowCaDocumentation => "follow-ca-documentation",
            Self::CopyAgain => "copy-again",
            Self::RotatePassword => "rotate-password",
            Self::RotateKillingClients => "rotate-killing-clients",
            Self::RotateLosingPrimary => "rotate-losing-primary",
            Self::RotateSwitchingOver => "rotate-switching-over",
            Self::RotateKillingPooler => "rotate-killing-pooler",
            Self::RotateWithoutKubelet => "rotate-without-kubelet",
            Self::RotateKillingApiServer => "rotate-killing-api-server",
            Self::RotateWithoutOperator => "rotate-without-operator",
            Self::RotateAgain => "rotate-again",
            Self::RecreateCredential => "recreate-credential",
            Self::BreakCredential => "break-credential",
            Self::ChangeFirstPassword => "change-first-password",
            Self::Reinstall => "reinstall",
            Self::MendKeepingData => "mend-keeping-data",
            Self::MendDeletingData => "mend-deleting-data",
            Self::RotateApiKey => "rotate-api-key",
            Self::Migrate => "migrate",
            Self::InstallWaiting => "install-waiting",
            Self::StartTogether => "start-together",
        }
    }
}

impl fmt::Display for Experiment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Experiment;

    #[test]
    fn all_are_as_many_as_the_schema_has() {
        let schema = schemars::schema_for!(Experiment).to_value();
        let known: Vec<&serde_json::Value> =
            schema["oneOf"].as_array().unwrap().iter().map(|one| &one["const"]).collect();
        assert_eq!(known, Experiment::ALL.iter().map(|one| one.name()).collect::<Vec<_>>());
    }
}
