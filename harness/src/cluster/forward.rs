//! A byte stream to a port of a pod, through the API server.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite};

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
