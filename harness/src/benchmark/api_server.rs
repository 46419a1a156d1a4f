//! An API server of one sentence: a list with nothing in it, and a watch that tells of one object after a while.
//!
//! It speaks just enough HTTP over the loopback interface for a client to take it for a real one, so that what is
//! measured against it is the whole way from the socket to the condition.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::MeasureError;
use super::polling::at;
use super::sampling::random;

const LIST: &str = r#"{"apiVersion":"v1","kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[]}"#;
const EVENT: &str = concat!(
    r#"{"type":"ADDED","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":"#,
    r#"{"name":"told","namespace":"default","uid":"1","resourceVersion":"2"}}}"#,
    "\n"
);

/// A server that ends when it is dropped.
pub(super) struct ApiServer {
    pub(super) address: SocketAddr,
    told: mpsc::UnboundedReceiver<Instant>,
    task: AbortHandle,
}

impl ApiServer {
    /// Listens on a free port of the loopback interface. Each watch is told of the object within `longest`.
    pub(super) async fn start(longest: Duration) -> Result<Self, MeasureError> {
        let failed = |source| MeasureError::File { operation: "listen on", path: "127.0.0.1".into(), source };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (sender, told) = mpsc::unbounded_channel();
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away ends its connection, which is no failure of anybody.
                tokio::spawn(serve_one(stream, longest, sender.clone()));
            }
        };
        Ok(Self { address, told, task: tokio::spawn(serve).abort_handle() })
    }

    /// The moment when the latest watch was told.
    pub(super) async fn told(&mut self) -> Option<Instant> {
        self.told.recv().await
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve_one(
    mut stream: TcpStream,
    longest: Duration,
    told: mpsc::UnboundedSender<Instant>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some(request) = head(&mut stream).await? {
        if !request.lines().next().unwrap_or_default().contains("watch=") {
            let length = LIST.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{LIST}");
            stream.write_all(answer.as_bytes()).await?;
            continue;
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await?;
        at(Instant::now() + random(longest)).await;
        let chunk = format!("{:x}\r\n{EVENT}\r\n", EVENT.len());
        let moment = Instant::now();
        stream.write_all(chunk.as_bytes()).await?;
        let _ = told.send(moment);
    }
    Ok(())
}

/// The head of the next request; nothing when the client has gone. Requests that only read have no body.
async fn head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Ok(None);
        }
        head.extend_from_slice(&piece[..count]);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}
