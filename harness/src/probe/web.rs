//! One question over HTTP to one pod of an application, as a client of its Service would ask it.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use reqwest::{Client, StatusCode};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use secrecy::{ExposeSecret, SecretString};

use super::certificate::Certificate;
use super::trust::trusting;
use crate::error::Chain;

/// Long enough for a server that looks into its database first.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked, and how it travels.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The name by which clients dial, which the certificate must cover.
    pub name: &'a str,
    /// The path.
    pub path: &'a str,
    /// The key to present, if one is.
    pub key: Option<&'a SecretString>,
    /// How it is carried.
    pub carriage: Carriage<'a>,
}

/// How a question travels.
#[derive(Debug, Clone, Copy)]
pub enum Carriage<'a> {
    /// Without TLS.
    Plain,
    /// Over TLS that is verified against this CA, PEM.
    Tls {
        /// The CA.
        ca: &'a [u8],
        /// The versions that are offered.
        versions: &'a [&'static SupportedProtocolVersion],
    },
}

/// Every version of TLS that is worth the name.
pub const ANY_TLS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
/// TLS 1.2 and nothing else.
pub const TLS_1_2: &[&SupportedProtocolVersion] = &[&TLS12];

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, or why there is none.
    pub status: Result<StatusCode, String>,
    /// The certificate that was served.
    pub leaf: Option<Certificate>,
}

/// Asks at an address that leads to the pod.
pub async fn ask(address: SocketAddr, question: &Question<'_>) -> Answer {
    match attempt(address, question).await {
        Ok(answer) => answer,
        Err(reason) => Answer { status: Err(reason), leaf: None },
    }
}

async fn attempt(address: SocketAddr, question: &Question<'_>) -> Result<Answer, String> {
    let builder =
        Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).resolve(question.name, address);
    let (scheme, builder) = match question.carriage {
        // The configuration is never used, but there has to be one.
        Carriage::Plain => ("http", builder.tls_backend_preconfigured(trusting_nobody()?)),
        Carriage::Tls { ca, versions } => {
            ("https", builder.tls_backend_preconfigured(trusting(ca, versions)?).tls_info(true))
        }
    };
    let client = builder.build().map_err(|error| Chain(&error).to_string())?;
    let url = format!("{scheme}://{}:{}{}", question.name, address.port(), question.path);
    let mut request = client.get(url);
    if let Some(key) = question.key {
        request = request.bearer_auth(key.expose_secret());
    }
    let response = request.send().await.map_err(|error| Chain(&error.without_url()).to_string())?;
    let leaf = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
    let leaf = leaf.and_then(|der| Certificate::of_der(der).ok());
    Ok(Answer { status: Ok(response.status()), leaf })
}

fn trusting_nobody() -> Result<rustls::ClientConfig, String> {
    let builder = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use secrecy::SecretString;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{ANY_TLS, Carriage, Question, ask};

    /// Answers one request with 401, and returns what was asked.
    async fn server() -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        (address, served)
    }

    fn question<'a>(key: &'a SecretString, carriage: Carriage<'a>) -> Question<'a> {
        Question { name: "shop", path: "/rows", key: Some(key), carriage }
    }

    #[tokio::test]
    async fn a_key_is_presented_and_the_status_is_the_answer() {
        let (address, served) = server().await;
        let key = SecretString::from("k1");
        let answer = ask(address, &question(&key, Carriage::Plain)).await;
        assert_eq!(answer.status.unwrap().as_u16(), 401);
        let asked = served.await.unwrap().to_lowercase();
        assert!(asked.starts_with("get /rows ") && asked.contains("authorization: bearer k1"), "{asked}");
    }

    #[tokio::test]
    async fn who_speaks_no_tls_gives_no_answer_over_it() {
        let (address, _served) = server().await;
        let ca = rcgen::generate_simple_self_signed(vec!["shop".into()]).unwrap().cert.pem();
        let key = SecretString::from("k1");
        let answer = ask(address, &question(&key, Carriage::Tls { ca: ca.as_bytes(), versions: ANY_TLS })).await;
        assert!(answer.status.is_err() && answer.leaf.is_none());
    }
}
