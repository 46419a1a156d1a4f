//! Running a program in a container.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a program may run. What is run here answers in milliseconds; whatever does not end is lost.
const LONGEST: Duration = Duration::from_secs(60);

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
    /// Its input or its output broke off.
    #[error("talk to {program} in pod {pod}")]
    Read {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It did not end.
    #[error("run {program} in pod {pod}: it did not end within {} s", LONGEST.as_secs())]
    Endless {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
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
    exec_with_input(pods, pod, container, command, &[]).await
}

/// The same, with something on standard input; what is secret travels there.
///
/// # Errors
/// When it cannot be started or its output breaks off. A program that fails is not an error here.
pub async fn exec_with_input(
    pods: &Api<Pod>,
    pod: &str,
    container: &str,
    command: &[&str],
    input: &[u8],
) -> Result<Executed, ExecError> {
    let program = || command.first().copied().unwrap_or_default().to_owned();
    let parameters = AttachParams::default().container(container).stdin(!input.is_empty()).stdout(true).stderr(true);
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
    let stdin = process.stdin();
    let write_in = async {
        // Its end is the end of the stream, so it is dropped here and not with the process.
        match stdin {
            Some(mut stream) => stream.write_all(input).await,
            None => Ok(()),
        }
    };
    let all = async {
        tokio::try_join!(write_in, read_out, read_err)?;
        Ok(match status {
            Some(status) => status.await,
            None => None,
        })
    };
    let ended = tokio::time::timeout(LONGEST, all).await;
    let ended = ended.map_err(|_elapsed| ExecError::Endless { program: program(), pod: pod.into() })?;
    let ended = ended.map_err(|source| ExecError::Read { program: program(), pod: pod.into(), source })?;
    let ended = ended.ok_or_else(|| ExecError::Status { program: program(), pod: pod.into() })?;
    Ok(Executed { succeeded: ended.status.as_deref() == Some("Success"), stdout, stderr })
}
