//! The cluster that subjects are installed on: making it, adopting it, talking to it, taking it down.
//!
//! The cluster is owned outside the tests: `holdfast up` makes or adopts it and leaves a handle, every other command
//! attaches by the handle. What is on the cluster is cleaned up by label, never by `Drop`.

mod access;
mod apply;
mod cnpg;
mod command;
mod connection;
mod control_plane;
mod exec;
mod existing;
mod forward;
mod handle;
mod kind;
mod lease;
mod node_faults;
mod pace;
mod rights;
mod service_range;
mod sweep;
mod up;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

use self::access::Access;
pub use self::access::{AccessError, EntryError};
pub use self::apply::{Applier, ApplyError, FIELD_MANAGER};
pub use self::cnpg::OperatorError;
pub use self::command::CommandError;
pub use self::exec::{ExecError, Executed, exec, exec_with_input};
pub use self::existing::ExistingError;
pub use self::forward::{ForwardError, LocalPort, forward};
pub use self::handle::{DEFAULT_NAME, Handle, HandleError, Provider};
pub use self::kind::{Found, KindCluster};
pub use self::lease::{Election, ElectionError, Stood, Term};
pub use self::node_faults::NodeFaultError;
pub use self::pace::Pace;
pub use self::rights::{MANIFEST as RBAC_MANIFEST, Missing, Right};
pub(crate) use self::sweep::is_outside;
pub use self::sweep::{Leftover, Remains, SweepError};
pub use self::up::{Furnishing, UpError};
use crate::yaml::{self, YamlError};

/// Label of everything that a run makes: the run's id.
pub const RUN_LABEL: &str = "holdfast.dev/run";
/// Label of everything that a run makes: the subject's name.
pub const SUBJECT_LABEL: &str = "holdfast.dev/subject";
/// Label of a bench that stays when its run is over: the overlay.
pub const STANDING_LABEL: &str = "holdfast.dev/standing";
/// Annotation of everything that a run makes: when it may be swept, RFC 3339.
pub const EXPIRES_ANNOTATION: &str = "holdfast.dev/expires";

/// A connection to a cluster.
#[derive(Clone)]
pub struct Cluster {
    handle: Arc<Handle>,
    client: Client,
    pace: Arc<OnceCell<Pace>>,
    access: Access,
}

/// Why a cluster cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig file cannot be read.
    #[error("read kubeconfig {path}, which --kubeconfig chooses")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not YAML.
    #[error("read the kubeconfig")]
    Malformed(#[source] YamlError),
    /// The file is YAML and something else. Why is not told: that would quote it, and there are credentials in it.
    #[error("read kubeconfig {path}: it is no kubeconfig; `kubectl config view --kubeconfig {path}` says why")]
    NoKubeconfig {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The context is not in the file.
    #[error("use context {context} of kubeconfig {path}: {}", contexts(.known))]
    NoContext {
        /// The context.
        context: String,
        /// The file.
        path: Utf8PathBuf,
        /// The contexts that are in it.
        known: Vec<String>,
    },
    /// The entry of the context is unusable.
    #[error("use context {context} of kubeconfig {path}")]
    Context {
        /// The context.
        context: String,
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: kube::config::KubeconfigError,
    },
    /// No client can be made from the entry.
    #[error("make a client for context {context}")]
    Client {
        /// The context.
        context: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
}

fn contexts(known: &[String]) -> String {
    if known.is_empty() {
        "it has no context".into()
    } else {
        format!("there is none of that name; it has {}", known.join(", "))
    }
}

impl Cluster {
    /// Attaches to the cluster of a handle. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read, lacks the context, or makes no client.
    pub async fn attach(handle: Handle) -> Result<Self, ConnectError> {
        // Two parts of the dependency tree bring a TLS provider each; the first one to be installed counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let path = &handle.kubeconfig;
        let text = std::fs::read_to_string(path).map_err(|source| ConnectError::Read { path: path.clone(), source })?;
        // The library would quote the lines around what is wrong.
        yaml::documents(&text, path.as_str()).map_err(ConnectError::Malformed)?;
        let kubeconfig = Kubeconfig::read_from(Utf8Path::new(path))
            .map_err(|_quotes_the_file| ConnectError::NoKubeconfig { path: path.clone() })?;
        if kubeconfig.contexts.iter().all(|one| one.name != handle.context) {
            let known = kubeconfig.contexts.iter().map(|one| one.name.clone()).collect();
            return Err(ConnectError::NoContext { context: handle.context.clone(), path: path.clone(), known });
        }
        let options = KubeConfigOptions { context: Some(handle.context.clone()), ..KubeConfigOptions::default() };
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|source| ConnectError::Context { context: handle.context.clone(), path: path.clone(), source })?;
        let client = connection::client(config)
            .map_err(|source| ConnectError::Client { context: handle.context.clone(), source })?;
        // Until it is proven otherwise; on a cluster of Holdfast's own it is so.
        Ok(Self { handle: Arc::new(handle), client, access: Access::Everywhere, pace: Arc::default() })
    }

    /// Where the cluster is and how it came to be.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How long things take here, measured once for each connection, in the namespace that asks first.
    pub(crate) async fn pace(&self, namespace: &str) -> Pace {
        *self.pace.get_or_init(|| Pace::measure(&self.client, namespace)).await
    }

    /// What a reader of the report has to know of the cluster.
    pub async fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        if let Ok(version) = self.client.apiserver_version().await {
            facts.insert("Kubernetes".to_owned(), version.git_version);
        }
        // Somebody else's control plane is not ours to look into.
        if self.handle.provider == Provider::Kind
            && let Some(restarts) = control_plane::restarts(&self.client).await
        {
            facts.insert("restarts of the control plane".into(), restarts);
        }
        if let Some(pace) = self.pace.get() {
            facts.insert("budgets stretched by".into(), format!("{:.2} ({})", pace.factor, pace.no_op));
            facts.insert(
                "a changed Secret reaches a volume within".into(),
                format!("{:.0} s", pace.refresh.as_secs_f64()),
            );
        }
        facts
    }

    /// The client, for this library's own rooms.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}
