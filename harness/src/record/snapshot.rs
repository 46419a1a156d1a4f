//! What was seen of a bench at one moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ROLE;
use super::asked::Asked;
use super::complaint::Complaint;
use super::copied::CopiedCa;
use super::credential::CredentialState;
use super::exposed::Exposed;
use super::migrated::{Attempt, Schema};
use super::pod::PodState;
use super::reach::{Account, DatabaseState, Entrance};
use super::stored::Stored;
use crate::probe::{Certificate, LoggedFailure, LoggedLogin, Login, Served, Session};

/// What was seen at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The moment: `before`, `after`, or what the experiment calls it.
    pub moment: String,
    /// When it was complete.
    pub at: Timestamp,
    /// The pods of the subject's releases.
    pub pods: Vec<PodState>,
    /// Sessions that clients of the subject had with the server.
    pub sessions: Vec<Session>,
    /// Logins that the server's log tells of since the time that the look was given.
    pub logins: Vec<LoggedLogin>,
    /// Logins and handshakes that failed since then, as the server's log tells.
    #[serde(default)]
    pub failures: Vec<LoggedFailure>,
    /// What each endpoint of the database served in a handshake.
    pub served: Vec<Served>,
    /// Logins that the experiment tried itself, by name.
    pub tried: BTreeMap<String, Login>,
    /// What was asked of the cluster or of Helm, and the answer.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
    /// The digests of the credentials in the Secrets of the namespace, by Secret and key.
    #[serde(default)]
    pub credentials: BTreeMap<String, BTreeMap<String, String>>,
    /// The declared credentials beside what the database has of their roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authority: Vec<CredentialState>,
    /// What stood on the volumes of bundled databases, by release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<Stored>,
    /// What databases held, where somebody looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<Schema>,
    /// How an attempt to migrate ended, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// What pods had logged about a refused password.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub complaints: Vec<Complaint>,
    /// What pods of the application answered over HTTP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// How the questions of clients went that never stopped asking, by client and outcome.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clients: BTreeMap<String, BTreeMap<String, u64>>,
    /// Where a live credential stands outside of Secrets; absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<Exposed>,
    /// The accounts of the releases' pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
    /// The declared databases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DatabaseState>,
    /// By what somebody comes to the database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrances: Vec<Entrance>,
    /// The copy of the CA, where something makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<CopiedCa>,
    /// The CA that the subject is told to trust, as its Secret had it.
    pub published_ca: Vec<Certificate>,
    /// Warning events of the namespace that concern pods, `reason: message`, by pod.
    pub warnings: BTreeMap<String, Vec<String>>,
}

/// What was seen at a moment that did not come.
pub(super) static NOTHING: Snapshot = Snapshot {
    moment: String::new(),
    at: Timestamp::UNIX_EPOCH,
    pods: Vec::new(),
    sessions: Vec::new(),
    logins: Vec::new(),
    failures: Vec::new(),
    served: Vec::new(),
    tried: BTreeMap::new(),
    answers: BTreeMap::new(),
    credentials: BTreeMap::new(),
    authority: Vec::new(),
    stored: Vec::new(),
    schemas: Vec::new(),
    attempt: None,
    complaints: Vec::new(),
    asked: Vec::new(),
    clients: BTreeMap::new(),
    exposed: None,
    accounts: Vec::new(),
    databases: Vec::new(),
    entrances: Vec::new(),
    copied: None,
    published_ca: Vec::new(),
    warnings: BTreeMap::new(),
};

impl Snapshot {
    /// The pods by the workload that they belong to.
    pub fn workloads(&self) -> BTreeMap<&str, Vec<&PodState>> {
        let mut workloads: BTreeMap<&str, Vec<&PodState>> = BTreeMap::new();
        for pod in &self.pods {
            workloads.entry(&pod.workload).or_default().push(pod);
        }
        workloads
    }

    /// The workloads whose pods had sessions, or had logged in: a pool may be between two sessions.
    pub fn client_workloads(&self) -> BTreeSet<String> {
        let came_in = |pod: &&PodState| !self.sessions_of(pod).is_empty() || !self.logins_of(pod).is_empty();
        let clients = self.pods.iter().filter(came_in);
        clients.map(|pod| pod.workload.clone()).collect()
    }

    /// Those of them that an experiment concerns: where it changes the credential of a role, nobody who comes in as
    /// another one is.
    pub fn clients_concerned(&self) -> BTreeSet<String> {
        self.answers.get(ROLE).map_or_else(|| self.client_workloads(), |role| self.client_workloads_of(role))
    }

    /// Those of them that came in as that role.
    pub fn client_workloads_of(&self, role: &str) -> BTreeSet<String> {
        let came_in = |pod: &&PodState| {
            let sessions = self.sessions_of(pod).into_iter().map(|session| &session.role);
            sessions.chain(self.logins_of(pod).into_iter().map(|login| &login.role)).any(|one| one == role)
        };
        self.pods.iter().filter(came_in).map(|pod| pod.workload.clone()).collect()
    }

    /// The digests of the public keys of the CA that the subject is told to trust.
    pub fn ca_keys(&self) -> Vec<&str> {
        self.published_ca.iter().map(|ca| ca.spki_sha256.as_str()).collect()
    }

    /// What stood on the volume of a release, if somebody looked.
    pub fn stored_of(&self, release: &str) -> Option<&Stored> {
        self.stored.iter().find(|stored| stored.release == release)
    }

    /// The pod with an id, if it was there.
    pub fn pod(&self, uid: &str) -> Option<&PodState> {
        self.pods.iter().find(|pod| pod.uid == uid)
    }

    /// The pods that were not there at another moment.
    pub fn pods_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = &'a PodState> {
        self.pods.iter().filter(|pod| earlier.pods.iter().all(|known| known.uid != pod.uid))
    }

    /// The sessions of a pod, by its address.
    pub fn sessions_of(&self, pod: &PodState) -> Vec<&Session> {
        self.sessions.iter().filter(|session| pod.address.as_deref() == Some(&session.client)).collect()
    }

    /// The failures of a pod, by its address.
    pub fn failures_of(&self, pod: &PodState) -> Vec<&LoggedFailure> {
        self.failures.iter().filter(|failure| pod.address.as_deref() == Some(&failure.client)).collect()
    }

    /// Handshakes that a client broke off because of the certificate, and nobody wrote down which: a pooler does not say.
    pub fn refusals_of_nobody(&self) -> impl Iterator<Item = &LoggedFailure> {
        self.failures.iter().filter(|failure| failure.refused && failure.client.is_empty())
    }

    /// The logins of a pod, by its address.
    pub fn logins_of(&self, pod: &PodState) -> Vec<&LoggedLogin> {
        self.logins.iter().filter(|login| pod.address.as_deref() == Some(&login.client)).collect()
    }
}
