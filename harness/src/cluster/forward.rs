//! A byte stream to a port of a pod, through the API server; or a port of this machine that leads there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Why no stream to a pod could be had.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The API server refused.
    #[error("forward port {port} of pod {pod}")]
    Refused {
        /// The pod.
        pod: String,
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The API server accepted and gave no stream.
    #[error("open a stream to port {port} of pod {pod}")]
    NoStream {
        /// The pod.
        pod: String,
        /// The port.
        port: u16,
    },
}

/// Opens a stream to a port of a pod. It ends with the value that is returned.
///
/// # Errors
/// When the API server refuses. A port on which nobody listens shows as an end of the stream.
pub async fn forward(
    pods: &Api<Pod>,
    pod: &str,
    port: u16,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, ForwardError> {
    let mut forwarder = pods.portforward(pod, &[port]).await.map_err(|source| ForwardError::Refused {
        pod: pod.into(),
        port,
        source,
    })?;
    forwarder.take_stream(port).ok_or_else(|| ForwardError::NoStream { pod: pod.into(), port })
}

/// A port on the loopback address that leads to a port of a pod, for as long as the value lives.
pub struct LocalPort {
    address: SocketAddr,
    task: AbortHandle,
}

impl LocalPort {
    /// Opens one. Each connection to it is a stream of its own; one that fails ends at once, as if nobody listened.
    ///
    /// # Errors
    /// When no port of this machine is free.
    pub async fn open(pods: Api<Pod>, pod: &str, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, pod) = (listener.local_addr()?, pod.to_owned());
        let accepted = async move {
            while let Ok((mut near, _from)) = listener.accept().await {
                let (pods, pod) = (pods.clone(), pod.clone());
                tokio::spawn(async move {
                    if let Ok(mut far) = forward(&pods, &pod, port).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        };
        Ok(Self { address, task: tokio::spawn(accepted).abort_handle() })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LocalPort {
    fn drop(&mut self) {
        self.task.abort();
    }
}
