//! Waits for what the consumers of a database do: new pods that answer, sessions that appear, a CA that is followed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;

use super::rollout::OF_A_RELEASE;
use super::{Bench, BenchError, CaInputs};
use crate::digest::sha256;
use crate::error::Chain;
use crate::probe::{LoggedFailure, LoggedLogin, ServerLog, Session};
use crate::record::PodState;
use crate::wait::{Budget, Progress, WaitError, poll_until};

/// A heartbeat, a probe or a new session of a pool comes within seconds.
const LOGGED_IN: Budget = Budget::seconds("every client to log in once more", 45);
const NEW_PODS: Budget = Budget::seconds("new pods of every workload to run", 60);

/// Longer than a pool may be between two sessions, and than a log takes to tell of one.
const CONNECTS: Budget = Budget::seconds("a pod of the releases to have a session", 30);

pub(super) const NO_CLIENT: &str = "no workload was a client of the database";

impl Bench {
    /// The values through which the chart is told its CA.
    ///
    /// # Errors
    /// When the subject does not say.
    pub(crate) fn ca_inputs(&self) -> Result<&CaInputs, BenchError> {
        self.installation.ca.as_ref().ok_or_else(|| {
            BenchError::Unsuited("the subject does not say under `database.ca` which values name its CA".into())
        })
    }

    /// The name of the CloudNativePG cluster.
    ///
    /// # Errors
    /// When the subject has none.
    pub(crate) fn database_name(&self) -> Result<&str, BenchError> {
        self.installation.database.as_deref().ok_or_else(|| {
            BenchError::Unsuited("the subject names no CloudNativePG cluster under `database.cluster`".into())
        })
    }

    /// Waits until every workload has a pod that was not known and that runs.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn new_pods_run(&self, known: &[PodState]) -> Result<(), BenchError> {
        let runs = |pod: &PodState| pod.address.is_some() && pod.waiting.is_none();
        let waited = self.new_pods(known, self.allow(NEW_PODS), |pod| runs(pod) || pod.ready || pod.restarts > 0);
        waited.await.map_err(|error| self.waited(error))
    }

    /// Waits until every workload has a pod that was not known and that is ready, or has a warning that names `missing`.
    ///
    /// The first warning of a blocked pod may only say that the kubelet has not looked yet.
    pub(crate) async fn new_pods_answer(
        &self,
        known: &[PodState],
        missing: &str,
        budget: Budget,
    ) -> Result<(), WaitError> {
        let began = Timestamp::now();
        let warned = std::cell::RefCell::new(BTreeSet::new());
        poll_until(budget, || async {
            if let Ok(warnings) = self.warnings(began).await {
                let telling = warnings.into_iter().filter(|(_, texts)| texts.iter().any(|text| text.contains(missing)));
                warned.borrow_mut().extend(telling.map(|(pod, _)| pod));
            }
            let answered = |pod: &PodState| pod.ready || warned.borrow().contains(&pod.name);
            self.new_pods_now(known, answered).await
        })
        .await
    }

    /// Waits until every workload has a pod that was not known and that is ready, or that ended by itself.
    pub(crate) async fn new_pods_start_or_fail(&self, known: &[PodState], budget: Budget) -> Result<(), WaitError> {
        self.new_pods(known, budget, |pod| pod.ready || pod.restarts > 0 || has_failed(pod)).await
    }

    async fn new_pods(
        &self,
        known: &[PodState],
        budget: Budget,
        wanted: impl Fn(&PodState) -> bool,
    ) -> Result<(), WaitError> {
        poll_until(budget, || self.new_pods_now(known, &wanted)).await
    }

    async fn new_pods_now(&self, known: &[PodState], wanted: impl Fn(&PodState) -> bool) -> Progress<()> {
        let pods = match self.pod_glances().await {
            Ok(pods) => pods,
            Err(error) => return Progress::NotYet(Chain(&error).to_string()),
        };
        let workloads: BTreeSet<&str> = known.iter().map(|pod| pod.workload.as_str()).collect();
        let missing = workloads.into_iter().find(|workload| {
            let of_workload = pods.iter().filter(|pod| pod.workload == *workload);
            let new = of_workload.filter(|pod| known.iter().all(|old| old.uid != pod.uid));
            !new.into_iter().any(&wanted)
        });
        match missing {
            Some(workload) => Progress::NotYet(format!("{workload} has no new pod of that kind")),
            None if known.is_empty() => Progress::NotYet("no workload had a pod before".into()),
            None => Progress::Ready(()),
        }
    }

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
        poll_until(budget, || async {
            let (pods, sessions) = match futures::try_join!(self.pod_glances(), self.sessions()) {
                Ok(seen) => seen,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            let new = pods.iter().filter(|pod| known.iter().all(|old| old.uid != pod.uid));
            let addresses: BTreeSet<&str> = new.filter_map(|pod| pod.address.as_deref()).collect();
            let of_role = |session: &&Session| role.is_none_or(|role| session.role == role);
            match sessions.iter().filter(of_role).any(|session| addresses.contains(session.client.as_str())) {
                true => Progress::Ready(()),
                false => Progress::NotYet(format!("none of {} sessions is of such a pod", sessions.len())),
            }
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
        poll_until(budget, || async {
            let (pods, log) = match futures::try_join!(self.pod_glances(), self.server_log(since)) {
                Ok(seen) => seen,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            let logins = log.logins.iter().map(|one| one.client.as_str());
            let came: BTreeSet<&str> = logins.chain(log.failures.iter().map(|one| one.client.as_str())).collect();
            let tried = |pod: &PodState| {
                let came = came.contains("") || pod.address.as_deref().is_some_and(|address| came.contains(address));
                came || pod.restarts > 0 || has_failed(pod)
            };
            let new = |pod: &&PodState| known.iter().all(|old| old.uid != pod.uid);
            let trying: BTreeSet<&str> =
                pods.iter().filter(new).filter(|pod| tried(pod)).map(|pod| pod.workload.as_str()).collect();
            match workloads.iter().find(|workload| !trying.contains(workload.as_str())) {
                Some(workload) => Progress::NotYet(format!("no new pod of {workload} has come to the database yet")),
                None => Progress::Ready(()),
            }
        })
        .await
    }

    /// Waits until none of these pods is there any more, not even on its way out.
    pub(crate) async fn known_pods_are_gone(&self, known: &[PodState], budget: Budget) -> Result<(), WaitError> {
        poll_until(budget, || async {
            let listed = self.pods().list_metadata(&ListParams::default().labels(OF_A_RELEASE)).await;
            let listed = match listed {
                Ok(listed) => listed,
                Err(error) => return Progress::NotYet(error.to_string()),
            };
            let is_known = |uid: &String| known.iter().any(|pod| pod.uid == *uid);
            match listed.items.iter().find(|pod| pod.metadata.uid.as_ref().is_some_and(is_known)) {
                Some(pod) => Progress::NotYet(format!("pod {} is still there", pod.name_any())),
                None => Progress::Ready(()),
            }
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

    /// Waits until the log tells of a handshake that somebody broke off who is no pod of the subject.
    pub(crate) async fn turns_a_stranger_away(&self, since: Timestamp, budget: Budget) -> Result<(), WaitError> {
        poll_until(budget, || async {
            let (pods, log) = match futures::try_join!(self.pod_glances(), self.server_log(since)) {
                Ok(seen) => seen,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            let stranger = |client: &str| pods.iter().all(|pod| pod.address.as_deref() != Some(client));
            if log.failures.iter().any(|one| one.refused && !one.client.is_empty() && stranger(&one.client)) {
                Progress::Ready(())
            } else {
                Progress::NotYet(format!(
                    "{} failed handshakes or logins, none of them of a stranger",
                    log.failures.len()
                ))
            }
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
        poll_until(budget, || async {
            let (pods, log) = match futures::try_join!(self.pod_glances(), self.server_log(since)) {
                Ok(seen) => seen,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            let of_role: Vec<&LoggedLogin> = log.logins.iter().filter(|one| one.role == role).collect();
            let logged_in = |pod: &PodState| of_role.iter().any(|one| pod.address.as_deref() == Some(&one.client));
            let podless = |workload: &&String| pods.iter().all(|pod| pod.workload != **workload);
            if let Some(workload) = clients.iter().find(podless) {
                return Progress::NotYet(format!("{workload} has no pod"));
            }
            match pods.iter().filter(|pod| clients.contains(&pod.workload)).find(|pod| !logged_in(pod)) {
                Some(pod) => Progress::NotYet(format!("pod {} has not logged in as {role} since", pod.name)),
                None if clients.is_empty() => Progress::NotYet(NO_CLIENT.into()),
                None => Progress::Ready(()),
            }
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

    /// Waits until no client has a session as this role that began before a time.
    pub(crate) async fn sessions_end(&self, before: Timestamp, role: &str, budget: Budget) -> Result<(), WaitError> {
        poll_until(budget, || async {
            let (pods, sessions) = match futures::try_join!(self.pod_glances(), self.sessions()) {
                Ok(seen) => seen,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            // The writer keeps its sessions on purpose.
            let of_a_pod = |one: &&Session| pods.iter().any(|pod| pod.address.as_deref() == Some(&one.client));
            let of_before = |one: &&Session| one.role == role && one.began < before;
            match sessions.iter().filter(of_a_pod).find(of_before) {
                Some(session) => Progress::NotYet(format!("there is still one: {session}")),
                None => Progress::Ready(()),
            }
        })
        .await
    }

    /// Waits until no pod of these workloads calls itself ready.
    pub(crate) async fn none_is_ready(&self, workloads: &BTreeSet<String>, budget: Budget) -> Result<(), WaitError> {
        poll_until(budget, || async {
            match self.pod_glances().await {
                Ok(pods) => match pods.iter().find(|pod| pod.ready && workloads.contains(&pod.workload)) {
                    Some(pod) => Progress::NotYet(format!("pod {} calls itself ready", pod.name)),
                    None if workloads.is_empty() => Progress::NotYet(NO_CLIENT.into()),
                    None => Progress::Ready(()),
                },
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        })
        .await
    }

    async fn each_is_in_the_log(
        &self,
        workloads: &BTreeSet<String>,
        since: Timestamp,
        budget: Budget,
        clients: impl Fn(&ServerLog) -> BTreeSet<String>,
    ) -> Result<(), WaitError> {
        poll_until(budget, || async {
            if workloads.is_empty() {
                return Progress::NotYet(NO_CLIENT.into());
            }
            let (pods, log) = match futures::try_join!(self.pod_glances(), self.server_log(since)) {
                Ok(seen) => seen,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            let clients = clients(&log);
            if clients.contains("") {
                return Progress::Ready(());
            }
            let seen = |pod: &&PodState| pod.address.as_ref().is_some_and(|address| clients.contains(address));
            let seen: BTreeSet<&str> = pods.iter().filter(seen).map(|pod| pod.workload.as_str()).collect();
            match workloads.iter().find(|workload| !seen.contains(workload.as_str())) {
                Some(workload) => Progress::NotYet(format!("the server's log tells of no pod of {workload} yet")),
                None => Progress::Ready(()),
            }
        })
        .await
    }

    /// Waits until every pod trusts the published CA and has a session that began after `since`.
    pub(crate) async fn consumers_follow_ca(&self, since: Timestamp, budget: Budget) -> Result<(), WaitError> {
        poll_until(budget, || async {
            match self.laggard(since).await {
                Ok(Some(reason)) => Progress::NotYet(reason),
                Ok(None) => Progress::Ready(()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        })
        .await
    }

    async fn laggard(&self, since: Timestamp) -> Result<Option<String>, BenchError> {
        let (pods, sessions) = futures::try_join!(self.pod_glances(), self.sessions())?;
        let has_session = |pod: &&PodState| {
            let of_pod = |session: &&Session| pod.address.as_deref() == Some(&session.client);
            sessions.iter().filter(of_pod).any(|session| session.began > since)
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

/// Whether a container waits for something else than its own beginning.
fn has_failed(pod: &PodState) -> bool {
    let begins = |reason: &str| ["ContainerCreating", "PodInitializing"].iter().any(|one| reason.starts_with(one));
    pod.waiting.as_deref().is_some_and(|reason| !begins(reason))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::has_failed;
    use crate::record::PodState;

    #[rstest]
    #[case::running(None, false)]
    #[case::not_begun(Some("ContainerCreating"), false)]
    #[case::not_begun_after_others(Some("PodInitializing"), false)]
    #[case::ended(Some("CrashLoopBackOff: back-off 10s restarting failed container"), true)]
    #[case::cannot_begin(Some("CreateContainerConfigError: secret \"x\" not found"), true)]
    fn a_pod_has_failed(#[case] waiting: Option<&str>, #[case] expected: bool) {
        let pod: PodState = serde_json::from_value(serde_json::json!({
            "name": "a", "workload": "deployment/a", "uid": "u", "ready": false, "restarts": 0, "images": {},
        }))
        .unwrap();
        assert_eq!(has_failed(&PodState { waiting: waiting.map(str::to_owned), ..pod }), expected);
    }
}
