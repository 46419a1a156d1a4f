//! What goes wrong with a node and with the control plane that runs on it. Only nodes of our own are touched, which are
//! containers.
//!
//! Neither fault needs Holdfast to end it: the node starts its kubelet again by itself, and the kubelet the API server.
//! So a run that is killed half-way leaves no cluster behind that does not work.

use std::time::Duration;

use super::command::{CommandError, run};
use super::kind::KindCluster;
use super::{Cluster, OperatorError};
use crate::error::Chain;
use crate::wait::{Budget, Progress, WaitError, poll_until};

/// How long a kubelet is away. A node counts as lost after twice that, and its pods with it.
const AWAY: Duration = Duration::from_secs(20);

const KUBELET_GONE: Budget = Budget::seconds("the kubelet of every node to be stopped", 20);
const KUBELET_BACK: Budget = Budget::seconds("the kubelet of every node to be back", 90);
const API_BACK: Budget = Budget::seconds("the API server to answer again", 120);

/// Begins at once and goes on in the node, whatever becomes of the caller.
const LEAVE: &str = "systemctl stop kubelet; sleep \"$0\"; systemctl start kubelet";

/// Succeeds where the kubelet listens. The API server would ask it again and again before it said that it does not.
const LISTENS: &str = "exec 3<>/dev/tcp/127.0.0.1/10250";

/// Fails where there is none to kill.
const KILL: &str = "for comm in /proc/[0-9]*/comm; do
  test \"$(cat $comm 2>/dev/null)\" = kube-apiserver || continue
  pid=${comm#/proc/}; kill -KILL ${pid%/comm}; killed=yes
done
test \"${killed:-}\"";

/// Why a node or the control plane could not be disturbed, or did not come back.
#[derive(Debug, thiserror::Error)]
pub enum NodeFaultError {
    /// The nodes are not Holdfast's.
    #[error("the nodes of this cluster are no containers that Holdfast made, and are left alone")]
    NotOurs,
    /// The node did not do what it was told.
    #[error("tell a node")]
    Command(#[source] CommandError),
    /// What was stopped did not come back.
    #[error("wait for the node")]
    Wait(#[source] WaitError),
    /// The operator did not come back with the API server.
    #[error("see that the operator works again")]
    Operator(#[source] OperatorError),
}

impl Cluster {
    /// Stops the kubelet of every node, and sees that none listens. Each comes back by itself.
    ///
    /// # Errors
    /// When the nodes are not ours, or a kubelet still listens.
    pub(crate) async fn stop_kubelets(&self) -> Result<(), NodeFaultError> {
        let nodes = self.handle().nodes.as_ref().ok_or(NodeFaultError::NotOurs)?;
        for node in nodes.nodes().await.map_err(NodeFaultError::Command)? {
            nodes.in_background(&node, LEAVE, &AWAY.as_secs().to_string()).await.map_err(NodeFaultError::Command)?;
        }
        let gone = poll_until(KUBELET_GONE, || async {
            match nodes.kubelets().await {
                Ok((listening, _)) if listening.is_empty() => Progress::Ready(()),
                Ok((listening, _)) => Progress::NotYet(format!("that of {} listens", listening.join(", "))),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        gone.await.map_err(NodeFaultError::Wait)
    }

    /// Waits until the kubelet of every node listens.
    ///
    /// # Errors
    /// When one does not within its budget.
    pub(crate) async fn kubelets_are_back(&self) -> Result<(), NodeFaultError> {
        let nodes = self.handle().nodes.as_ref().ok_or(NodeFaultError::NotOurs)?;
        let back = poll_until(KUBELET_BACK, || async {
            match nodes.kubelets().await {
                Ok((_, away)) if away.is_empty() => Progress::Ready(()),
                Ok((_, away)) => Progress::NotYet(format!("that of {} is away", away.join(", "))),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        back.await.map_err(NodeFaultError::Wait)
    }

    /// Kills the API server, which nobody warns.
    ///
    /// # Errors
    /// When the nodes are not ours, or there is none.
    pub(crate) async fn kill_api_server(&self) -> Result<(), NodeFaultError> {
        let nodes = self.handle().nodes.as_ref().ok_or(NodeFaultError::NotOurs)?;
        let mut killed = Err(NodeFaultError::NotOurs);
        for node in nodes.nodes().await.map_err(NodeFaultError::Command)? {
            let mut command = nodes.docker();
            command.args(["exec", &node, "sh", "-c", KILL]);
            match run(command).await {
                Ok(_) => return Ok(()),
                // A worker has none.
                Err(error) => killed = Err(NodeFaultError::Command(error)),
            }
        }
        killed
    }

    /// Waits until the API server is ready, and what was lost with it: the operator, whose lease may have run out.
    ///
    /// # Errors
    /// When one of them is not within its budget.
    pub(crate) async fn api_server_is_back(&self) -> Result<(), NodeFaultError> {
        self.api_server_answers().await.map_err(NodeFaultError::Wait)?;
        self.databases_accepted().await.map_err(NodeFaultError::Operator)
    }

    /// Waits until the API server is ready, which takes no time where nobody killed it.
    ///
    /// # Errors
    /// When it is not within its budget.
    pub(super) async fn api_server_answers(&self) -> Result<(), WaitError> {
        let ready = poll_until(API_BACK, || async {
            let request = match http::Request::get("/readyz").body(Vec::new()) {
                Ok(request) => request,
                Err(error) => return Progress::Hopeless(error.to_string()),
            };
            match self.client().request_text(request).await {
                Ok(_) => Progress::Ready(()),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        });
        ready.await
    }
}

impl KindCluster {
    /// Runs a script in a node, which goes on when nobody waits for it; `$0` is its argument.
    async fn in_background(&self, node: &str, script: &str, argument: &str) -> Result<(), CommandError> {
        let mut command = self.docker();
        command.args(["exec", "--detach", node, "sh", "-c", script, argument]);
        run(command).await.map(drop)
    }

    /// The nodes whose kubelets listen, and the others.
    async fn kubelets(&self) -> Result<(Vec<String>, Vec<String>), CommandError> {
        let (mut listening, mut away) = (Vec::new(), Vec::new());
        for node in self.nodes().await? {
            let mut command = self.docker();
            command.args(["exec", &node, "bash", "-c", LISTENS]);
            match run(command).await {
                Ok(_) => listening.push(node),
                Err(CommandError::Failed { .. }) => away.push(node),
                Err(error) => return Err(error),
            }
        }
        Ok((listening, away))
    }
}
