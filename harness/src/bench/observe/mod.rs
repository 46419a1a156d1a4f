//! One look at a bench: its pods, what they trust, their sessions, and what the database serves.
//!
//! Looking changes nothing on the bench.

mod inspect;
mod reach;
mod vigil;

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Event, Pod};
use kube::ResourceExt;
use kube::api::ListParams;
use tokio::time::timeout;

use crate::bench::application::OF_A_RELEASE;
use crate::bench::credential::{ANSWER, digests_of};
use crate::bench::database::is_ready;
use crate::bench::logs::Life;
use crate::bench::{Bench, BenchError};
use crate::cluster::forward;
use crate::error::Chain;
use crate::probe::{Certificate, Served, ServerLog, Session, certificates_of, handshake};
use crate::record::{PodImage, PodState, Snapshot};
use crate::wait::{restarts_of, workload_of};

/// Client sessions over the network; those of the operator use the local socket or a role of its own.
const SESSIONS: &str = "select a.usename as role, host(a.client_addr) as client, coalesce(s.ssl, false) as encrypted, \
     a.backend_start as began from pg_stat_activity a left join pg_stat_ssl s using (pid) \
     where a.backend_type = 'client backend' and a.client_addr is not null and a.application_name <> 'holdfast'";

impl Bench {
    /// Looks at everything that verdicts need; logins are those since `since`.
    ///
    /// # Errors
    /// When the pods cannot be listed. What else cannot be seen is absent from the snapshot.
    pub async fn observe(&self, moment: &str, since: Timestamp) -> Result<Snapshot, BenchError> {
        let (pods, sessions, log, served, warnings) = futures::try_join!(
            self.pod_states(),
            self.sessions(),
            self.server_log(since),
            self.served(),
            self.warnings(since)
        )?;
        let secrets = self.read_secrets().await?;
        let (published_ca, authority) = futures::try_join!(self.published_ca(), self.credential_states(&secrets))?;
        let copied = self.copied_ca(&secrets);
        Ok(Snapshot {
            moment: moment.into(),
            at: Timestamp::now(),
            pods,
            sessions,
            logins: log.logins,
            failures: log.failures,
            served,
            published_ca: published_ca.iter().filter_map(|der| Certificate::of_der(der).ok()).collect(),
            credentials: digests_of(&secrets),
            authority,
            copied,
            warnings,
            ..Snapshot::default()
        })
    }

    /// The pods of the releases, with what their applications say of themselves.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn pod_states(&self) -> Result<Vec<PodState>, BenchError> {
        let pods = self.pods_of_releases().await?;
        Ok(join_all(pods.iter().map(|pod| self.inspected_state(pod))).await)
    }

    /// The same without asking the applications: for waits, which look again and again.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(super) async fn pod_glances(&self) -> Result<Vec<PodState>, BenchError> {
        Ok(self.pods_of_releases().await?.iter().map(|pod| self.state_of(pod)).collect())
    }

    async fn pods_of_releases(&self) -> Result<Vec<Pod>, BenchError> {
        let listed = self.pods().list(&ListParams::default().labels(OF_A_RELEASE)).await;
        let listed = listed.map_err(|source| self.objects("list the pods", source))?;
        Ok(listed.items.into_iter().filter(stays).collect())
    }

    async fn inspected_state(&self, pod: &Pod) -> PodState {
        let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let running =
            statuses.into_iter().any(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()));
        let inspected = if running { self.inspect(pod).await } else { None };
        PodState { inspected, ..self.state_of(pod) }
    }

    fn state_of(&self, pod: &Pod) -> PodState {
        let status = pod.status.clone().unwrap_or_default();
        let containers: Vec<&ContainerStatus> = status.container_statuses.iter().flatten().collect();
        PodState {
            name: pod.name_any(),
            is_database: self.is_of_bundled(&workload_of(pod)),
            workload: workload_of(pod),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            address: status.pod_ip,
            ready: is_ready(pod),
            restarts: restarts_of(pod),
            waiting: containers.iter().find_map(|status| waiting(status)),
            images: self.images_of(pod, &containers),
            inspected: None,
        }
    }

    fn images_of(&self, pod: &Pod, statuses: &[&ContainerStatus]) -> BTreeMap<String, PodImage> {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let image = |container: &Container| {
            let reference = container.image.clone().unwrap_or_default();
            let status = statuses.iter().find(|status| status.name == container.name);
            let id = status.map(|status| status.image_id.clone()).unwrap_or_default();
            let stands_for = self.installation.stand_ins.get(&reference).cloned();
            (container.name.clone(), PodImage { reference, id, stands_for })
        };
        containers.map(image).collect()
    }

    /// The sessions that clients have now, with the server or with the pooler before it.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn sessions(&self) -> Result<Vec<Session>, BenchError> {
        let rows = self.database()?.rows::<Session>(SESSIONS).await;
        let rows = rows.map_err(|source| BenchError::Query { namespace: self.namespace.clone(), source })?;
        Ok(match self.passage().await? {
            Some(passage) => passage.sessions(rows),
            None => rows,
        })
    }

    /// The logins over the network, and those that failed, that the primary's log tells of since a time; of those who
    /// come through a pooler, that of the pooler.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn server_log(&self, since: Timestamp) -> Result<ServerLog, BenchError> {
        let primary = self.database()?.primary().await;
        let primary = primary.map_err(|source| BenchError::Query { namespace: self.namespace.clone(), source })?;
        let log = self.log(&primary, &Life::current("postgres"), Some(since)).await?;
        let log = log.ok_or_else(|| BenchError::Unsuited(format!("pod {primary}, the primary, has no log to read")))?;
        let mut log = ServerLog::parse(&log);
        log.logins.retain(|login| login.at >= since);
        log.failures.retain(|failure| failure.at >= since);
        Ok(match self.passage().await? {
            Some(passage) => passage.log(log, since),
            None => log,
        })
    }

    /// What the database serves in a handshake, by pod, under the name of its read-write Service; and a pooler before it,
    /// under its own.
    ///
    /// # Errors
    /// When the pods or the published CA cannot be read. A handshake that fails is absent.
    pub async fn served(&self) -> Result<Vec<Served>, BenchError> {
        let ca = self.ca_pem().await?;
        let mut served = self.served_by_instances(&ca).await?;
        served.extend(self.served_by_pooler(&ca).await?);
        Ok(served)
    }

    pub(super) async fn served_by_instances(&self, ca: &[u8]) -> Result<Vec<Served>, BenchError> {
        let Some(cluster) = &self.installation.database else { return Ok(Vec::new()) };
        let name = format!("{cluster}-rw");
        let selection = ListParams::default().labels(&format!("cnpg.io/cluster={cluster},cnpg.io/instanceName"));
        let listed = self.pods().list_metadata(&selection).await;
        let listed = listed.map_err(|source| self.objects("list the pods of the database", source))?;
        let pods: Vec<String> = listed.items.iter().map(ResourceExt::name_any).collect();
        let looks = pods.iter().map(|pod| self.shake_hands_at(pod, &name, ca));
        Ok(join_all(looks).await.into_iter().flatten().collect())
    }

    /// What a pod serves in a handshake, under a name; nothing where there is none, or no answer.
    pub(super) async fn shake_hands_at(&self, pod: &str, name: &str, ca: &[u8]) -> Option<Served> {
        let attempt = async {
            let stream = forward(&self.pods(), pod, 5432).await;
            let stream = stream.map_err(|error| tracing::debug!(pod, "{}", Chain(&error))).ok()?;
            let served = handshake(stream, &format!("pod/{pod}"), name, ca).await;
            served.map_err(|error| tracing::debug!(pod, "{}", Chain(&error))).ok()
        };
        timeout(ANSWER, attempt).await.ok().flatten()
    }

    /// The CA that clients are told to trust, PEM.
    pub(crate) async fn ca_pem(&self) -> Result<Vec<u8>, BenchError> {
        let Some(trust) = &self.installation.trust else { return Ok(Vec::new()) };
        let secret = self.secrets().get_opt(&trust.secret).await;
        let secret = secret.map_err(|source| self.objects("read the published CA", source))?;
        let data = secret.and_then(|secret| secret.data).unwrap_or_default();
        Ok(data.get(&trust.key).map(|bytes| bytes.0.clone()).unwrap_or_default())
    }

    async fn published_ca(&self) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, BenchError> {
        Ok(certificates_of(&self.ca_pem().await?).unwrap_or_default())
    }

    /// Warning events about pods since a time, by pod.
    pub(super) async fn warnings(&self, since: Timestamp) -> Result<BTreeMap<String, Vec<String>>, BenchError> {
        let selection = ListParams::default().fields("type=Warning,involvedObject.kind=Pod");
        let listed = self.api::<Event>().list(&selection).await;
        let listed = listed.map_err(|source| self.objects("list the events", source))?;
        let mut warnings: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in listed.items {
            let seen = event.last_timestamp.as_ref().map(|time| time.0).or(event.event_time.map(|time| time.0));
            if seen.is_some_and(|seen| seen.as_second() < since.as_second()) {
                continue;
            }
            let pod = event.involved_object.name.unwrap_or_default();
            let text = format!("{}: {}", event.reason.unwrap_or_default(), event.message.unwrap_or_default());
            warnings.entry(pod).or_default().push(text);
        }
        Ok(warnings)
    }
}

/// Whether a pod is there to stay. Pods of Jobs come and go, and what they were for is told by what they leave; those of
/// hooks, `helm test` among them, end as well, and Helm leaves them there unless the chart says otherwise.
fn stays(pod: &Pod) -> bool {
    let of_a_job = pod.owner_references().iter().any(|owner| owner.kind == "Job");
    pod.metadata.deletion_timestamp.is_none() && !of_a_job && !pod.annotations().contains_key("helm.sh/hook")
}

fn waiting(status: &ContainerStatus) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or("waiting");
    Some(match &waiting.message {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use rstest::rstest;
    use serde_json::json;

    use super::stays;

    #[rstest]
    #[case::of_a_deployment(&json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a", "uid": "u"}]}), true)]
    #[case::of_a_job(&json!({"ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "a", "uid": "u"}]}), false)]
    #[case::of_helm_test(&json!({"annotations": {"helm.sh/hook": "test"}}), false)]
    #[case::about_to_go(&json!({"deletionTimestamp": "2026-01-02T03:04:05Z"}), false)]
    fn a_pod_is_there_to_stay(#[case] metadata: &serde_json::Value, #[case] expected: bool) {
        let pod: Pod = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
        assert_eq!(stays(&pod), expected);
    }
}
