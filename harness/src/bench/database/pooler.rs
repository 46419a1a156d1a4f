//! A pooler of CloudNativePG between the clients and the server: who comes through it, what it serves, and how it is
//! rolled.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::watcher;

use super::is_ready;
use crate::bench::logs::{Life, lives};
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::probe::{Credential, Login, PoolerLog, Served, ServerLog, Session, Transport};
use crate::wait::{Budget, Objects, Progress, poll_until, watch_until};

/// The label of its pods, with its name.
pub(in crate::bench) const POOLER_LABEL: &str = "cnpg.io/poolerName";

/// The container that clients come to.
const PGBOUNCER: &str = "pgbouncer";

/// Within this time PgBouncer has told of everybody whom it turned away.
const TOLD: SignedDuration = SignedDuration::from_millis(500);

const BACK: Budget = Budget::seconds("other pods of the pooler to be ready", 60);
const LET_IN: Budget = Budget::seconds("the pooler to let the credential of the Secret in", 60);

/// Whoever came through a pooler, and where the poolers are.
pub(in crate::bench) struct Passage {
    addresses: BTreeSet<String>,
    log: PoolerLog,
}

impl Passage {
    /// The sessions of clients, in the place of those that the poolers have with the server.
    pub(in crate::bench) fn sessions(self, of_the_server: Vec<Session>) -> Vec<Session> {
        let direct = of_the_server.into_iter().filter(|session| !self.addresses.contains(&session.client));
        direct.chain(self.log.sessions).collect()
    }

    /// What the server's log tells of others, and the pooler's of those who came to it since a time.
    pub(in crate::bench) fn log(self, mut of_the_server: ServerLog, since: Timestamp) -> ServerLog {
        of_the_server.logins.retain(|login| !self.addresses.contains(&login.client));
        of_the_server.failures.retain(|failure| !self.addresses.contains(&failure.client));
        of_the_server.logins.extend(self.log.logins.into_iter().filter(|login| login.at >= since));
        of_the_server.failures.extend(self.log.failures.into_iter().filter(|failure| failure.at >= since));
        of_the_server.logins.sort_by_key(|login| login.at);
        of_the_server.failures.sort_by_key(|failure| failure.at);
        of_the_server
    }
}

impl Bench {
    /// Who came through the pooler since it runs; nothing where there is none.
    pub(in crate::bench) async fn passage(&self) -> Result<Option<Passage>, BenchError> {
        let Some(pooler) = &self.installation.pooler else { return Ok(None) };
        let pods = self.pods_of_pooler().await?;
        let logs = pods.iter().map(async |pod| {
            // One that is about to begin, or has gone meanwhile, has no log.
            self.log(&pod.name_any(), &Life::current(PGBOUNCER), None).await
        });
        let settled = Timestamp::now().saturating_sub(TOLD).unwrap_or(Timestamp::MIN);
        let mut log = PoolerLog::default();
        for text in try_join_all(logs).await?.into_iter().flatten() {
            let one = PoolerLog::parse(&text, settled);
            log.logins.extend(one.logins);
            log.failures.extend(one.failures);
            log.sessions.extend(one.sessions);
        }
        // A PgBouncer that ended took its sessions with it; who came to it came all the same.
        for text in self.ended_logs_of_pooler(pooler, &pods)? {
            let one = PoolerLog::parse(&text, settled);
            log.logins.extend(one.logins);
            log.failures.extend(one.failures);
        }
        let addresses = pods.iter().filter_map(|pod| pod.status.as_ref()?.pod_ip.clone()).collect();
        Ok(Some(Passage { addresses, log }))
    }

    /// What the lives of a pooler's PgBouncer wrote that are over: before it was restarted, and in pods that are gone.
    fn ended_logs_of_pooler(&self, pooler: &str, pods: &[Pod]) -> Result<Vec<String>, BenchError> {
        let followed = self.logs.followed().into_iter();
        let of_pooler =
            followed.filter(|(_, one)| one.pooler.as_deref() == Some(pooler) && one.life.container == PGBOUNCER);
        let ended = of_pooler.filter(|(_, one)| has_ended(&one.pod, &one.life, pods));
        ended.map(|(file, _)| self.kept_log(&file)).collect()
    }

    /// Kills every pod of the pooler, and returns their unique ids.
    ///
    /// # Errors
    /// When there is none, or the API server refuses.
    pub(crate) async fn kill_pooler(&self) -> Result<BTreeSet<String>, BenchError> {
        let pods = self.pods_of_pooler().await?;
        if pods.is_empty() {
            return Err(BenchError::Unsuited("there is no pod of a pooler to kill".into()));
        }
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        for pod in &pods {
            let killed = self.pods().delete(&pod.name_any(), &at_once).await;
            killed.map_err(|source| self.objects(format!("kill pod {}", pod.name_any()), source))?;
        }
        Ok(pods.iter().filter_map(ResourceExt::uid).collect())
    }

    /// Waits until as many other pods of the pooler are ready as were killed.
    ///
    /// # Errors
    /// When they are not within the budget.
    pub(crate) async fn pooler_is_back(&self, killed: &BTreeSet<String>) -> Result<(), BenchError> {
        let back = watch_until(self.pods(), self.selecting_pooler(), self.allow(BACK), |pods: &Objects<Pod>| {
            let others = pods.values().filter(|pod| pod.uid().is_some_and(|uid| !killed.contains(&uid)));
            match others.filter(|pod| is_ready(pod)).count() {
                count if count >= killed.len() => Progress::Ready(()),
                count => Progress::NotYet(format!("{count} of {} are ready", killed.len())),
            }
        });
        back.await.map_err(|error| self.waited(error))
    }

    /// Nothing where there is none.
    fn selecting_pooler(&self) -> watcher::Config {
        let pooler = self.installation.pooler.as_deref().unwrap_or_default();
        watcher::Config::default().labels(&format!("{POOLER_LABEL}={pooler}"))
    }

    async fn pods_of_pooler(&self) -> Result<Vec<Pod>, BenchError> {
        let Some(pooler) = &self.installation.pooler else { return Ok(Vec::new()) };
        let selection = ListParams::default().labels(&format!("{POOLER_LABEL}={pooler}"));
        let listed = self.pods().list(&selection).await;
        Ok(listed.map_err(|source| self.objects("list the pods of the pooler", source))?.items)
    }

    /// What each pod of the pooler serves in a handshake, under the name of its Service.
    pub(in crate::bench) async fn served_by_pooler(&self, ca: &[u8]) -> Result<Vec<Served>, BenchError> {
        let Some(pooler) = &self.installation.pooler else { return Ok(Vec::new()) };
        let mut served = Vec::new();
        for pod in self.pods_of_pooler().await? {
            if pod.metadata.deletion_timestamp.is_none() {
                served.extend(self.shake_hands_at(&pod.name_any(), pooler, ca).await);
            }
        }
        Ok(served)
    }

    /// Logs in through the pooler as the application would; nothing where there is none.
    ///
    /// # Errors
    /// When its pods or the CA cannot be read.
    pub(crate) async fn try_through_pooler(&self, credential: &Credential) -> Result<Option<Login>, BenchError> {
        let Some(pooler) = &self.installation.pooler else { return Ok(None) };
        let ca = self.ca_pem().await?;
        let pods = self.pods_of_pooler().await?;
        let Some(pod) = pods.iter().find(|pod| pod.metadata.deletion_timestamp.is_none()) else {
            return Ok(Some(Login::Unknown { reason: format!("pooler {pooler} has no pod") }));
        };
        let transport = Transport::Verified { name: pooler, ca: &ca };
        Ok(Some(self.log_in_at(&pod.name_any(), credential, transport).await))
    }

    /// Waits until a login through the pooler is accepted.
    ///
    /// After one login that failed at the server, PgBouncer refuses everybody for `server_login_retry`.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn pooler_accepts(&self, credential: &Credential) -> Result<(), BenchError> {
        let accepted = poll_until(self.allow(LET_IN), || async {
            match self.try_through_pooler(credential).await {
                Ok(None | Some(Login::Accepted)) => Progress::Ready(()),
                Ok(Some(other)) => Progress::NotYet(other.to_string()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        accepted.await.map_err(|error| self.waited(error))
    }

    /// Rolls the pooler, which reads its certificate when it starts; nothing where there is none.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn roll_pooler(&self) -> Result<(), BenchError> {
        let Some(pooler) = &self.installation.pooler else { return Ok(()) };
        self.restart_one::<Deployment>(pooler).await
    }
}

/// Whether a life of a container in a pod of that name is over: another one followed, or the pod is gone.
fn has_ended(name: &str, life: &Life, pods: &[Pod]) -> bool {
    let now = pods.iter().filter(|pod| pod.name_any() == name).flat_map(lives);
    !now.into_iter().any(|now| now.is_still(life))
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan};
    use k8s_openapi::api::core::v1::Pod;
    use rstest::rstest;
    use serde_json::json;

    use super::{PGBOUNCER, Passage, has_ended};
    use crate::bench::logs::Life;
    use crate::probe::{LoggedLogin, PoolerLog, ServerLog, Session};

    fn session(client: &str) -> Session {
        Session { role: "app".into(), client: client.into(), encrypted: true, began: Timestamp::UNIX_EPOCH }
    }

    fn login(client: &str, seconds: i64) -> LoggedLogin {
        let at = Timestamp::UNIX_EPOCH.saturating_add(seconds.seconds()).unwrap();
        LoggedLogin { at, role: "app".into(), client: client.into(), encrypted: true }
    }

    fn passage() -> Passage {
        let logins = vec![login("10.0.0.1", 1), login("10.0.0.1", 9)];
        let log = PoolerLog { logins, sessions: vec![session("10.0.0.1")], ..PoolerLog::default() };
        Passage { addresses: ["10.0.0.7".to_owned()].into(), log }
    }

    #[test]
    fn clients_stand_where_the_pooler_stood() {
        let sessions = passage().sessions(vec![session("10.0.0.7"), session("10.0.0.2")]);
        assert_eq!(sessions, [session("10.0.0.2"), session("10.0.0.1")]);
    }

    #[test]
    fn only_logins_since_then_are_told() {
        let of_the_server =
            ServerLog { logins: vec![login("10.0.0.7", 8), login("10.0.0.2", 10)], ..ServerLog::default() };
        let since = Timestamp::UNIX_EPOCH.saturating_add(5.seconds()).unwrap();
        let log = passage().log(of_the_server, since);
        assert_eq!(log.logins, [login("10.0.0.1", 9), login("10.0.0.2", 10)]);
    }

    #[rstest]
    #[case::that_goes_on("pooler-1", 0, false)]
    #[case::before_a_restart("pooler-1", 1, true)]
    #[case::of_a_pod_that_is_gone("pooler-0", 0, true)]
    fn the_first_life_of_a_pgbouncer(#[case] pod: &str, #[case] restarts: i32, #[case] ended: bool) {
        let status = json!({
            "name": PGBOUNCER, "image": "p", "imageID": "", "ready": true, "restartCount": restarts,
            "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 2}},
        });
        let pods: Vec<Pod> = vec![
            serde_json::from_value(
                json!({"metadata": {"name": "pooler-1"}, "status": {"containerStatuses": [status]}}),
            )
            .unwrap(),
        ];
        assert_eq!(has_ended(pod, &Life::current(PGBOUNCER), &pods), ended);
    }
}
