//! What became of every pod of the releases while an experiment ran, from a watch: what lasts a second is seen too.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt};
use tokio::task::AbortHandle;

use crate::bench::Bench;
use crate::bench::application::OF_A_RELEASE;
use crate::bench::database::is_ready;
use crate::record::PodChange;
use crate::wait::{restarts_of, trouble_now, workload_of};

/// A watch that lasts until it is ended or dropped.
pub(crate) struct Vigil {
    task: AbortHandle,
    seen: Arc<Mutex<Vec<PodChange>>>,
}

impl Bench {
    /// Begins to watch the pods of the releases.
    pub(crate) fn keep_vigil(&self) -> Vigil {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(watch(self.pods(), Arc::clone(&seen)));
        Vigil { task: task.abort_handle(), seen }
    }
}

impl Vigil {
    /// Ends the watch and returns what changed, in order.
    pub(crate) fn end(self) -> Vec<PodChange> {
        self.task.abort();
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Vigil {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(pods: Api<Pod>, seen: Arc<Mutex<Vec<PodChange>>>) {
    let selection = watcher::Config::default().labels(OF_A_RELEASE);
    let mut events = watcher::watcher(pods, selection).default_backoff().boxed();
    while let Some(event) = events.next().await {
        let change = match event {
            Ok(Event::Apply(pod) | Event::InitApply(pod)) => change_of(&pod, false),
            Ok(Event::Delete(pod)) => change_of(&pod, true),
            // A watch that breaks begins again with everything that there is.
            Ok(Event::Init | Event::InitDone) | Err(_) => continue,
        };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let last = seen.iter().rev().find(|known| known.uid == change.uid);
        if last.is_none_or(|last| !last.says_the_same_as(&change)) {
            seen.push(change);
        }
    }
}

fn change_of(pod: &Pod, gone: bool) -> PodChange {
    PodChange {
        at: Timestamp::now(),
        pod: pod.name_any(),
        workload: workload_of(pod),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        ready: !gone && pod.metadata.deletion_timestamp.is_none() && is_ready(pod),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        gone,
        restarts: restarts_of(pod),
        trouble: trouble_now(pod),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::change_of;

    fn pod(status: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "agents-1", "uid": "u"}, "status": status})).unwrap()
    }

    #[test]
    fn a_change_is_what_differs_and_not_when() {
        let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        let (first, second) = (change_of(&pod(&ready), false), change_of(&pod(&ready), false));
        assert!(first.says_the_same_as(&second));
        assert!(!first.says_the_same_as(&change_of(&pod(&json!({})), false)), "not ready any more");
        assert!(!first.says_the_same_as(&change_of(&pod(&ready), true)), "gone");
    }
}
