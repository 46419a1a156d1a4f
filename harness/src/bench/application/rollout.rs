//! When the workloads of a bench have settled: every pod is of the newest template and ready, and no old one is left.
//!
//! A Deployment that is Available is not settled: it may still be serving from old pods.

use std::cell::Cell;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};

use crate::bench::database::{is_ready, phase};
use crate::bench::{Bench, BenchError};
use crate::record::PodState;
use crate::wait::{Budget, Objects, Progress, poll_until, trouble_of, watch_until};

/// Pods of the operator carry one of the first two labels, pods of ours the third.
pub(in crate::bench) const OF_A_RELEASE: &str = "!cnpg.io/cluster,!cnpg.io/jobRole,!holdfast.dev/tool";

/// On pods that Holdfast puts beside the releases: whoever waits for theirs must not wait for these.
pub(in crate::bench) const TOOL_LABEL: &str = "holdfast.dev/tool";

const ROLLOUT: Budget = Budget::seconds("every workload to be rolled out and ready", 90);

/// Longer than the longest probe that a chart may have, several times over.
const STAYS: Budget = Budget::seconds("every pod to stay ready", 120);

impl Bench {
    /// Waits until every Deployment, StatefulSet and DaemonSet of the namespace has settled.
    ///
    /// # Errors
    /// When the budget is used up or a pod is in a state that does not mend itself.
    pub async fn settle(&self) -> Result<(), BenchError> {
        self.settle_beside(&[]).await
    }

    /// The same, and that every pod stays ready for as long as its probe takes to notice the contrary: right after
    /// something has ended, a pod still says what was true before.
    ///
    /// # Errors
    /// When the budget is used up or a pod is in a state that does not mend itself.
    pub(crate) async fn settle_for_good(&self) -> Result<(), BenchError> {
        self.settle().await?;
        let ready_since = Cell::new(None);
        let stays = poll_until(self.allow(STAYS), || async {
            let pods = match self.pods().list(&ListParams::default().labels(OF_A_RELEASE)).await {
                Ok(pods) => pods.items,
                Err(error) => return Progress::NotYet(error.to_string()),
            };
            // What ran to its end is not ready any more.
            let running = || pods.iter().filter(|pod| phase(pod) == "Running");
            if let Some(pod) = running().find(|pod| !is_ready(pod)) {
                ready_since.set(None);
                return Progress::NotYet(format!("pod {} is not ready", pod.name_any()));
            }
            let window = running().map(notices_within).max().unwrap_or_default();
            let since = ready_since.get().unwrap_or_else(Instant::now);
            ready_since.set(Some(since));
            match since.elapsed() {
                elapsed if elapsed >= window => Progress::Ready(()),
                _ => Progress::NotYet(format!("every pod is ready, not yet for {} s", window.as_secs())),
            }
        });
        stays.await.map_err(|error| self.waited(error))
    }

    /// Waits as [`Self::settle`] does, while pods that a disturbance brought into trouble may still be there: they are on their way out.
    ///
    /// # Errors
    /// When the budget is used up or another pod is in a state that does not mend itself.
    pub(crate) async fn settle_beside(&self, disturbed: &[PodState]) -> Result<(), BenchError> {
        let rollout = self.allow(ROLLOUT).at_least(self.installation.restart_budget);
        let deployments: Api<Deployment> = self.api();
        let stateful_sets: Api<StatefulSet> = self.api();
        let daemon_sets: Api<DaemonSet> = self.api();
        let settled = async {
            watch_until(deployments, watcher::Config::default(), rollout, |objects| {
                all(objects, |deployment: &Deployment| behind(deployment_counts(deployment)))
            })
            .await?;
            watch_until(stateful_sets, watcher::Config::default(), rollout, |objects| {
                all(objects, |set: &StatefulSet| behind(stateful_set_counts(set)))
            })
            .await?;
            watch_until(daemon_sets, watcher::Config::default(), rollout, |objects| {
                all(objects, |set: &DaemonSet| behind(daemon_set_counts(set)))
            })
            .await
        };
        let troubled = watch_until(
            self.pods(),
            watcher::Config::default().labels(OF_A_RELEASE),
            rollout,
            |pods: &Objects<Pod>| {
                let known = |pod: &&Pod| disturbed.iter().any(|one| pod.metadata.uid.as_deref() == Some(&one.uid));
                match pods.values().filter(|pod| !known(pod)).find_map(trouble_of) {
                    Some(trouble) => Progress::<()>::Hopeless(trouble),
                    None => Progress::NotYet("no pod is in trouble".into()),
                }
            },
        );
        tokio::select! {
            biased;
            outcome = settled => outcome.map_err(|error| self.waited(error)),
            trouble = troubled => match trouble {
                Err(error) => Err(self.waited(error)),
                Ok(()) => Ok(()),
            },
        }
    }
}

/// How long after the fact a pod stops saying that it is ready.
fn notices_within(pod: &Pod) -> Duration {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let probes = containers.filter_map(|container| container.readiness_probe.as_ref());
    let seconds = probes.map(|probe| {
        let period = probe.period_seconds.unwrap_or(10);
        period * (probe.failure_threshold.unwrap_or(3) + 1) + probe.timeout_seconds.unwrap_or(1)
    });
    Duration::from_secs(seconds.max().and_then(|most| u64::try_from(most).ok()).unwrap_or(0))
}

fn all<K: ResourceExt>(objects: &Objects<K>, behind: impl Fn(&K) -> Option<String>) -> Progress<()> {
    match objects.values().find_map(|object| behind(object).map(|reason| format!("{}: {reason}", object.name_any()))) {
        Some(reason) => Progress::NotYet(reason),
        None => Progress::Ready(()),
    }
}

/// Counts of replicas, with the generation that the controller has seen.
struct Counts {
    seen_current: bool,
    wanted: i32,
    total: i32,
    updated: i32,
    ready: i32,
}

fn deployment_counts(deployment: &Deployment) -> Counts {
    let status = deployment.status.clone().unwrap_or_default();
    Counts {
        seen_current: status.observed_generation >= deployment.metadata.generation,
        wanted: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        total: status.replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        ready: status.ready_replicas.unwrap_or(0),
    }
}

fn stateful_set_counts(set: &StatefulSet) -> Counts {
    let status = set.status.clone().unwrap_or_default();
    Counts {
        seen_current: status.observed_generation >= set.metadata.generation,
        wanted: set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        total: status.replicas,
        updated: status.updated_replicas.unwrap_or(0),
        ready: status.ready_replicas.unwrap_or(0),
    }
}

fn daemon_set_counts(set: &DaemonSet) -> Counts {
    let status = set.status.clone().unwrap_or_default();
    Counts {
        seen_current: status.observed_generation >= set.metadata.generation,
        wanted: status.desired_number_scheduled,
        total: status.current_number_scheduled,
        updated: status.updated_number_scheduled.unwrap_or(0),
        ready: status.number_ready,
    }
}

/// Says what is still to come, if anything is.
fn behind(counts: Counts) -> Option<String> {
    let Counts { seen_current, wanted, total, updated, ready } = counts;
    if !seen_current {
        Some("its controller has not seen the newest template".into())
    } else if updated < wanted {
        Some(format!("{updated} of {wanted} pods are of the newest template"))
    } else if total > updated {
        Some(format!("{} old pods are still there", total - updated))
    } else if ready < wanted {
        Some(format!("{ready} of {wanted} pods are ready"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::{Counts, behind, notices_within};

    #[rstest]
    #[case::as_kubernetes_has_it(json!([{"readinessProbe": {"httpGet": {"port": 80}}}]), 41)]
    #[case::the_slowest_of_several(json!([
        {"readinessProbe": {"periodSeconds": 3, "failureThreshold": 2, "timeoutSeconds": 4}},
        {"readinessProbe": {"periodSeconds": 1, "failureThreshold": 1}}, {}
    ]), 13)]
    #[case::without_a_probe(json!([{}]), 0)]
    fn a_probe_notices_within(#[case] containers: serde_json::Value, #[case] seconds: u64) {
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": named(containers)}})).unwrap();
        assert_eq!(notices_within(&pod).as_secs(), seconds);
    }

    fn named(mut containers: serde_json::Value) -> serde_json::Value {
        for container in containers.as_array_mut().unwrap() {
            container["name"] = "a".into();
        }
        containers
    }

    #[rstest]
    #[case::settled(true, 2, 2, 2, 2, None)]
    #[case::unseen(false, 2, 2, 2, 2, Some("its controller has not seen the newest template"))]
    #[case::available_from_old_pods(true, 2, 3, 2, 2, Some("1 old pods are still there"))]
    #[case::not_ready(true, 2, 2, 2, 1, Some("1 of 2 pods are ready"))]
    #[case::scaled_to_nothing(true, 0, 0, 0, 0, None)]
    fn a_workload_is_settled_only_when_nothing_old_is_left(
        #[case] seen_current: bool,
        #[case] wanted: i32,
        #[case] total: i32,
        #[case] updated: i32,
        #[case] ready: i32,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(behind(Counts { seen_current, wanted, total, updated, ready }).as_deref(), expected);
    }
}
