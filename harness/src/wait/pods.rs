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

/// How often something may crash before it is taken for hopeless.
const PATIENCE: i32 = 3;

/// Says what keeps a pod from ever becoming ready by itself, if anything does.
///
/// `CrashLoopBackOff` counts only from the third restart on: before that it may be waiting for its database.
pub fn trouble_of(pod: &Pod) -> Option<String> {
    trouble_after(pod, PATIENCE)
}

/// Says what is wrong with a pod at this moment, also what may mend itself: a container that crashed once, and waits to
/// be started again, is trouble for whoever relied on it.
pub fn trouble_now(pod: &Pod) -> Option<String> {
    trouble_after(pod, 0)
}

/// How often the containers of a pod were started again, in sum, those that prepare it included.
pub fn restarts_of(pod: &Pod) -> i32 {
    containers_of(pod).map(|status| status.restart_count).sum()
}

fn containers_of(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| status.init_container_statuses.iter().chain(&status.container_statuses).flatten())
}

fn trouble_after(pod: &Pod, restarts: i32) -> Option<String> {
    let trouble = containers_of(pod).find_map(|status| trouble_of_container(status, restarts))?;
    Some(format!("pod {}: {trouble}", pod.name_any()))
}

fn trouble_of_container(status: &ContainerStatus, restarts: i32) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let crashing = reason == "CrashLoopBackOff" && status.restart_count >= restarts;
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

    use super::{restarts_of, trouble_now, trouble_of, workload_of};

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
    fn whoever_waits_to_be_started_again_is_in_trouble_now() {
        let once = pod_waiting("CrashLoopBackOff", 1);
        assert_eq!(trouble_of(&once), None);
        let expected = "pod agents-7d9f-x2k: container server: CrashLoopBackOff: secret not found";
        assert_eq!(trouble_now(&once).as_deref(), Some(expected));
        assert_eq!(trouble_now(&pod_waiting("ContainerCreating", 0)), None);
    }

    #[test]
    fn what_prepares_a_pod_is_among_its_containers() {
        let mut pod = pod_waiting("PodInitializing", 0);
        let mut status = pod.status.take().unwrap();
        status.init_container_statuses = pod_waiting("CrashLoopBackOff", 2).status.unwrap().container_statuses;
        pod.status = Some(status);
        assert_eq!(restarts_of(&pod), 2);
        assert!(trouble_now(&pod).is_some());
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
