//! Waits for what the consumers of a database do: sessions that come and go, logins and refusals in the server's log, a CA
//! that is followed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::new_pods::{has_failed, is_new};
use crate::bench::{Bench, BenchError};
use crate::digest::sha256;
use crate::error::Chain;
use crate::probe::{LoggedFailure, LoggedLogin, ServerLog, Session};
use crate::record::PodState;
use crate::wait::{Budget, Progress, WaitError, poll_until};

/// A heartbeat, a probe or a new session of a pool comes within seconds.
const LOGGED_IN: Budget = Budget::seconds("every client to log in once more", 45);

/// Longer than a pool may be between two sessions, and than a log takes to tell of one.
const CONNECTS: Budget = Budget::seconds("a pod of the releases to have a session", 30);

pub(in crate::bench) const NO_CLIENT: &str = "no workload was a client of the database";

impl Bench {
    /// Waits until a pod of the releases has a session, as this role if one is named.
    pub(crate) async fn somebody_connects(&self, role: Option<&str>) -> Result<(), WaitError> {
        self.session_of_new_pod(&[], role, self.allow(CONNECTS)).await
    }

    /// Watches for a session of a pod that was not known, as this role if one is named; ends at the first one.
    pub(crate) async fn session_of_new_pod(
        &self,
        known: &[PodState],
        role: Option<&str>,
        budget: Budget,
    ) -> Result<(), WaitError> {
        self.sessions_show(budget, |pods, sessions| {
            let new = pods.iter().filter(|pod| is_new(pod, known));
            let addresses: BTreeSet<&str> = new.filter_map(|pod| pod.address.as_deref()).collect();
            let of_role = |session: &&Session| role.is_none_or(|role| session.role == role);
            let mut of_role = sessions.iter().filter(of_role);
            (!of_role.any(|session| addresses.contains(session.client.as_str())))
                .then(|| format!("none of {} sessions is of such a pod", sessions.len()))
        })
        .await
    }

    /// Waits until no client has a session as this role that began before a time.
    pub(crate) async fn sessions_end(&self, before: Timestamp, role: &str, budget: Budget) -> Result<(), WaitError> {
        self.sessions_show(budget, |pods, sessions| {
            // The writer keeps its sessions on purpose.
            let of_a_pod = |one: &&Session| pods.iter().any(|pod| is_of(pod, &one.client));
            let of_before = |one: &&Session| one.role == role && one.began < before;
            let kept = sessions.iter().filter(of_a_pod).find(of_before);
            kept.map(|session| format!("there is still one: {session}"))
        })
        .await
    }

    /// Waits until a new pod of each of these workloads tried to come to the database, in vain or not, or ended by itself.
    /// A pooler does not say whom it saw go; then one of anybody has to do.
    pub(crate) async fn new_pods_try(
        &self,
        known: &[PodState],
        workloads: &BTreeSet<String>,
        since: Timestamp,
        budget: Budget,
    ) -> Result<(), WaitError> {
        self.log_tells(since, budget, |pods, log| {
            let logins = log.logins.iter().map(|one| one.client.as_str());
            let came: BTreeSet<&str> = logins.chain(log.failures.iter().map(|one| one.client.as_str())).collect();
            let tried = |pod: &&PodState| {
                let came = came.contains("") || pod.address.as_deref().is_some_and(|address| came.contains(address));
                came || pod.restarts > 0 || has_failed(pod)
            };
            let trying = pods.iter().filter(|pod| is_new(pod, known)).filter(tried);
            absent(workloads, trying).map(|workload| format!("no new pod of {workload} has come to the database yet"))
        })
        .await
    }

    /// Waits until each of these workloads was turned away since a time: a handshake or login of a pod of its failed. A
    /// pooler does not say whose handshake it was; then one of anybody has to do, if it was later than `alone`, when
    /// nobody else was there any more.
    pub(crate) async fn turned_away(
        &self,
        workloads: &BTreeSet<String>,
        since: Timestamp,
        alone: Timestamp,
        budget: Budget,
    ) -> Result<(), WaitError> {
        let counts = |one: &&LoggedFailure| !one.client.is_empty() || one.at > alone;
        let clients = |log: &ServerLog| log.failures.iter().filter(counts).map(|one| one.client.clone()).collect();
        self.each_is_in_the_log(workloads, since, budget, clients).await
    }

    /// Waits until each of these workloads connected since a time, or was turned away.
    pub(crate) async fn connects_anew(
        &self,
        workloads: &BTreeSet<String>,
        since: Timestamp,
        budget: Budget,
    ) -> Result<(), WaitError> {
        let clients = |log: &ServerLog| {
            let logins = log.logins.iter().map(|one| one.client.clone());
            let failures = log.failures.iter().filter(|one| !one.client.is_empty());
            logins.chain(failures.map(|one| one.client.clone())).collect()
        };
        self.each_is_in_the_log(workloads, since, budget, clients).await
    }

    async fn each_is_in_the_log(
        &self,
        workloads: &BTreeSet<String>,
        since: Timestamp,
        budget: Budget,
        clients: impl Fn(&ServerLog) -> BTreeSet<String>,
    ) -> Result<(), WaitError> {
        self.log_tells(since, budget, |pods, log| {
            let clients = clients(log);
            if workloads.is_empty() {
                return Some(NO_CLIENT.into());
            }
            if clients.contains("") {
                return None;
            }
            let seen = |pod: &&PodState| pod.address.as_ref().is_some_and(|address| clients.contains(address));
            absent(workloads, pods.iter().filter(seen))
                .map(|workload| format!("the server's log tells of no pod of {workload} yet"))
        })
        .await
    }

    /// Waits until the log tells of a handshake that somebody broke off who is no pod of the subject.
    pub(crate) async fn turns_a_stranger_away(&self, since: Timestamp, budget: Budget) -> Result<(), WaitError> {
        self.log_tells(since, budget, |pods, log| {
            let stranger = |client: &str| !client.is_empty() && pods.iter().all(|pod| !is_of(pod, client));
            let turned_away = log.failures.iter().any(|one| one.refused && stranger(&one.client));
            let seen = log.failures.len();
            (!turned_away).then(|| format!("{seen} failed handshakes or logins, none of them of a stranger"))
        })
        .await
    }

    /// Waits until every pod of these workloads has logged in as this role since a time, and each has one.
    pub(crate) async fn every_client_logs_in(
        &self,
        clients: &BTreeSet<String>,
        role: &str,
        since: Timestamp,
        budget: Budget,
    ) -> Result<(), WaitError> {
        self.log_tells(since, budget, |pods, log| {
            let of_role: Vec<&LoggedLogin> = log.logins.iter().filter(|one| one.role == role).collect();
            let logged_in = |pod: &PodState| of_role.iter().any(|one| is_of(pod, &one.client));
            if clients.is_empty() {
                return Some(NO_CLIENT.into());
            }
            if let Some(workload) = absent(clients, pods) {
                return Some(format!("{workload} has no pod"));
            }
            let silent = pods.iter().filter(|pod| clients.contains(&pod.workload)).find(|pod| !logged_in(pod));
            silent.map(|pod| format!("pod {} has not logged in as {role} since", pod.name))
        })
        .await
    }

    /// The same, where nothing has to reach a pod first.
    pub(crate) async fn every_client_logs_in_soon(
        &self,
        clients: &BTreeSet<String>,
        role: &str,
        since: Timestamp,
    ) -> Result<(), WaitError> {
        self.every_client_logs_in(clients, role, since, self.allow(LOGGED_IN)).await
    }

    /// Looks at the pods beside the server's log since a time until nothing is missing any more.
    async fn log_tells(
        &self,
        since: Timestamp,
        budget: Budget,
        missing: impl Fn(&[PodState], &ServerLog) -> Option<String>,
    ) -> Result<(), WaitError> {
        poll_until(budget, || async {
            let seen = futures::try_join!(self.pod_glances(), self.server_log(since));
            progress(seen.map(|(pods, log)| missing(&pods, &log)))
        })
        .await
    }

    /// Looks at the pods beside the sessions until nothing is missing any more.
    async fn sessions_show(
        &self,
        budget: Budget,
        missing: impl Fn(&[PodState], &[Session]) -> Option<String>,
    ) -> Result<(), WaitError> {
        poll_until(budget, || async {
            let seen = futures::try_join!(self.pod_glances(), self.sessions());
            progress(seen.map(|(pods, sessions)| missing(&pods, &sessions)))
        })
        .await
    }

    /// Waits until every pod trusts the published CA and has a session that began after `since`.
    pub(crate) async fn consumers_follow_ca(&self, since: Timestamp, budget: Budget) -> Result<(), WaitError> {
        poll_until(budget, || async { progress(self.laggard(since).await) }).await
    }

    async fn laggard(&self, since: Timestamp) -> Result<Option<String>, BenchError> {
        let (pods, sessions) = futures::try_join!(self.pod_glances(), self.sessions())?;
        let has_session = |pod: &&PodState| {
            sessions.iter().filter(|session| is_of(pod, &session.client)).any(|session| session.began > since)
        };
        if pods.is_empty() {
            return Ok(Some("no release has a pod".into()));
        }
        if let Some(pod) = pods.iter().find(|pod| !has_session(pod)) {
            return Ok(Some(format!("pod {} has no session that began under the new CA", pod.name)));
        }
        let (wanted, pods) = futures::try_join!(self.ca_pem(), self.pod_states())?;
        let wanted = sha256(wanted);
        let trusted = |pod: &PodState| pod.inspected.as_ref()?.ca.as_ref()?.sha256.clone();
        let behind = pods.iter().find(|pod| trusted(pod).is_some_and(|digest| digest != wanted));
        Ok(behind.map(|pod| format!("pod {} still has the old CA file", pod.name)))
    }
}

/// Ready when nothing is missing. What could not be read is asked for again.
fn progress(missing: Result<Option<String>, BenchError>) -> Progress<()> {
    match missing {
        Ok(None) => Progress::Ready(()),
        Ok(Some(reason)) => Progress::NotYet(reason),
        Err(error) => Progress::NotYet(Chain(&error).to_string()),
    }
}

/// The first of these workloads that none of the pods is of.
fn absent<'a, 'b>(workloads: &'a BTreeSet<String>, pods: impl IntoIterator<Item = &'b PodState>) -> Option<&'a String> {
    let present: BTreeSet<&str> = pods.into_iter().map(|pod| pod.workload.as_str()).collect();
    workloads.iter().find(|workload| !present.contains(workload.as_str()))
}

fn is_of(pod: &PodState, client: &str) -> bool {
    pod.address.as_deref() == Some(client)
}
