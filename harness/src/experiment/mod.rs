//! Named disturbances, each run once per subject and overlay, leaving a sealed record.
//!
//! Only this module's children change anything on a cluster that a subject runs on. Checks read what they leave.

mod asked;
mod authority;
mod break_credential;
mod campaign;
mod change;
mod change_first_password;
mod complaint;
mod copied;
mod copy_again;
mod diary;
mod documented;
mod fault;
mod first_boot;
mod follow_ca_documentation;
mod forced_mode;
mod foreign_ca;
mod hostile_password;
mod inspection;
mod install;
mod install_waiting;
mod mend_deleting_data;
mod mend_keeping_data;
mod migrate;
mod migrated;
mod missing_ca;
mod pooler;
mod radius;
mod reach;
mod record;
mod recreate_credential;
mod reinstall;
mod rendezvous;
mod roll_back_ca;
mod rotate_again;
mod rotate_api_key;
mod rotate_bundle;
mod rotate_ca;
mod rotate_password;
mod rotate_under_fault;
mod rotation;
mod seats;
mod snapshot;
mod standing;
mod start_together;
mod stored;
mod suits;
mod tenant_install;
mod upgrade;
mod without_ca;
mod witness;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::asked::Asked;
pub use self::authority::CredentialState;
pub use self::break_credential::{BROKEN_ROLE, CORRECT, CORRECTED, UNREADY};
pub use self::campaign::{Campaign, Line, conduct, conduct_line};
pub use self::change::PodChange;
pub use self::change_first_password::{RESTART_CLIENTS, UPGRADED};
pub use self::complaint::{Complaint, RemedyHeadings};
pub use self::copied::{CopiedCa, WAYS_BEYOND, WAYS_NEEDED};
pub use self::copy_again::{ACROSS, APPLIED, COPIED_THROUGH, COPIED_TWICE, RUN};
pub use self::documented::{COMMANDS, THROUGH};
pub use self::first_boot::{NEW_PASSWORD_TAKEN, SETTLED_ON_IT};
pub use self::follow_ca_documentation::{INSTALLED_AS_WRITTEN, ROLLED_BACK_AS_WRITTEN, ROTATED_AS_WRITTEN};
pub use self::inspection::{InspectedCa, InspectedCertificate, InspectedMount, Inspection};
pub use self::install::{PLAINTEXT, SETTLED, VERIFIED};
pub use self::install_waiting::after_waiting;
pub use self::migrate::{AMID_A_ROTATION, BACK, KILL, KILLED, MIGRATED, OFF, PROVIDED, TAKEN, UNPROVIDED};
pub use self::migrated::{Attempt, Schema};
pub use self::missing_ca::{MISSING_SECRET, MISSING_SECRET_NAME, WRONG_KEY, WRONG_KEY_NAME};
pub use self::radius::Radius;
pub use self::reach::{Account, DatabaseState, Entrance};
pub use self::record::{Exposed, LoggedFailure, LoggedLogin, PodImage, PodState, Record, Session, Step};
pub use self::recreate_credential::{BY_ITSELF, BY_UPGRADE, DELETE, MADE_BY, WITHOUT};
pub use self::reinstall::{REINSTALLED, WITH_ANOTHER_PASSWORD};
pub use self::rendezvous::Rendezvous;
pub use self::roll_back_ca::{OLD_PODS_GONE, PRIOR_CA_BACK};
pub use self::rotate_again::{CHANGED_AGAIN, SAME_VALUE};
pub use self::rotate_api_key::{EMPTY_KEY, NEW_KEY, NO_KEY, OLD_KEY};
pub use self::rotate_bundle::{NEW_LEAF_SERVED, OLD_CA_ALONE};
pub use self::rotate_ca::{COPY_FOLLOWS, ON_THE_WIRE};
pub use self::rotate_password::RESTARTED;
pub use self::rotate_under_fault::{FAULT, FAULT_OVER, UNTAKEN};
pub use self::rotation::{
    ACCEPT, CHANGED, DECLARED_STEPS, DRAIN, DRAIN_UNAIDED, DRAINED, FOLLOW, FOLLOW_AFTER_STEPS, FOLLOWED, FRESH_GAP,
    NEW_ACCEPTED, NEW_CREDENTIAL, NEW_THROUGH_POOLER, OLD_CREDENTIAL, OLD_REFUSED, OLD_THROUGH_POOLER, REFUSE,
    STEADY_GAP,
};
pub use self::seats::Seats;
pub use self::snapshot::Snapshot;
pub use self::standing::{erect, revisit};
pub use self::start_together::STARTED;
pub use self::stored::Stored;
pub use self::tenant_install::{RULES_THE_CLUSTER, TENANT_INSTALLED};
pub use self::upgrade::INTENDED;
pub use self::witness::Witness;

/// The moment before a disturbance.
pub const BEFORE: &str = "before";
/// The moment while a disturbance lasts.
pub const DURING: &str = "during";
/// The moment when a disturbance is over and everything had its time to recover.
pub const AFTER: &str = "after";

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

/// The sealed records of one subject under one overlay.
#[derive(Debug, Default)]
pub struct Records {
    records: BTreeMap<Experiment, Record>,
    /// What was not run, and why, where that is worth a word.
    excused: BTreeMap<Experiment, Option<String>>,
}

impl Records {
    /// The record of an experiment, if it was run and came to its end.
    ///
    /// The engine asks a check only when every experiment that its requirement names has such a record.
    pub fn of(&self, experiment: Experiment) -> Option<&Record> {
        self.records.get(&experiment).filter(|record| record.broken.is_none())
    }

    /// The records of these experiments that there are, in their order.
    pub fn all_of<'a>(&'a self, experiments: &'a [Experiment]) -> impl Iterator<Item = &'a Record> {
        experiments.iter().filter_map(|experiment| self.of(*experiment))
    }

    /// Says why an experiment under a fault was not run, so that its absence is no obstacle.
    pub fn excuse(&mut self, experiment: Experiment, reason: impl Into<String>) {
        self.excused.insert(experiment, Some(reason.into()));
    }

    /// Says that the subject has nothing that the fault of an experiment could befall.
    pub fn spare(&mut self, experiment: Experiment) {
        self.excused.insert(experiment, None);
    }

    /// Whether an experiment was not run, and nobody expected that.
    pub fn is_excused(&self, experiment: Experiment) -> bool {
        self.excused.contains_key(&experiment)
    }

    /// Why an experiment was not run, if somebody said so.
    pub fn excused(&self, experiment: Experiment) -> Option<&str> {
        self.excused.get(&experiment)?.as_deref()
    }

    /// Why an experiment cannot be judged from, if it cannot.
    pub fn obstacle(&self, experiment: Experiment) -> Option<String> {
        match self.records.get(&experiment) {
            None if self.is_excused(experiment) => None,
            None => Some(format!("experiment {experiment} left no record")),
            Some(record) => record.broken.as_ref().map(|reason| format!("experiment {experiment} broke off: {reason}")),
        }
    }
}

impl FromIterator<Record> for Records {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let records = records.into_iter().map(|record| (record.experiment, record)).collect();
        Self { records, excused: BTreeMap::new() }
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
