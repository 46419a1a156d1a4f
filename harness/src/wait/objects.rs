//! Watching a set of Kubernetes objects until a condition over all of them is true.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures::StreamExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::{Account, Budget, Progress, WaitError};

/// The objects of a watch by name, as they are now.
pub type Objects<K> = BTreeMap<String, K>;

/// Watches objects until a condition over all of them is true. The condition is asked at each change.
///
/// Label and field selectors are in `selection`. A watch that breaks (the API server restarts, a resource version is
/// too old) is opened again; what broke it is kept as a reason.
///
/// # Errors
/// When the budget is used up or the condition says that it is hopeless.
pub async fn watch_until<K, T>(
    api: Api<K>,
    selection: watcher::Config,
    budget: Budget,
    mut condition: impl FnMut(&Objects<K>) -> Progress<T>,
) -> Result<T, WaitError>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut account = Account::open(budget);
    let deadline = tokio::time::Instant::now() + budget.limit;
    let mut events = watcher::watcher(api, selection).default_backoff().boxed();
    let mut objects = Objects::new();
    let mut listed = false;
    loop {
        match tokio::time::timeout_at(deadline, events.next()).await {
            Err(_elapsed) => return Err(account.close(false)),
            Ok(None) => {
                account.note("the watch ended".into());
                return Err(account.close(true));
            }
            Ok(Some(Err(broken))) => {
                account.note(format!("watch interrupted: {broken}"));
                continue;
            }
            Ok(Some(Ok(event))) => match event {
                Event::Init => {
                    objects.clear();
                    listed = false;
                }
                Event::InitApply(object) | Event::Apply(object) => {
                    objects.insert(object.name_any(), object);
                }
                Event::Delete(object) => {
                    objects.remove(&object.name_any());
                }
                Event::InitDone => listed = true,
            },
        }
        if !listed {
            continue;
        }
        match condition(&objects) {
            Progress::Ready(value) => return Ok(value),
            Progress::NotYet(reason) => account.note(reason),
            Progress::Hopeless(reason) => {
                account.note(reason);
                return Err(account.close(true));
            }
        }
    }
}
