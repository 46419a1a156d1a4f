//! The place where a subject is installed: a labelled namespace with its database.
//!
//! A bench is disturbed by experiments and observed by probes. It is removed by label, so that a run that was killed
//! leaves nothing that `holdfast sweep` does not find.

mod application;
mod beside;
mod credential;
mod database;
mod error;
mod faults;
mod installation;
mod logs;
mod observe;

use camino::Utf8PathBuf;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Pod, Secret};
use kube::api::{DeleteParams, DynamicObject, PostParams};
use kube::{Api, Resource};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub(crate) use self::application::COPIED;
pub use self::application::{BELOW_MINIMUM, Copier, Front, OVER_TLS, WITHOUT_TLS};
pub use self::credential::Format;
pub(crate) use self::credential::{ACCEPTED, REFUSED};
pub(crate) use self::database::Presented;
pub use self::database::{BundledServer, Migration};
pub use self::error::BenchError;
pub use self::installation::{
    CaInputs, CaProcedures, Change, CredentialSecret, Installation, InstallationError, ModeVariable, Procedure,
    Programs, Release, TrustSecret,
};
pub(crate) use self::installation::{Ran, unguessed};
use self::logs::LogStreams;
use crate::cluster::{
    Applier, Cluster, EXPIRES_ANNOTATION, FIELD_MANAGER, Leftover, Pace, Provider, RUN_LABEL, SUBJECT_LABEL,
};
use crate::digest::sha256;
use crate::probe::{Database, Server};
use crate::redact::{PrivateRoom, Redactor, Sink};
use crate::rendered::NAMESPACE_OF_A_BENCH;
use crate::wait::{Budget, WaitError};

/// How long what a run makes may stay after the run was killed.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(4);

/// A client of a bench opens a session within this time, if it has none: probes and heartbeats ask every few seconds.
const COMES_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// One subject in a namespace of its own.
pub struct Bench {
    cluster: Cluster,
    run: String,
    namespace: String,
    installation: Installation,
    keep: Keep,
    logs: LogStreams,
    pace: Pace,
    raised: Timestamp,
    /// Where documented commands are run, once there are some.
    workshop: OnceCell<TempDir>,
}

/// Where what a bench brings to light is kept, and what must never be among it.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Knows every credential before it is used.
    pub redactor: Redactor,
    /// Raw logs until they are masked.
    pub room: PrivateRoom,
    /// The writer of artefacts.
    pub sink: Sink,
    /// The folder for logs, objects and events.
    pub diagnostics: Utf8PathBuf,
}

impl Bench {
    /// Makes the namespace. Nothing is installed yet.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn raise(
        cluster: Cluster,
        run: &str,
        name: &str,
        installation: Installation,
        keep: Keep,
    ) -> Result<Self, BenchError> {
        let inputs = installation.inputs.iter().map(|(path, value)| (path.as_str(), value.expose_secret()));
        keep.redactor.register_all(inputs).map_err(|source| BenchError::Confidence { source })?;
        let namespace = Self::namespace_of(run, name);
        let object = namespace_object(&namespace, run, &installation.subject)?;
        let api: Api<Namespace> = Api::all(cluster.client().clone());
        // Created, never applied: a namespace that is there already is somebody else's.
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        api.create(&parameters, &object)
            .await
            .map_err(|source| BenchError::Namespace { namespace: namespace.clone(), source })?;
        let entered = cluster.enter(&namespace).await;
        let entered = entered.map_err(|source| BenchError::Entry { namespace: namespace.clone(), source });
        let furnished = match entered {
            Ok(()) => give_shares(&cluster, &namespace).await,
            refused => refused,
        };
        if let Err(error) = furnished {
            // Nothing is in it yet, and without rights nobody would come back for it.
            let _ = api.delete(&namespace, &DeleteParams::background()).await;
            return Err(error);
        }
        let pace = cluster.pace(&namespace).await;
        let logs = LogStreams::follow(Api::namespaced(cluster.client().clone(), &namespace), &namespace, &keep);
        Ok(Self {
            cluster,
            run: run.to_owned(),
            namespace,
            installation,
            keep,
            logs,
            pace,
            raised: Timestamp::now(),
            workshop: OnceCell::new(),
        })
    }

    /// A budget as it is here: stretched for how slow the cluster is.
    pub(crate) fn allow(&self, budget: Budget) -> Budget {
        budget.stretched(self.pace.factor)
    }

    /// A budget for what also waits for a changed Secret to reach a volume.
    pub(crate) fn allow_refresh(&self, budget: Budget) -> Budget {
        self.allow(budget.longer_by(self.pace.refresh))
    }

    /// Since when the bench stands.
    pub(crate) fn standing_since(&self) -> Timestamp {
        self.raised
    }

    /// Since when logins tell who is a client, also while a pool is between two sessions. On an old bench with many clients
    /// the log of everything before takes longer to read than anything else.
    pub(crate) fn clients_since(&self) -> Timestamp {
        Timestamp::now().saturating_sub(COMES_WITHIN).map_or(self.raised, |recently| recently.max(self.raised))
    }

    /// The namespace of the bench of that name in a run.
    pub fn namespace_of(run: &str, name: &str) -> String {
        namespace_of(run, name)
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What is installed here.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The cluster below.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Applies the subject's companions, its database among them, and waits until the database answers a query.
    ///
    /// # Errors
    /// When an object is refused or the database does not come up within its budget.
    pub async fn prepare(&self) -> Result<(), BenchError> {
        if self.installation.own_ca {
            self.begin_own_ca().await?;
        }
        let mut applier = Applier::new(self.cluster.client().clone());
        for companion in &self.installation.companions {
            applier
                .apply(&at_home(companion, &self.namespace), &self.namespace)
                .await
                .map_err(|source| BenchError::Companion { namespace: self.namespace.clone(), source })?;
        }
        self.database_ready().await?;
        self.register_credentials().await
    }

    /// Asks for the removal of everything, and does not wait for it.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn clear(&self) -> Result<(), BenchError> {
        self.release_logs();
        let leftover = Leftover::namespace(&self.run, &self.namespace);
        let removed = self.cluster.remove(&leftover).await;
        removed.map_err(|source| BenchError::Clear { namespace: self.namespace.clone(), source })
    }

    /// The database of the subject.
    ///
    /// # Errors
    /// When the subject names none that stands on the bench.
    pub fn database(&self) -> Result<Database, BenchError> {
        let server = self.installation.server().ok_or_else(|| {
            BenchError::Unsuited(
                "the subject names neither a CloudNativePG cluster under `database.cluster` nor a StatefulSet under \
                 `database.bundled`"
                    .into(),
            )
        })?;
        Ok(self.database_at(server))
    }

    fn database_at(&self, server: Server) -> Database {
        Database::new(self.cluster.client().clone(), &self.namespace, server)
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        self.api()
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        self.api()
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()> + DeserializeOwned,
    {
        Api::namespaced(self.cluster.client().clone(), &self.namespace)
    }

    pub(crate) fn objects(&self, action: impl Into<String>, source: kube::Error) -> BenchError {
        BenchError::Objects { action: action.into(), namespace: self.namespace.clone(), source }
    }

    pub(crate) fn waited(&self, source: WaitError) -> BenchError {
        BenchError::Wait { namespace: self.namespace.clone(), source }
    }
}

/// How long the name of a namespace may be: it is part of DNS names.
const LONGEST: usize = 63;

/// The name of a bench's namespace: unique by the run, and within the run by the bench's name. What does not fit gives
/// way to a digest of the whole, so that two long names that begin alike stay two.
fn namespace_of(run: &str, name: &str) -> String {
    let whole = format!("hf-{run}-{name}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let digest = &sha256(&whole)[..8];
    let kept: String = whole.chars().take(LONGEST - digest.len() - 1).collect();
    format!("{}-{digest}", kept.trim_end_matches('-'))
}

/// A namespace of a run, with what `holdfast sweep` goes by.
fn namespace_object(name: &str, run: &str, subject: &str) -> Result<Namespace, BenchError> {
    let expires = Timestamp::now().saturating_add(TIME_TO_LIVE).unwrap_or(Timestamp::MAX);
    from_json(json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {RUN_LABEL: run, SUBJECT_LABEL: subject},
            "annotations": {EXPIRES_ANNOTATION: expires.to_string()},
        },
    }))
}

/// On a cluster of our own, gives a share of the processors to every pod that asks for none.
///
/// All of these together have the least weight that there is. The control plane is on the same node and asks for much, so
/// that on a busy machine such a pod stands still for seconds, and what an experiment measures is the machine.
async fn give_shares(cluster: &Cluster, namespace: &str) -> Result<(), BenchError> {
    if cluster.handle().provider != Provider::Kind {
        return Ok(());
    }
    let shares: LimitRange = from_json(json!({
        "apiVersion": "v1", "kind": "LimitRange",
        "metadata": {"name": "holdfast"},
        "spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "10m"}}]},
    }))?;
    let api: Api<LimitRange> = Api::namespaced(cluster.client().clone(), namespace);
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let made = api.create(&parameters, &shares).await;
    made.map(drop).map_err(|source| BenchError::Objects {
        action: "give pods a share of the processors".into(),
        namespace: namespace.into(),
        source,
    })
}

/// A companion that speaks of the namespace that it is put into.
fn at_home(companion: &DynamicObject, namespace: &str) -> DynamicObject {
    // A namespace has no letter that JSON would write otherwise, so what is written can be read again.
    serde_json::to_string(companion)
        .and_then(|text| serde_json::from_str(&text.replace(NAMESPACE_OF_A_BENCH, namespace)))
        .unwrap_or_else(|_| companion.clone())
}

/// Reads a Kubernetes object from literal JSON. One that was written wrongly is no other object, which would do something
/// else.
fn from_json<K: DeserializeOwned>(object: serde_json::Value) -> Result<K, BenchError> {
    serde_json::from_value(object).map_err(BenchError::Literal)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::DynamicObject;
    use rstest::rstest;
    use serde_json::{from_value, json, to_value};

    use super::{at_home, from_json, namespace_object, namespace_of};
    use crate::bench::BenchError;
    use crate::rendered::NAMESPACE_OF_A_BENCH;

    const RUN: &str = "20261122-1412-k3f9";

    #[rstest]
    #[case::short("agents-declared")]
    #[case::of_just_the_length("m07-a-mutant-with-a-name-so-long-declared")]
    fn a_name_that_fits_stays_as_it_is(#[case] name: &str) {
        assert_eq!(namespace_of(RUN, name), format!("hf-{RUN}-{name}"));
    }

    #[test]
    fn long_names_that_begin_alike_stay_two() {
        let names = ["declared", "plaintext"].map(|line| namespace_of(RUN, &format!("{}-{line}", "a".repeat(50))));
        assert!(
            names.iter().all(|name| name.len() <= 63 && name.starts_with("hf-20261122-1412-k3f9-aaa")),
            "{names:?}"
        );
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn a_shortened_name_is_a_label() {
        let name = namespace_of(RUN, &format!("{}-{}", "a".repeat(31), "b".repeat(30)));
        assert!(!name.contains("--"), "{name}");
        assert!(name.ends_with(|last: char| last.is_ascii_alphanumeric()), "{name}");
    }

    #[test]
    fn an_object_that_is_written_wrongly_is_no_object() {
        let pod = from_json::<Pod>(json!({"metadata": {"name": "a"}, "spec": {"containers": "none"}}));
        assert!(matches!(pod, Err(BenchError::Literal(_))), "{pod:?}");
        let namespace = namespace_object("hf-1", RUN, "agents").unwrap();
        assert_eq!(namespace.metadata.name.as_deref(), Some("hf-1"));
    }

    #[test]
    fn a_companion_speaks_of_the_namespace_that_it_is_put_into() {
        let of = |namespace: &str| {
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "reader", "annotations": {"of": namespace}},
                "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
                "url": format!("http://reader.{namespace}.svc"),
            })
        };
        let companion: DynamicObject = from_value(of(NAMESPACE_OF_A_BENCH)).unwrap();
        assert_eq!(to_value(at_home(&companion, "hf-1")).unwrap(), of("hf-1"));
    }
}
