//! Whether the control plane stayed up: whoever lost a connection wants to know whether the API server went, or the way
//! to it.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::{Api, Client};

/// The label that kubeadm gives its static pods.
const STATIC_PODS: &str = "tier=control-plane";

/// The restarts of the control plane so far, in words; `None` if it cannot be told.
pub(super) async fn restarts(client: &Client) -> Option<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    let pods = pods.list(&ListParams::default().labels(STATIC_PODS)).await.ok()?;
    if pods.items.is_empty() {
        return None;
    }
    let told: Vec<String> = pods.items.iter().flat_map(statuses).filter_map(told).collect();
    Some(if told.is_empty() { "none".into() } else { told.join(", ") })
}

fn statuses(pod: &Pod) -> &[ContainerStatus] {
    pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default()
}

fn told(status: &ContainerStatus) -> Option<String> {
    let count = status.restart_count;
    let last = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
    let when = last.and_then(|last| last.finished_at.as_ref()).map(|at| format!(", the last at {}", at.0));
    (count > 0).then(|| format!("{} {count} times{}", status.name, when.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::{statuses, told};

    #[test]
    fn a_restart_is_told_with_its_count_and_its_time() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "kube-apiserver-node" },
            "status": { "containerStatuses": [
                { "name": "kube-apiserver", "ready": true, "restartCount": 2, "image": "", "imageID": "",
                  "lastState": { "terminated": { "exitCode": 137, "finishedAt": "2026-01-02T03:04:05Z" } } },
                { "name": "etcd", "ready": true, "restartCount": 0, "image": "", "imageID": "" },
            ] },
        }))
        .unwrap();
        let told: Vec<String> = statuses(&pod).iter().filter_map(told).collect();
        assert_eq!(told, ["kube-apiserver 2 times, the last at 2026-01-02T03:04:05Z"]);
    }
}
