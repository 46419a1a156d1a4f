//! What the pods of the releases log about a refused password.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;

use super::pod_log::lives_of_main;
use crate::bench::application::{NO_CLIENT, OF_A_RELEASE};
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::record::{Complaint, RemedyHeadings};
use crate::wait::{Budget, Progress, WaitError, poll_until, workload_of};

impl Bench {
    /// What each pod has logged about a refused password since a time, also in a container that was restarted.
    ///
    /// # Errors
    /// When the pods cannot be listed, or a log cannot be read: then nobody knows whether it has a complaint.
    pub(crate) async fn complaints(&self, since: Timestamp) -> Result<Vec<Complaint>, BenchError> {
        let listed = self.pods().list(&ListParams::default().labels(OF_A_RELEASE)).await;
        let listed = listed.map_err(|source| self.objects("list the pods", source))?;
        let all = listed.items.iter().map(|pod| self.complaint_of(pod, since));
        Ok(try_join_all(all).await?.into_iter().flatten().collect())
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
                        None if workloads.is_empty() => Progress::NotYet(NO_CLIENT.into()),
                        None => Progress::Ready(()),
                    }
                }
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        })
        .await
    }

    async fn complaint_of(&self, pod: &Pod, since: Timestamp) -> Result<Option<Complaint>, BenchError> {
        let mut log = String::new();
        for life in lives_of_main(pod) {
            log.extend(self.log(&pod.name_any(), &life, Some(since)).await?);
        }
        let bundled = self.installation.bundled.as_ref();
        let heading = |of: Option<&crate::bench::Procedure>| of.map(|procedure| procedure.heading.clone());
        let keeping = heading(bundled.and_then(|server| server.keeping_data.as_ref()));
        let deleting = heading(bundled.and_then(|server| server.deleting_data.as_ref()));
        let headings = RemedyHeadings { keeping_data: keeping.as_deref(), deleting_data: deleting.as_deref() };
        Ok(Complaint::read(&pod.name_any(), &workload_of(pod), &log, headings))
    }
}
