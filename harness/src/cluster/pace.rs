//! How slow this cluster is, and how long it takes by design: what every budget of a live lane is measured by.
//!
//! A budget is a physical bound, and on a machine that is slower or busier the same bound takes longer. So once in
//! each run the start of a pod that does nothing is timed, and all budgets are stretched by what it took. How long a
//! changed Secret takes into a volume is no matter of speed: the kubelet says it.

use std::fmt;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use serde::Deserialize;
use serde_json::json;

use crate::error::Chain;
use crate::subject;
use crate::wait::{Budget, Objects, Progress, watch_until};

/// How long a pod that does nothing takes to run on an idle machine with two cores.
const REFERENCE: Duration = Duration::from_millis(2500);
/// Whoever is slower than this is not slow but broken; a budget must end some time.
const SLOWEST: f64 = 4.0;
/// The kubelet's own period between two looks at a pod's volumes, where it does not say another one.
const SYNC_FREQUENCY: Duration = Duration::from_secs(60);
/// The kubelet spreads its looks over one to one and a half periods.
const JITTER: f64 = 1.5;

const NO_OP: Budget = Budget::seconds("a pod that does nothing to run", 60);

/// How long things take on one cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// By what the budgets are stretched: 1 on an idle machine with two cores, more where it is slower.
    pub factor: f64,
    /// How long a pod that does nothing took to run.
    pub no_op: NoOp,
    /// The longest that a changed Secret takes into a volume.
    pub refresh: Duration,
}

/// How a pod that does nothing came to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoOp {
    /// After so long.
    Took(Duration),
    /// Not within its bound.
    Never,
    /// It was not tried: no image that is there is known, or nobody may make the pod.
    NotMeasured,
}

impl fmt::Display for NoOp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Took(took) => write!(formatter, "a pod that does nothing ran after {:.1} s", took.as_secs_f64()),
            Self::Never => {
                write!(formatter, "a pod that does nothing did not run within {:.0} s", NO_OP.limit.as_secs_f64())
            }
            Self::NotMeasured => {
                formatter.write_str("not measured: its image is not known here, or it may not be made")
            }
        }
    }
}

impl Pace {
    /// Measures a cluster, in a namespace in which the pod may be made.
    pub(super) async fn measure(client: &Client, namespace: &str) -> Self {
        let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await;
        let node = nodes.ok().and_then(|nodes| nodes.items.into_iter().next());
        let no_op = match node.as_ref().and_then(pause_image) {
            Some(image) => time_pod(client, namespace, image).await,
            None => NoOp::NotMeasured,
        };
        let frequency = match &node {
            Some(node) => sync_frequency(client, &node.name_any()).await,
            None => None,
        };
        Self { factor: factor(no_op), no_op, refresh: frequency.unwrap_or(SYNC_FREQUENCY).mul_f64(JITTER) }
    }
}

fn factor(no_op: NoOp) -> f64 {
    match no_op {
        NoOp::Took(took) => (took.as_secs_f64() / REFERENCE.as_secs_f64()).clamp(1.0, SLOWEST),
        NoOp::Never => SLOWEST,
        NoOp::NotMeasured => 1.0,
    }
}

/// The image that every node has because every pod needs it.
fn pause_image(node: &Node) -> Option<&str> {
    let images = node.status.iter().flat_map(|status| status.images.iter().flatten());
    let names = images.flat_map(|image| image.names.iter().flatten());
    names.map(String::as_str).find(|name| name.contains("/pause:"))
}

async fn time_pod(client: &Client, namespace: &str, image: &str) -> NoOp {
    const NAME: &str = "holdfast-no-op";
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pod = serde_json::from_value(json!({
        "metadata": {"name": NAME},
        "spec": {
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "pause", "image": image, "imagePullPolicy": "IfNotPresent"}],
        },
    }));
    let Ok(pod) = pod else { return NoOp::NotMeasured };
    let began = Instant::now();
    if let Err(error) = pods.create(&PostParams::default(), &pod).await {
        tracing::debug!(namespace, "the pod that does nothing is not made: {}", Chain(&error));
        return NoOp::NotMeasured;
    }
    let named = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
    let ran = watch_until(pods.clone(), named, NO_OP, |pods: &Objects<Pod>| {
        let phase = pods.get(NAME).and_then(|pod| pod.status.as_ref()?.phase.as_deref());
        match phase {
            Some("Running") => Progress::Ready(()),
            other => Progress::NotYet(format!("it is {}", other.unwrap_or("not there"))),
        }
    });
    let took = match ran.await {
        Ok(()) => NoOp::Took(began.elapsed()),
        Err(error) => {
            tracing::debug!(namespace, "{}", Chain(&error));
            NoOp::Never
        }
    };
    if let Err(error) = pods.delete(NAME, &DeleteParams::default().grace_period(0)).await {
        tracing::warn!(namespace, "the pod that does nothing is left behind: {}", Chain(&error));
    }
    took
}

/// What the kubelet of a node says of its settings. Not everybody may ask.
async fn sync_frequency(client: &Client, node: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Answer {
        kubeletconfig: Settings,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Settings {
        sync_frequency: String,
    }
    let request = http::Request::get(format!("/api/v1/nodes/{node}/proxy/configz")).body(Vec::new()).ok()?;
    let answer: Answer = client.request(request).await.ok()?;
    answer.kubeletconfig.sync_frequency.parse::<subject::Budget>().ok().map(|frequency| frequency.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::{NoOp, factor};

    #[rstest]
    #[case::not_measured(NoOp::NotMeasured, 1.0)]
    #[case::quick(NoOp::Took(Duration::from_millis(800)), 1.0)]
    #[case::twice_as_slow(NoOp::Took(Duration::from_secs(5)), 2.0)]
    #[case::broken(NoOp::Took(Duration::from_secs(50)), 4.0)]
    #[case::never(NoOp::Never, 4.0)]
    fn budgets_are_stretched_by_how_slow_a_pod_starts(#[case] no_op: NoOp, #[case] expected: f64) {
        assert!((factor(no_op) - expected).abs() < 1e-9);
    }
}
