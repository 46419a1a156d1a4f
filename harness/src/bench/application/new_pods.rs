//! Waits for pods that an experiment brings about: new ones that run, answer or fail, old ones that are gone or not ready.

use std::cell::RefCell;
use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;

use super::{NO_CLIENT, OF_A_RELEASE};
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::record::PodState;
use crate::wait::{Budget, Progress, WaitError, poll_until};

const NEW_PODS: Budget = Budget::seconds("new pods of every workload to run", 60);

impl Bench {
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
        let warned = RefCell::new(BTreeSet::new());
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
            !of_workload.filter(|pod| is_new(pod, known)).any(&wanted)
        });
        match missing {
            Some(workload) => Progress::NotYet(format!("{workload} has no new pod of that kind")),
            None if known.is_empty() => Progress::NotYet("no workload had a pod before".into()),
            None => Progress::Ready(()),
        }
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
}

/// Whether a pod was not there when the known ones were.
pub(super) fn is_new(pod: &PodState, known: &[PodState]) -> bool {
    known.iter().all(|old| old.uid != pod.uid)
}

/// Whether a container waits for something else than its own beginning.
pub(super) fn has_failed(pod: &PodState) -> bool {
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
