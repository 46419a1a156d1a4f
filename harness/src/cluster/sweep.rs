//! Removing what runs left behind, by label.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, DynamicObject, ListParams};
use kube::core::{GroupVersionKind, PartialObjectMeta};
use kube::discovery::ApiResource;
use kube::{Api, ResourceExt};

use super::lease::SYSTEM_NAMESPACE;
use super::{Cluster, EXPIRES_ANNOTATION, Provider, RUN_LABEL, STANDING_LABEL};
use crate::error::Chain;
use crate::wait::{Budget, Progress, WaitError, poll_until};

/// Longer than the pods of a database take to end in good order, several of them at once on a busy machine.
const GONE: Budget = Budget::seconds("what dead runs left to be gone", 300);

/// An API server that was killed a moment ago takes two minutes of it.
const ABANDONED: Duration = Duration::from_secs(300);

/// Why something could not be swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// What there is cannot be listed.
    #[error("find the namespaces and Leases that runs made")]
    List(#[source] kube::Error),
    /// What a release put outside of its namespace cannot be found or deleted.
    #[error("remove what releases in namespace {namespace} put outside of it: {kind}")]
    Outside {
        /// The namespace.
        namespace: String,
        /// The kind of object.
        kind: &'static str,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// Something cannot be deleted.
    #[error("delete {remains}")]
    Delete {
        /// What.
        remains: Remains,
        /// Why.
        #[source]
        source: kube::Error,
    },
}

/// Something that a run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The run's id.
    pub run: String,
    /// What.
    pub remains: Remains,
    /// When it may be removed by whoever comes by, if it says.
    pub expires: Option<Timestamp>,
}

impl Leftover {
    /// A namespace of a run that is known by its name alone.
    pub fn namespace(run: impl Into<String>, name: impl Into<String>) -> Self {
        Self { run: run.into(), remains: Remains::Namespace(name.into()), expires: None }
    }

    /// Whether its time to live is over. What does not say lives for ever.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// What runs make on a cluster; everything else is within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remains {
    /// A namespace, with all that is in it.
    Namespace(String),
    /// A Lease by which processes of a run agreed on who does what.
    Lease(String),
}

impl Cluster {
    /// What runs made and nobody is deleting yet. A bench that was told to stay is none of it until it expires.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, SweepError> {
        let of_runs = ListParams::default().labels(RUN_LABEL);
        let namespaces: Api<Namespace> = Api::all(self.client().clone());
        let namespaces = namespaces.list_metadata(&of_runs).await.map_err(SweepError::List)?;
        let now = Timestamp::now();
        let alive =
            namespaces.items.iter().filter(|one| one.metadata.deletion_timestamp.is_none() && !stays(*one, now));
        let mut leftovers: Vec<Leftover> = alive.map(|one| leftover(one, Remains::Namespace(one.name_any()))).collect();
        // Elections are held on our own clusters only; on another one nobody grants the right to ask.
        if self.handle().provider == Provider::Kind {
            let leases: Api<Lease> = Api::namespaced(self.client().clone(), SYSTEM_NAMESPACE);
            let leases = leases.list_metadata(&of_runs).await.map_err(SweepError::List)?;
            leftovers.extend(leases.items.iter().map(|one| leftover(one, Remains::Lease(one.name_any()))));
        }
        Ok(leftovers)
    }

    /// Asks for the removal of everything that one run made, and starts what it had stopped. Says what could not be done
    /// now, which a sweep does later. When `stop` is ready first (with the name of a signal), nothing more is tried.
    pub async fn abandon(&self, run: &str, stop: impl Future<Output = String>) -> Vec<String> {
        let tried = async {
            tokio::select! {
                undone = self.try_to_abandon(run) => Ok(undone),
                signal = stop => Err(format!("{signal} came while it was being removed")),
            }
        };
        let out_of_time = |_elapsed| Err(format!("it was not removed within {} s", ABANDONED.as_secs()));
        let obstacle = match tokio::time::timeout(ABANDONED, tried).await.unwrap_or_else(out_of_time) {
            Ok(undone) => return undone,
            Err(obstacle) => obstacle,
        };
        vec![format!(
            "left behind: what the run made, because {obstacle}; `{}` removes it",
            self.handle().sweep_command()
        )]
    }

    async fn try_to_abandon(&self, run: &str) -> Vec<String> {
        let mut undone = Vec::new();
        if self.handle().provider == Provider::Kind {
            // The run may have killed it a moment ago.
            if let Err(error) = self.api_server_answers().await {
                undone.push(format!("not swept: {}", Chain(&error)));
            }
            if let Err(error) = self.revive_operator(|stopped_by| stopped_by == run).await {
                undone.push(format!("left without an operator: {}", Chain(&error)));
            }
        }
        let leftovers = self.leftovers().await.unwrap_or_else(|error| {
            undone.push(format!("not swept: {}", Chain(&error)));
            Vec::new()
        });
        for leftover in leftovers.iter().filter(|leftover| leftover.run == run) {
            if let Err(error) = self.remove(leftover).await {
                undone.push(format!("left behind: {}", Chain(&error)));
            }
        }
        undone
    }

    /// Asks for the removal of what a run made, with what Helm put outside of a namespace for a release in it, and does
    /// not wait for it.
    ///
    /// # Errors
    /// When the API server refuses. What is gone or going already is no error.
    pub async fn remove(&self, leftover: &Leftover) -> Result<(), SweepError> {
        if let Remains::Namespace(namespace) = &leftover.remains {
            for (kind, version, plural) in OUTSIDE {
                let removed = self.remove_outside(kind, version, plural, namespace).await;
                removed.map_err(|source| SweepError::Outside { namespace: namespace.clone(), kind, source })?;
            }
        }
        let parameters = DeleteParams::background();
        let deleted = match &leftover.remains {
            Remains::Namespace(name) => {
                Api::<Namespace>::all(self.client().clone()).delete(name, &parameters).await.map(drop)
            }
            Remains::Lease(name) => {
                let leases: Api<Lease> = Api::namespaced(self.client().clone(), SYSTEM_NAMESPACE);
                leases.delete(name, &parameters).await.map(drop)
            }
        };
        match deleted {
            // 409: a namespace that is being emptied.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            done => done.map_err(|source| SweepError::Delete { remains: leftover.remains.clone(), source }),
        }
    }

    /// The namespaces of runs that somebody is deleting: with pods and volumes in them until they are gone.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn going(&self) -> Result<Vec<String>, SweepError> {
        let api: Api<Namespace> = Api::all(self.client().clone());
        let of_runs = api.list_metadata(&ListParams::default().labels(RUN_LABEL)).await.map_err(SweepError::List)?;
        let going = of_runs.items.iter().filter(|one| one.metadata.deletion_timestamp.is_some());
        Ok(going.map(ResourceExt::name_any).collect())
    }

    /// Waits until these namespaces are gone.
    ///
    /// # Errors
    /// When they are not within the budget.
    pub async fn gone(&self, namespaces: &[String]) -> Result<(), WaitError> {
        poll_until(GONE, || async {
            let going = match self.going().await {
                Ok(going) => going,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            let left: Vec<String> = going.into_iter().filter(|name| namespaces.contains(name)).collect();
            if left.is_empty() {
                Progress::Ready(())
            } else {
                Progress::NotYet(format!("still there: {}", left.join(", ")))
            }
        })
        .await
    }

    async fn remove_outside(
        &self,
        kind: &str,
        version: &str,
        plural: &str,
        namespace: &str,
    ) -> Result<(), kube::Error> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let objects: Api<DynamicObject> = Api::all_with(self.client().clone(), &resource);
        let of_helm = ListParams::default().labels("app.kubernetes.io/managed-by=Helm");
        let listed = match objects.list_metadata(&of_helm).await {
            // Whoever may not list such objects could not make them either.
            Err(kube::Error::Api(status)) if status.code == 403 => return Ok(()),
            listed => listed?,
        };
        let of_namespace = |one: &&PartialObjectMeta<DynamicObject>| {
            one.annotations().get("meta.helm.sh/release-namespace").is_some_and(|name| name == namespace)
        };
        for object in listed.items.iter().filter(of_namespace) {
            match objects.delete(&object.name_any(), &DeleteParams::background()).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(source) => return Err(source),
            }
        }
        Ok(())
    }
}

/// Whether objects of a kind stand outside of every namespace, so that two releases of one chart can get in each
/// other's way.
pub(crate) fn is_outside(kind: &str) -> bool {
    OUTSIDE.iter().any(|(outside, _, _)| *outside == kind)
}

/// Objects of the cluster that charts bring: the namespace does not take them along when it goes.
const OUTSIDE: &[(&str, &str, &str)] = &[
    ("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"),
    ("PriorityClass", "scheduling.k8s.io/v1", "priorityclasses"),
    ("IngressClass", "networking.k8s.io/v1", "ingressclasses"),
    ("StorageClass", "storage.k8s.io/v1", "storageclasses"),
];

fn leftover(object: &impl ResourceExt, remains: Remains) -> Leftover {
    Leftover { run: run_of(object), remains, expires: expires(object) }
}

fn expires(object: &impl ResourceExt) -> Option<Timestamp> {
    object.annotations().get(EXPIRES_ANNOTATION)?.parse().ok()
}

fn stays(object: &impl ResourceExt, now: Timestamp) -> bool {
    object.labels().contains_key(STANDING_LABEL) && expires(object).is_some_and(|expires| expires > now)
}

fn run_of(object: &impl ResourceExt) -> String {
    object.labels().get(RUN_LABEL).cloned().unwrap_or_default()
}

impl fmt::Display for Remains {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(name) => write!(formatter, "namespace {name}"),
            Self::Lease(name) => write!(formatter, "Lease {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::api::core::v1::Namespace;
    use rstest::rstest;
    use serde_json::json;

    use super::{Leftover, stays};
    use crate::cluster::{EXPIRES_ANNOTATION, STANDING_LABEL};

    #[rstest]
    #[case::told_to(json!({STANDING_LABEL: "production"}), "2026-03-01T13:00:00Z", true)]
    #[case::told_to_until_now(json!({STANDING_LABEL: "production"}), "2026-03-01T12:00:00Z", false)]
    #[case::told_to_without_an_end(json!({STANDING_LABEL: "production"}), "", false)]
    #[case::not_told_to(json!({}), "2026-03-01T13:00:00Z", false)]
    fn a_bench_stays_when(#[case] labels: serde_json::Value, #[case] expires: &str, #[case] expected: bool) {
        let metadata = json!({"name": "hf", "labels": labels, "annotations": {EXPIRES_ANNOTATION: expires}});
        let namespace: Namespace = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        assert_eq!(stays(&namespace, "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap()), expected);
    }

    #[rstest]
    #[case::past(Some("2026-08-01T11:59:59Z"), true)]
    #[case::to_come(Some("2026-08-01T12:00:01Z"), false)]
    #[case::unknown(None, false)]
    fn what_is_left_expires_at_its_time(#[case] expires: Option<&str>, #[case] expected: bool) {
        let expires = expires.map(|time| time.parse().unwrap());
        let leftover = Leftover { expires, ..Leftover::namespace("r", "n") };
        assert_eq!(leftover.is_expired("2026-08-01T12:00:00Z".parse().unwrap()), expected);
    }
}
