//! The logs of every pod of a bench, from its first second, also of pods that are gone by the end.
//!
//! Raw lines go to the private spool of the run; they are masked on their way into the artefacts.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt};
use tokio::task::{AbortHandle, JoinSet};

use super::{Bench, Keep};
use crate::error::Chain;

/// The streams of one bench. They end when the value is dropped.
pub(super) struct LogStreams {
    task: AbortHandle,
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl LogStreams {
    /// Follows the log of every container that starts in the namespace.
    pub(super) fn follow(pods: Api<Pod>, namespace: &str, keep: &Keep) -> Self {
        let names = Arc::new(Mutex::new(BTreeSet::new()));
        let task = tokio::spawn(follow_all(pods, namespace.to_owned(), keep.clone(), names.clone()));
        Self { task: task.abort_handle(), names }
    }
}

impl Drop for LogStreams {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bench {
    /// Ends the streams and puts what they brought, masked, into the diagnostics of the run.
    pub(super) fn release_logs(&self) {
        self.logs.task.abort();
        let names = self.logs.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for name in names {
            let artefact = self.keep.diagnostics.join(&name);
            if let Err(error) = self.keep.room.release(&name, &self.keep.sink, &artefact) {
                tracing::warn!(log = name, "not kept: {}", Chain(&error));
            }
        }
    }
}

async fn follow_all(pods: Api<Pod>, namespace: String, keep: Keep, names: Arc<Mutex<BTreeSet<String>>>) {
    let mut events = watcher::watcher(pods.clone(), watcher::Config::default()).default_backoff().boxed();
    let mut streams = JoinSet::new();
    let mut followed = BTreeSet::new();
    while let Some(event) = events.next().await {
        let Ok(Event::Apply(pod) | Event::InitApply(pod)) = event else { continue };
        for (container, restart) in started(&pod) {
            let name = format!("{namespace}/{}_{container}_{restart}.log", pod.name_any());
            if !followed.insert(name.clone()) {
                continue;
            }
            names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
            streams.spawn(follow_one(pods.clone(), pod.name_any(), container, name, keep.clone()));
        }
    }
}

/// The containers of a pod that have a log, each with the count of its restarts.
pub(super) fn started(pod: &Pod) -> Vec<(String, i32)> {
    let status = pod.status.clone().unwrap_or_default();
    let init = status.init_container_statuses.unwrap_or_default();
    let main = status.container_statuses.unwrap_or_default();
    let has_log =
        |state: &k8s_openapi::api::core::v1::ContainerState| state.running.is_some() || state.terminated.is_some();
    init.into_iter()
        .chain(main)
        .filter(|status| status.state.as_ref().is_some_and(has_log))
        .map(|status| (status.name, status.restart_count))
        .collect()
}

async fn follow_one(pods: Api<Pod>, pod: String, container: String, name: String, keep: Keep) {
    let parameters = LogParams { container: Some(container), follow: true, timestamps: true, ..LogParams::default() };
    let followed = async {
        let mut spool = keep.room.spool(&name).map_err(|error| Chain(&error).to_string())?;
        let log = pods.log_stream(&pod, &parameters).await.map_err(|error| error.to_string())?;
        let mut lines = log.lines();
        while let Some(line) = lines.try_next().await.map_err(|error| error.to_string())? {
            writeln!(spool, "{line}").map_err(|error| error.to_string())?;
        }
        Ok::<(), String>(())
    };
    if let Err(reason) = followed.await {
        tracing::debug!(log = name, "the stream ended: {reason}");
    }
}
