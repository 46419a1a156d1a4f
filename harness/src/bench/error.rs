//! Why a bench cannot be raised, changed or observed.

use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::authority::IssueError;
use crate::cluster::{ApplyError, EntryError, NodeFaultError, OperatorError, SweepError};
use crate::history::HistoryError;
use crate::probe::QueryError;
use crate::redact::RedactError;
use crate::wait::WaitError;
use crate::yaml::YamlError;

/// Why a bench cannot be raised, changed or observed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The namespace cannot be made.
    #[error("make namespace {namespace}")]
    Namespace {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The bench cannot be removed.
    #[error("clear namespace {namespace}")]
    Clear {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: SweepError,
    },
    /// The namespace is there, and the rights in it are not.
    #[error("enter namespace {namespace}")]
    Entry {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: EntryError,
    },
    /// A companion cannot be applied.
    #[error("apply the companions of the subject in namespace {namespace}")]
    Companion {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: ApplyError,
    },
    /// What Helm keeps of a release is no YAML.
    #[error("read the manifests of release {release}")]
    Manifest {
        /// The release.
        release: String,
        /// Why.
        #[source]
        source: YamlError,
    },
    /// What Helm keeps of a release holds something that is no Kubernetes object.
    #[error("read the manifests of release {release} as Kubernetes objects")]
    Object {
        /// The release.
        release: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A step that the subject declares for people fails.
    #[error("run the steps that the subject declares under `restart`: {message}")]
    Steps {
        /// What it wrote at last.
        message: String,
    },
    /// The chart cannot be copied for commands that write files.
    #[error("copy {chart} for the documented commands")]
    Copy {
        /// The chart's folder.
        chart: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operator of the databases cannot be stopped or started.
    #[error("disturb the operator of the databases")]
    Operator(#[source] OperatorError),
    /// A node or its control plane cannot be disturbed, or did not come back.
    #[error("disturb the nodes of the cluster")]
    Node(#[source] NodeFaultError),
    /// What was done once for several benches failed, and so for each of them.
    #[error(transparent)]
    Together(Arc<Self>),
    /// Something did not become true in time.
    #[error("wait in namespace {namespace}")]
    Wait {
        /// The namespace.
        namespace: String,
        /// What, and what was seen.
        #[source]
        source: WaitError,
    },
    /// A program cannot be started.
    #[error("start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The programs that documented commands call cannot be put where these find them.
    #[error("make a folder with helm and kubectl for the documented commands")]
    Tools(#[source] std::io::Error),
    /// A pod cannot be reached from this machine.
    #[error("open a port of this machine that leads to {pod} in namespace {namespace}")]
    Port {
        /// The pod.
        pod: String,
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Helm refused.
    #[error("{action} release {release} in namespace {namespace}: {message}")]
    Helm {
        /// What was attempted.
        action: &'static str,
        /// The release.
        release: String,
        /// The namespace.
        namespace: String,
        /// What Helm wrote.
        message: String,
    },
    /// A file for Helm cannot be written.
    #[error("write the values for release {release}")]
    Values {
        /// The release.
        release: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Objects of the bench cannot be read or changed.
    #[error("{action} in namespace {namespace}")]
    Objects {
        /// What was attempted, a verb phrase.
        action: String,
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The database cannot be asked.
    #[error("ask the database in namespace {namespace}")]
    Query {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: QueryError,
    },
    /// A credential cannot be registered, so it must not be used.
    #[error("keep the credentials of the bench out of every artefact")]
    Confidence {
        /// Why.
        #[source]
        source: RedactError,
    },
    /// A certificate for the bench cannot be issued.
    #[error("prepare a certificate authority for namespace {namespace}")]
    Issue {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: IssueError,
    },
    /// The kubeconfig of an account cannot be written.
    #[error("write the kubeconfig of an account in namespace {namespace}")]
    Account {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What Helm answered is not what it promises.
    #[error("read what `helm {command}` answers for release {release}")]
    Answer {
        /// The command, without its arguments.
        command: &'static str,
        /// The release.
        release: String,
        /// Why.
        #[source]
        source: YamlError,
    },
    /// The writer's answer is not what it promises.
    #[error("read the writer's answer to {path}")]
    Writer {
        /// What was asked for.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// What the writer told is no history.
    #[error("judge by the writer's history")]
    History {
        /// Why.
        #[source]
        source: HistoryError,
    },
    /// A literal object is wrong.
    #[error("describe an object for the bench; a defect of Holdfast, unless the object was read from the cluster")]
    Literal(#[source] serde_json::Error),
    /// A step has a precondition that the subject does not meet.
    #[error("{0}")]
    Unsuited(String),
}
