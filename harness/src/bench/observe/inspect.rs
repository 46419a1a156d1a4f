//! What the stand-in application in a pod says of itself.
//!
//! It answers over HTTP where the kubelet's probe goes, too, which costs the cluster next to nothing; a program that is
//! started in the container costs it a tenth of a second of its processor, and there may be thirteen pods to look at. So
//! the program is only run where the question over HTTP has no answer.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ContainerPort, Pod};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use tokio::time::timeout;

use crate::bench::Bench;
use crate::cluster::exec;
use crate::record::Inspection;

/// How long a pod may take to answer over HTTP; it does in milliseconds, or the way to it is closed.
const LONGEST: Duration = Duration::from_secs(5);

impl Bench {
    /// Asks the stand-in application in the pod's first container; other applications have no answer.
    pub(super) async fn inspect(&self, pod: &Pod) -> Option<Inspection> {
        let container = pod.spec.as_ref()?.containers.first()?;
        let answer = match self.asked_over_http(pod, container).await {
            Some(answer) => answer,
            None => exec(&self.pods(), &pod.name_any(), &container.name, &["/workload", "inspect"]).await.ok()?.stdout,
        };
        let mut inspected: Inspection = serde_json::from_str(&answer).ok()?;
        if let Some(mount) = inspected.ca.as_mut().and_then(|ca| ca.mount.as_mut()) {
            mount.volume = volume_at(pod, container, &mount.point);
        }
        Some(inspected)
    }

    /// The answer by way of the API server, which verifies no certificate: there are only digests in it.
    async fn asked_over_http(&self, pod: &Pod, container: &Container) -> Option<String> {
        let front = door_of(&pod.name_any(), container)?;
        let path = format!("/api/v1/namespaces/{}/pods/{front}/proxy/inspect", self.namespace());
        let request = http::Request::get(path).body(Vec::new()).ok()?;
        timeout(LONGEST, self.cluster.client().request_text(request)).await.ok()?.ok()
    }
}

/// Where the readiness probe of a container goes, as the API server's proxy writes it: `https:agents-0:8443`.
fn door_of(pod: &str, container: &Container) -> Option<String> {
    let probe = container.readiness_probe.as_ref()?.http_get.as_ref()?;
    let port = match &probe.port {
        IntOrString::Int(port) => *port,
        IntOrString::String(name) => {
            let named = |port: &&ContainerPort| port.name.as_ref() == Some(name);
            container.ports.iter().flatten().find(named)?.container_port
        }
    };
    let secure = probe.scheme.as_deref().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    Some(format!("{}{pod}:{port}", if secure { "https:" } else { "" }))
}

/// Of what kind the volume is that a container mounts at a place, as the pod declares it.
fn volume_at(pod: &Pod, container: &Container, point: &str) -> Option<String> {
    let is_there = |path: &str| path.trim_end_matches('/') == point.trim_end_matches('/');
    let mount = container.volume_mounts.iter().flatten().find(|mount| is_there(&mount.mount_path))?;
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let volume = volumes.into_iter().find(|volume| volume.name == mount.name)?;
    let declared = serde_json::to_value(volume).ok()?;
    declared.as_object()?.keys().find(|field| *field != "name").cloned()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Container, Pod};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{door_of, volume_at};

    #[rstest]
    #[case::a_number(json!({"readinessProbe": {"httpGet": {"port": 8080}}}), Some("a-0:8080"))]
    #[case::a_name(
        json!({"readinessProbe": {"httpGet": {"port": "http"}}, "ports": [{"name": "grpc", "containerPort": 1}, {"name": "http", "containerPort": 80}]}),
        Some("a-0:80")
    )]
    #[case::over_tls(json!({"readinessProbe": {"httpGet": {"port": 8443, "scheme": "HTTPS"}}}), Some("https:a-0:8443"))]
    #[case::a_name_that_no_port_has(json!({"readinessProbe": {"httpGet": {"port": "http"}}}), None)]
    #[case::another_kind_of_probe(json!({"readinessProbe": {"exec": {"command": ["true"]}}}), None)]
    #[case::no_probe(json!({}), None)]
    fn a_pod_answers_where_it_is_probed(#[case] fields: Value, #[case] expected: Option<&str>) {
        let mut whole = json!({"name": "a"});
        whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let container: Container = serde_json::from_value(whole).unwrap();
        assert_eq!(door_of("a-0", &container).as_deref(), expected);
    }

    #[rstest]
    #[case::a_secret("/etc/ca", Some("secret"))]
    #[case::a_config_map("/etc/trust", Some("configMap"))]
    #[case::an_empty_folder("/copy", Some("emptyDir"))]
    #[case::the_image("/", None)]
    fn a_mount_is_of_a_volume(#[case] point: &str, #[case] expected: Option<&str>) {
        let pod: Pod = serde_json::from_value(json!({"spec": {
            "containers": [{"name": "a", "volumeMounts": [
                {"name": "ca", "mountPath": "/etc/ca/"},
                {"name": "trust", "mountPath": "/etc/trust"},
                {"name": "copy", "mountPath": "/copy"}
            ]}],
            "volumes": [
                {"name": "copy", "emptyDir": {}},
                {"name": "ca", "secret": {"secretName": "db-ca"}},
                {"name": "trust", "configMap": {"name": "bundle"}}
            ]
        }}))
        .unwrap();
        let container = &pod.spec.as_ref().unwrap().containers[0];
        assert_eq!(volume_at(&pod, container, point).as_deref(), expected);
    }
}
