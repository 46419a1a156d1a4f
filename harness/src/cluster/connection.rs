//! The client of an API server: kube's own layers around a pool that keeps no connection which the server may be about to
//! close.
//!
//! It makes connections and sends nothing.

use std::time::Duration;

use http::Request;
use http::header::UPGRADE;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{Builder, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::{Client, Config};
use tower::retry::RetryLayer;
use tower::{BoxError, ServiceBuilder, service_fn};

/// How long a connection may rest before it is not used again.
///
/// The API server closes one that rested for 90 s, and kube's pool would keep it for 90 s: whoever sends in that moment
/// learns that the connection was closed before an answer came, and can't know whether he was heard. Load balancers
/// before an API server close after 60 s, many of them.
///
/// A connection on which a program was to be run or a port to be forwarded is not used again at all. Where the kubelet
/// refuses, because the container has just ended, the API server passes on the answer and then closes the connection,
/// which the answer does not say.
const REST: Duration = Duration::from_secs(30);

/// A client for the cluster of a configuration.
pub(super) fn client(config: Config) -> kube::Result<Client> {
    resting_at_most(REST, config)
}

fn resting_at_most(rest: Duration, config: Config) -> kube::Result<Client> {
    // kube says what there is to say of proxies.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    // TLS is the next layer's.
    connector.enforce_http(false);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        // The server asks to be left alone for a moment (429, 503, 504).
        .option_layer(config.default_retry.then(|| RetryLayer::new(RetryPolicy::server_retry())))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(service_fn(by_purpose(rest, connector)));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// Sends what is to become a stream on a connection of its own, and everything else on those that are kept.
fn by_purpose<C>(rest: Duration, connector: C) -> impl Fn(Request<Body>) -> ResponseFuture + Clone
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let builder = || Builder::new(TokioExecutor::new());
    let keeping = builder().pool_idle_timeout(rest).build(connector.clone());
    let once = builder().pool_max_idle_per_host(0).build(connector);
    move |request| {
        let client = if request.headers().contains_key(UPGRADE) { &once } else { &keeping };
        client.request(request)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

    /// A server that answers the first request on each connection, and closes the connection on the second one, as one
    /// does whose patience ends in that moment; with the number of connections so far.
    async fn impatient_server() -> (Config, Arc<AtomicUsize>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer_once(stream));
            }
        });
        (Config::new(address), connections)
    }

    async fn answer_once(mut stream: TcpStream) {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(ANSWER.as_bytes()).await;
        let _ = stream.read(&mut buffer).await;
    }

    async fn ask(client: &Client) -> Result<String, kube::Error> {
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        client.request_text(request).await
    }

    #[tokio::test]
    async fn a_connection_that_rested_too_long_is_not_used_again() {
        let (config, connections) = impatient_server().await;
        let client = resting_at_most(Duration::ZERO, config).unwrap();
        assert_eq!(ask(&client).await.unwrap(), "{}");
        assert_eq!(ask(&client).await.unwrap(), "{}");
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_connection_that_was_to_become_a_stream_is_not_used_again() {
        let (config, connections) = impatient_server().await;
        let client = client(config).unwrap();
        let exec = http::Request::get("/exec").header("connection", "Upgrade").header("upgrade", "websocket");
        // The server answers like a kubelet whose container has ended: with no stream.
        assert_eq!(client.request_text(exec.body(Vec::new()).unwrap()).await.unwrap(), "{}");
        assert_eq!(ask(&client).await.unwrap(), "{}");
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }

    /// The control: this is what a connection that is used again comes to on such a server.
    #[tokio::test]
    async fn a_connection_that_has_not_rested_for_long_is_used_again() {
        let (config, connections) = impatient_server().await;
        let client = client(config).unwrap();
        assert_eq!(ask(&client).await.unwrap(), "{}");
        let refused = ask(&client).await.unwrap_err();
        assert!(matches!(refused, kube::Error::Service(_)), "{refused}");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}
