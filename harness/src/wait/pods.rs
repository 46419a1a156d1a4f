//! What the state of a pod says about its future.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

/// States of a waiting container that do not mend themselves while nothing else changes.
const TERMINAL: &[&str] = &[
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];

/// Says what keeps a pod from ever becoming ready by itself, if anything does.
///
/// `CrashLoopBackOff` counts only after the third restart: before that it may be waiting for its database.
pub fn trouble_of(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let init = status.init_container_statuses.iter().flatten();
    let main = status.container_statuses.iter().flatten();
    let trouble = init.chain(main).find_map(trouble_of_container)?;
    Some(format!("pod {}: {trouble}", pod.name_any()))
}

fn trouble_of_container(status: &ContainerStatus) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let crashing = reason == "CrashLoopBackOff" && status.restart_count >= 3;
    if !crashing && !TERMINAL.contains(&reason) {
        return None;
    }
    let message = waiting.message.as_deref().unwrap_or("no message");
    // One code for what is missing and for what a busy kubelet has not fetched yet; its words alone tell them apart.
    if message.starts_with("failed to sync ") {
        return None;
    }
    Some(format!("container {}: {reason}: {message}", status.name))
}

/// The workload that a pod belongs to, as kubectl writes it, `deployment/agents`.
///
/// A ReplicaSet's name is its Deployment's plus the hash that the pod carries as a label.
pub fn workload_of(pod: &Pod) -> String {
    let Some(owner) = pod.owner_references().iter().find(|owner| owner.controller == Some(true)) else {
        return format!("pod/{}", pod.name_any());
    };
    let hash = pod.labels().get("pod-template-hash");
    match (owner.kind.as_str(), hash) {
        ("ReplicaSet", Some(hash)) => {
            let name = owner.name.strip_suffix(&format!("-{hash}")).unwrap_or(&owner.name);
            format!("deployment/{name}")
        }
        (kind, _) => format!("{}/{}", kind.to_lowercase(), owner.name),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use rstest::rstest;
    use serde_json::json;

    use super::{trouble_of, workload_of};

    fn pod_waiting(reason: &str, restarts: i32) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "agents-7d9f-x2k", "labels": {"pod-template-hash": "7d9f"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "agents-7d9f", "uid": "1",
                    "controller": true}]},
            "status": {"containerStatuses": [{"name": "server", "image": "a", "imageID": "", "ready": false,
                "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "secret not found"}}}]}
        }))
        .unwrap()
    }

    #[rstest]
    #[case::config_error("CreateContainerConfigError", 0, true)]
    #[case::image_pull("ImagePullBackOff", 0, true)]
    #[case::starting("ContainerCreating", 0, false)]
    #[case::first_crash("CrashLoopBackOff", 1, false)]
    #[case::keeps_crashing("CrashLoopBackOff", 3, true)]
    fn trouble_is_what_does_not_mend_itself(#[case] reason: &str, #[case] restarts: i32, #[case] terminal: bool) {
        assert_eq!(trouble_of(&pod_waiting(reason, restarts)).is_some(), terminal);
    }

    #[test]
    fn what_the_kubelet_has_not_fetched_yet_is_no_trouble() {
        let mut pod = pod_waiting("CreateContainerConfigError", 0);
        let statuses = pod.status.as_mut().and_then(|status| status.container_statuses.as_mut()).unwrap();
        let waiting = statuses[0].state.as_mut().and_then(|state| state.waiting.as_mut()).unwrap();
        waiting.message = Some("failed to sync secret cache: timed out waiting for the condition".into());
        assert_eq!(trouble_of(&pod), None);
    }

    #[test]
    fn trouble_names_pod_container_and_message() {
        assert_eq!(
            trouble_of(&pod_waiting("CreateContainerConfigError", 0)).unwrap(),
            "pod agents-7d9f-x2k: container server: CreateContainerConfigError: secret not found"
        );
    }

    #[test]
    fn a_pod_of_a_replica_set_belongs_to_the_deployment() {
        assert_eq!(workload_of(&pod_waiting("ContainerCreating", 0)), "deployment/agents");
    }
}
