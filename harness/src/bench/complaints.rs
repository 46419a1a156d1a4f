//! What the pods of the releases log about a refused password.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{ListParams, LogParams};

use super::rollout::OF_A_RELEASE;
use super::{Bench, BenchError};
use crate::error::Chain;
use crate::experiment::{Complaint, RemedyHeadings};
use crate::wait::{Budget, Progress, WaitError, poll_until, workload_of};

impl Bench {
    /// What each pod has logged about a refused password since a time, also in a container that was restarted.
    ///
    /// # Errors
    /// When the pods cannot be listed. A log that cannot be read has no complaint.
    pub(crate) async fn complaints(&self, since: Timestamp) -> Result<Vec<Complaint>, BenchError> {
        let listed = self.pods().list(&ListParams::default().labels(OF_A_RELEASE)).await;
        let listed = listed.map_err(|source| self.objects("list the pods", source))?;
        let all = listed.items.iter().map(|pod| self.complaint_of(pod, since));
        Ok(join_all(all).await.into_iter().flatten().collect())
    }

    /// Waits until a pod of each of these workloads has logged a refused password.
    pub(crate) async fn each_complains(
        &self,
        workloads: &BTreeSet<String>,
        since: Timestamp,
        budget: Budget,
    ) -> Result<(), WaitError> {
        poll_until(budget, || async {
            match self.complaints(since).await {
                Ok(complaints) => {
                    let complains = |workload: &&String| complaints.iter().any(|one| one.workload == **workload);
                    match workloads.iter().find(|workload| !complains(workload)) {
                        Some(workload) => Progress::NotYet(format!("no pod of {workload} has logged 28P01")),
                        None => Progress::Ready(()),
                    }
                }
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        })
        .await
    }

    async fn complaint_of(&self, pod: &Pod, since: Timestamp) -> Option<Complaint> {
        let elapsed = Timestamp::now().duration_since(since).as_secs().max(0) + 1;
        let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let mut log = String::new();
        for status in statuses {
            for previous in [true, false] {
                if previous && status.restart_count == 0 {
                    continue;
                }
                let container = Some(status.name.clone());
                let parameters =
                    LogParams { container, previous, since_seconds: Some(elapsed), ..LogParams::default() };
                log.push_str(&self.pods().logs(&pod.name_any(), &parameters).await.unwrap_or_default());
            }
        }
        let bundled = self.installation.bundled.as_ref();
        let heading = |of: Option<&super::Procedure>| of.map(|procedure| procedure.heading.clone());
        let keeping = heading(bundled.and_then(|server| server.keeping_data.as_ref()));
        let deleting = heading(bundled.and_then(|server| server.deleting_data.as_ref()));
        let headings = RemedyHeadings { keeping_data: keeping.as_deref(), deleting_data: deleting.as_deref() };
        Complaint::read(&pod.name_any(), &workload_of(pod), &log, headings)
    }
}
