//! What opens a Service to whoever is outside of the cluster.

use serde_json::Value;

/// What opens a Service, or the template of one, to the outside: `type NodePort`, `externalIPs`, the name of an
/// annotation.
pub fn ways_in(service: &Value) -> Vec<String> {
    let text = |pointer: &str| service.pointer(pointer).and_then(Value::as_str);
    let kind = text("/spec/type").filter(|kind| ["NodePort", "LoadBalancer"].contains(kind));
    let addresses = service.pointer("/spec/externalIPs").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    let annotations = service.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let published = annotations.filter(|(name, _)| name.starts_with("external-dns.")).map(|(name, _)| name.clone());
    let kind = kind.map(|kind| format!("type {kind}"));
    kind.into_iter().chain(addresses.then(|| "externalIPs".to_owned())).chain(published).collect()
}
