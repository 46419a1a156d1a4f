//! Running a program in a container.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use tokio::io::AsyncReadExt;

/// What a program left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Whether it exited with 0.
    pub succeeded: bool,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The API server did not start it.
    #[error("run {program} in pod {pod}")]
    Start {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// Its output broke off.
    #[error("read what {program} in pod {pod} writes")]
    Read {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The API server did not say how it ended.
    #[error("learn how {program} in pod {pod} ended")]
    Status {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
    },
}

/// Runs a program in a container of a pod and returns what it wrote. Nothing secret may be in `command`.
///
/// # Errors
/// When it cannot be started or its output breaks off. A program that fails is not an error here.
pub async fn exec(pods: &Api<Pod>, pod: &str, container: &str, command: &[&str]) -> Result<Executed, ExecError> {
    let program = || command.first().copied().unwrap_or_default().to_owned();
    let parameters = AttachParams::default().container(container).stdout(true).stderr(true);
    let mut process = pods
        .exec(pod, command.iter().copied(), &parameters)
        .await
        .map_err(|source| ExecError::Start { program: program(), pod: pod.into(), source })?;
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let (mut out, mut err) = (process.stdout(), process.stderr());
    let status = process.take_status();
    let read_out = async {
        match &mut out {
            Some(stream) => stream.read_to_string(&mut stdout).await.map(drop),
            None => Ok(()),
        }
    };
    let read_err = async {
        match &mut err {
            Some(stream) => stream.read_to_string(&mut stderr).await.map(drop),
            None => Ok(()),
        }
    };
    tokio::try_join!(read_out, read_err).map_err(|source| ExecError::Read {
        program: program(),
        pod: pod.into(),
        source,
    })?;
    let ended = match status {
        Some(status) => status.await,
        None => None,
    };
    let ended = ended.ok_or_else(|| ExecError::Status { program: program(), pod: pod.into() })?;
    Ok(Executed { succeeded: ended.status.as_deref() == Some("Success"), stdout, stderr })
}
