//! Ports of those who serve TLS, and which of them speak plain HTTP.

use harness::check::Check;
use harness::expectation::empty;
use harness::finding::Place;
use harness::graph::{Container, Workload};
use harness::rendered::Rendered;
use serde_json::Value;

/// Whatever calls itself plain HTTP: ports by their names, numbers and protocols, and what probes speak.
pub(super) fn judge_ports(subject: &Rendered, service: &str, servers: &[&Workload], check: &mut Check) {
    let containers = || servers.iter().flat_map(|server| server.containers());
    let mut plain: Vec<String> = containers().flat_map(plain_ports).collect();
    if let Some(object) = subject.manifests().find("Service", service) {
        let encrypted: Vec<Value> = containers().flat_map(encrypted_ports).collect();
        let ports = object.get("spec.ports").and_then(Value::as_array).into_iter().flatten();
        let ports = ports.filter(|port| {
            let target = port.get("targetPort").or_else(|| port.get("port"));
            is_plain(port, "port") && target.is_none_or(|target| !encrypted.contains(target))
        });
        plain.extend(ports.map(|port| format!("port {} of the Service", port["port"])));
    }
    check.expect(Place::object(format!("service/{service}")), "what speaks plain HTTP", &plain[..], empty());
}

/// The ports and probes of a container that speak plain HTTP.
fn plain_ports(container: &Container) -> Vec<String> {
    let encrypted = encrypted_ports(container);
    let ports = ports_of(container).filter(|port| {
        is_plain(port, "containerPort") && port.get("containerPort").is_none_or(|number| !encrypted.contains(number))
    });
    let ports = ports.map(|port| format!("port {} of {}", port["containerPort"], container.name()));
    let probes = probes_of(container).filter(|(_, _, scheme)| *scheme == "HTTP");
    ports.chain(probes.map(|(probe, _, _)| format!("the {probe} of {}", container.name()))).collect()
}

/// The ports of a container that speak TLS, by number and by name: a probe asks there so, or they are called so.
fn encrypted_ports(container: &Container) -> Vec<Value> {
    let asked: Vec<Value> =
        probes_of(container).filter(|(_, _, scheme)| *scheme == "HTTPS").map(|(_, port, _)| port).collect();
    let named = ports_of(container).filter(|port| {
        let is_asked = |field: &str| port.get(field).is_some_and(|one| asked.contains(one));
        is_called(port, &["https", "tls"]) || is_asked("name") || is_asked("containerPort")
    });
    let named: Vec<Value> =
        named.flat_map(|port| ["name", "containerPort"].map(|field| port.get(field).cloned())).flatten().collect();
    [named, asked].concat()
}

fn ports_of(container: &Container) -> impl Iterator<Item = &Value> {
    container.get("ports").and_then(Value::as_array).into_iter().flatten()
}

/// The probes over HTTP: which it is, the port by number or name, and the scheme.
fn probes_of(container: &Container) -> impl Iterator<Item = (&'static str, Value, &str)> {
    ["readinessProbe", "livenessProbe", "startupProbe"].into_iter().filter_map(|probe| {
        let asked = container.get(&format!("{probe}.httpGet"))?;
        let scheme = asked.get("scheme").and_then(Value::as_str).unwrap_or("HTTP");
        Some((probe, asked.get("port").cloned().unwrap_or_default(), scheme))
    })
}

/// Whether a port is plain HTTP by its name or protocol, or by its number where these do not say that it speaks TLS.
fn is_plain(port: &Value, number: &str) -> bool {
    let number = port.get(number).and_then(Value::as_u64);
    is_called(port, &["http"]) || matches!(number, Some(80 | 8080)) && !is_called(port, &["https", "tls"])
}

/// Whether the name or the protocol of a port is one of these words, or has one at an end.
fn is_called(port: &Value, words: &[&str]) -> bool {
    let told = ["name", "appProtocol"].map(|field| port.get(field).and_then(Value::as_str).unwrap_or_default());
    told.iter().any(|told| {
        let told = told.to_lowercase();
        words
            .iter()
            .any(|word| told == *word || told.starts_with(&format!("{word}-")) || told.ends_with(&format!("-{word}")))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness::subject::Subject;
    use rstest::rstest;

    use super::*;

    const PLAIN: &str = "port 8080 of a";

    #[rstest]
    #[case::an_encrypted_one_by_its_name("ports: [{name: https, containerPort: 8080}]", &[])]
    #[case::an_encrypted_one_by_its_probe("ports: [{containerPort: 8080}], readinessProbe: {httpGet: {port: 8080, scheme: HTTPS}}", &[])]
    #[case::whatever_it_is_called(
        "ports: [{name: http, containerPort: 8080}], readinessProbe: {httpGet: {port: http, scheme: HTTPS}}", &[]
    )]
    #[case::a_plain_one_by_its_number("ports: [{containerPort: 8080}]", &[PLAIN])]
    #[case::a_plain_one_by_its_name("ports: [{name: http, containerPort: 8080}]", &[PLAIN])]
    #[case::beside_an_encrypted_one(
        "ports: [{containerPort: 8443}, {containerPort: 8080}], readinessProbe: {httpGet: {port: 8443, scheme: HTTPS}}",
        &[PLAIN]
    )]
    #[case::a_plain_probe("readinessProbe: {httpGet: {port: 8443}}", &["the readinessProbe of a"])]
    fn a_container_has_ports(#[case] container: &str, #[case] expected: &[&str]) {
        let text = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{template: {{spec: {{containers: [{{name: \
             a, {container}}}]}}}}}}}}"
        );
        let rendered = Rendered::of_manifests(Arc::new(Subject::of_manifests("test")), &text).unwrap();
        assert_eq!(plain_ports(rendered.containers().next().unwrap()), expected);
    }
}
