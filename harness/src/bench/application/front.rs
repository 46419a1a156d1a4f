//! The application as its own clients reach it: each pod behind its Service, asked one by one, so that no replica hides
//! behind another.

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Pod, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use kube::api::ListParams;
use secrecy::SecretString;

use crate::bench::installation::Procedure;
use crate::bench::{Bench, BenchError};
use crate::cluster::LocalPort;
use crate::probe::{ANY_TLS, Carriage, Certificate, Question, TLS_1_2, ask, certificates_of};
use crate::record::Asked;
use crate::rendered::Rendered;
use crate::wait::workload_of;

/// How the certificate is asked for.
pub const OVER_TLS: &str = "over TLS";
/// The same port without TLS.
pub const WITHOUT_TLS: &str = "without TLS";
/// Below what the subject declares as the lowest version.
pub const BELOW_MINIMUM: &str = "over TLS 1.2";

/// Where the application answers, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// Its Service.
    pub service: String,
    /// The path that asks for a key, `/` where nothing does.
    pub path: String,
    /// The Secret with its certificate and CA, where it serves TLS.
    pub certificate: Option<String>,
    /// The lowest version of TLS, `1.3`.
    pub minimum: Option<String>,
    /// How people rotate a key.
    pub key_rotation: Option<Procedure>,
}

impl Front {
    /// What the subject says of it.
    pub(in crate::bench) fn of(rendered: &Rendered) -> Option<Self> {
        let file = rendered.subject().file();
        let (keys, tls) = (file.api_keys.as_ref(), file.tls.as_ref());
        let named =
            tls.and_then(|tls| rendered.value_text(tls.secret_value.as_deref()?)).filter(|name| !name.is_empty());
        Some(Self {
            service: keys.map(|keys| keys.service.clone()).or_else(|| Some(tls?.service.clone()))?,
            path: keys.map_or_else(|| "/".to_owned(), |keys| keys.path.clone()),
            certificate: named.map(str::to_owned).or_else(|| tls?.generated_secret.clone()),
            minimum: tls.and_then(|tls| tls.minimum.clone()),
            key_rotation: Procedure::of(rendered, keys.and_then(|keys| keys.rotation.as_deref())),
        })
    }
}

/// A pod behind the Service, and a port of this machine that leads to it.
struct Replica {
    pod: String,
    workload: String,
    port: LocalPort,
}

impl Bench {
    /// Where the application answers.
    ///
    /// # Errors
    /// When the subject does not say.
    pub(crate) fn front(&self) -> Result<&Front, BenchError> {
        self.installation.front.as_ref().ok_or_else(|| {
            BenchError::Unsuited("the subject says neither under `apiKeys` nor under `tls` where it answers".into())
        })
    }

    /// Asks each replica for its certificate, without TLS, and below the lowest version.
    ///
    /// # Errors
    /// When the replicas cannot be found. A question without an answer is an answer.
    pub(crate) async fn look_at_front(&self) -> Result<Vec<Asked>, BenchError> {
        let front = self.front()?;
        let ca = self.front_secret("ca.crt").await?;
        let over = |versions| Carriage::Tls { ca: &ca, versions };
        let mut ways = vec![(OVER_TLS, over(ANY_TLS)), (WITHOUT_TLS, Carriage::Plain)];
        if front.minimum.as_deref() == Some("1.3") {
            ways.push((BELOW_MINIMUM, over(TLS_1_2)));
        }
        let mut asked = Vec::new();
        for replica in &self.replicas().await? {
            for (how, carriage) in &ways {
                asked.push(self.ask_replica(replica, how, None, *carriage).await?);
            }
        }
        Ok(asked)
    }

    /// Asks each replica with each of these keys.
    ///
    /// # Errors
    /// When the replicas cannot be found. A question without an answer is an answer.
    pub(crate) async fn ask_with_keys(&self, keys: &[(&str, Option<&SecretString>)]) -> Result<Vec<Asked>, BenchError> {
        let ca = self.front_secret("ca.crt").await?;
        let carriage = match self.front()?.certificate {
            Some(_) => Carriage::Tls { ca: &ca, versions: ANY_TLS },
            None => Carriage::Plain,
        };
        let mut asked = Vec::new();
        for replica in &self.replicas().await? {
            for (how, key) in keys {
                asked.push(self.ask_replica(replica, how, *key, carriage).await?);
            }
        }
        Ok(asked)
    }

    /// The certificate that the application is meant to serve, as its Secret has it.
    ///
    /// # Errors
    /// When the Secret cannot be read.
    pub(crate) async fn intended_certificate(&self) -> Result<Option<Certificate>, BenchError> {
        let pem = self.front_secret("tls.crt").await?;
        let first = certificates_of(&pem).ok().and_then(|all| all.into_iter().next());
        Ok(first.and_then(|der| Certificate::of_der(&der).ok()))
    }

    async fn ask_replica(
        &self,
        replica: &Replica,
        how: &str,
        key: Option<&SecretString>,
        carriage: Carriage<'_>,
    ) -> Result<Asked, BenchError> {
        let front = self.front()?;
        let answer =
            ask(replica.port.address(), &Question { name: &front.service, path: &front.path, key, carriage }).await;
        Ok(Asked {
            pod: replica.pod.clone(),
            workload: replica.workload.clone(),
            how: how.to_owned(),
            status: answer.status.as_ref().ok().map(reqwest::StatusCode::as_u16),
            failed: answer.status.err(),
            leaf: answer.leaf.map(|leaf| leaf.sha256),
        })
    }

    /// The port under which clients of the Service ask.
    ///
    /// # Errors
    /// When the Service cannot be read or has none.
    pub(in crate::bench) async fn front_port(&self) -> Result<i32, BenchError> {
        Ok(self.front_service().await?.1.port)
    }

    async fn front_service(&self) -> Result<(ServiceSpec, ServicePort), BenchError> {
        let name = &self.front()?.service;
        let service = self.api::<Service>().get(name).await;
        let service = service.map_err(|source| self.objects(format!("read Service {name}"), source))?;
        let spec = service.spec.unwrap_or_default();
        let port = spec.ports.iter().flatten().next().cloned();
        let port = port.ok_or_else(|| BenchError::Unsuited(format!("Service {name} has no port")))?;
        Ok((spec, port))
    }

    async fn replicas(&self) -> Result<Vec<Replica>, BenchError> {
        let name = &self.front()?.service;
        let (spec, port) = self.front_service().await?;
        let labels: Vec<String> =
            spec.selector.unwrap_or_default().iter().map(|(key, value)| format!("{key}={value}")).collect();
        let listed = self.pods().list(&ListParams::default().labels(&labels.join(","))).await;
        let listed = listed.map_err(|source| self.objects(format!("list the pods behind Service {name}"), source))?;
        let alive = listed.items.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        try_join_all(alive.map(|pod| self.replica(pod, &port))).await
    }

    async fn replica(&self, pod: &Pod, port: &ServicePort) -> Result<Replica, BenchError> {
        let name = pod.name_any();
        let number = port_of(pod, port);
        let opened = LocalPort::open(self.pods(), &name, number).await;
        let closed = |source| BenchError::Port { pod: name.clone(), namespace: self.namespace.clone(), source };
        let port = opened.map_err(closed)?;
        Ok(Replica { pod: name, workload: workload_of(pod), port })
    }

    async fn front_secret(&self, key: &str) -> Result<Vec<u8>, BenchError> {
        let Some(name) = &self.front()?.certificate else { return Ok(Vec::new()) };
        let secret = self.secrets().get_opt(name).await;
        let secret = secret.map_err(|source| self.objects(format!("read Secret {name}"), source))?;
        let data = secret.and_then(|secret| secret.data).unwrap_or_default();
        Ok(data.get(key).map(|bytes| bytes.0.clone()).unwrap_or_default())
    }
}

/// The port of the pod that a Service's port leads to.
fn port_of(pod: &Pod, port: &ServicePort) -> u16 {
    let named = |name: &str| {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
        ports.find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port)
    };
    let number = match &port.target_port {
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => named(name),
        None => None,
    };
    u16::try_from(number.unwrap_or(port.port)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Pod, ServicePort};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::port_of;

    #[rstest]
    #[case::by_name(json!({"port": 443, "targetPort": "https"}), 8443)]
    #[case::by_number(json!({"port": 443, "targetPort": 9443}), 9443)]
    #[case::the_same(json!({"port": 8443}), 8443)]
    fn a_service_leads_to_a_port(#[case] port: Value, #[case] expected: u16) {
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": [
            {"name": "server", "ports": [{"name": "https", "containerPort": 8443}]}
        ]}}))
        .unwrap();
        let port: ServicePort = serde_json::from_value(port).unwrap();
        assert_eq!(port_of(&pod, &port), expected);
    }
}
