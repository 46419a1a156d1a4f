//! What several areas ask of workloads: who answers behind a Service, and what a roll does to those who serve.

use harness::graph::Workload;
use harness::manifests::Object;
use harness::rendered::Rendering;
use serde_json::Value;

/// The workloads whose pods a Service selects.
pub(crate) fn behind<'a>(rendering: &'a Rendering, service: &str) -> Vec<&'a Workload> {
    let Some(service) = rendering.manifests().find("Service", service) else { return Vec::new() };
    rendering.workloads().iter().filter(|workload| workload.is_behind(service)).collect()
}

/// Whether any Service leads to a workload: what nobody dials, nobody misses while it restarts.
pub(crate) fn is_dialled(rendering: &Rendering, workload: &Workload) -> bool {
    rendering.manifests().of_kind("Service").any(|service| workload.is_behind(service))
}

/// What a roll does to the pods that serve.
pub(crate) fn roll_of(workload: &Workload) -> &'static str {
    let object = workload.object();
    match object.kind() {
        "Deployment" if object.get("spec.strategy.type").and_then(Value::as_str) == Some("Recreate") => DOWN_FIRST,
        "Deployment" => {
            let taken = taken_by_roll(workload, workload.replicas());
            if taken == 0 { KEEPS_ALL } else { "takes pods away before others are ready" }
        }
        "StatefulSet" | "DaemonSet" => "takes a pod away before its successor is there",
        _ => "is not told by the manifests",
    }
}

/// Whether a change reaches every pod by itself.
pub(crate) fn reach_of(workload: &Workload) -> &'static str {
    let object = workload.object();
    let text = |path: &str| object.get(path).and_then(Value::as_str);
    let paused = object.get("spec.paused").and_then(Value::as_bool) == Some(true);
    let held = object.get("spec.updateStrategy.rollingUpdate.partition").and_then(Value::as_u64).unwrap_or(0) > 0;
    if paused {
        "nobody: its rollouts are paused"
    } else if text("spec.updateStrategy.type") == Some("OnDelete") {
        "only the pods that somebody deletes"
    } else if held {
        "only the pods above a partition"
    } else {
        REACHES_ALL
    }
}

/// Every pod is replaced.
pub(crate) const REACHES_ALL: &str = "every pod";

/// No pod goes before its successor is ready.
pub(crate) const KEEPS_ALL: &str = "keeps every pod until its successor is ready";

/// Every pod goes before any successor comes.
const DOWN_FIRST: &str = "takes every pod away first";

/// The pods that a roll adds for a while.
pub(crate) fn surge_of(workload: &Workload, replicas: u64) -> u64 {
    let object = workload.object();
    match object.kind() {
        "Deployment" if object.get("spec.strategy.type").and_then(Value::as_str) == Some("Recreate") => 0,
        "Deployment" => share(object.get("spec.strategy.rollingUpdate.maxSurge"), replicas, true),
        _ => 0,
    }
}

/// The pods of a Deployment that may be missing while it rolls.
pub(crate) fn taken_by_roll(workload: &Workload, replicas: u64) -> u64 {
    // Kubernetes rounds this share down, so that a quarter of less than four pods is none.
    let told = workload.object().get("spec.strategy.rollingUpdate.maxUnavailable");
    let taken = share(told, replicas, false).min(replicas);
    // A roll that may neither take a pod away nor add one would never begin; Kubernetes takes one away then.
    if taken == 0 && surge_of(workload, replicas) == 0 { 1 } else { taken }
}

/// The HorizontalPodAutoscaler of a workload, if it has one.
pub(crate) fn scaler_of<'a>(rendering: &'a Rendering, workload: &Workload) -> Option<&'a Object> {
    rendering.manifests().of_kind("HorizontalPodAutoscaler").find(|scaler| {
        let target = |field: &str| scaler.get(&format!("spec.scaleTargetRef.{field}")).and_then(Value::as_str);
        target("kind") == Some(workload.object().kind()) && target("name") == Some(workload.object().name())
    })
}

/// A number of pods or a share of all; Kubernetes takes a quarter where nothing is said.
fn share(told: Option<&Value>, of: u64, up: bool) -> u64 {
    let percent = match told {
        Some(Value::Number(number)) => return number.as_u64().unwrap_or(0),
        Some(Value::String(text)) => text.trim_end_matches('%').parse::<u64>().unwrap_or(25),
        _ => 25,
    };
    let hundredths = of * percent;
    if up { hundredths.div_ceil(100) } else { hundredths / 100 }
}
