//! A TLS handshake with PostgreSQL that looks at what is served, whoever signed it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::certificate::{Certificate, certificates_of};

/// PostgreSQL's SSLRequest: length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What a server served in a handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// When it was seen, by the clock of this machine.
    pub at: Timestamp,
    /// Where: a pod, or a Service through one of its pods.
    pub endpoint: String,
    /// The name that a client dials, against which the certificate was held.
    pub name: String,
    /// The leaf certificate.
    pub leaf: Certificate,
    /// Why the leaf does not verify against the CA for the name; absent if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl fmt::Display for Served {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} as {}", self.endpoint, self.name)
    }
}

/// Why nothing can be said of what a server serves.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The name is not a DNS name.
    #[error("read {0:?} as a server name")]
    Name(String),
    /// The CA to verify against cannot be read.
    #[error("read the CA to verify {name} against")]
    Ca {
        /// The dialled name.
        name: String,
        /// Why.
        #[source]
        source: super::CertificateError,
    },
    /// What the server presents is no certificate that can be read.
    #[error("read the certificate that {name} presents")]
    Leaf {
        /// The dialled name.
        name: String,
        /// Why.
        #[source]
        source: super::CertificateError,
    },
    /// The certificates of the CA are unusable as trust anchors.
    #[error("trust the CA for {name}: {reason}")]
    Anchor {
        /// The dialled name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The stream broke, or the server answered something that is not TLS.
    #[error("shake hands with {name}")]
    Stream {
        /// The dialled name.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server does not offer TLS.
    #[error("shake hands with {0}: the server does not offer TLS")]
    Plaintext(String),
}

/// Shakes hands over an open stream and reports what was served and whether `ca` vouches for it under `name`.
///
/// # Errors
/// When there is no handshake. A certificate that does not verify is not an error: it is the answer.
pub async fn handshake(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    endpoint: &str,
    name: &str,
    ca: &[u8],
) -> Result<Served, HandshakeError> {
    let broken = |source| HandshakeError::Stream { name: name.into(), source };
    let server = ServerName::try_from(name.to_owned()).map_err(|_invalid| HandshakeError::Name(name.into()))?;
    stream.write_all(&SSL_REQUEST).await.map_err(broken)?;
    if stream.read_u8().await.map_err(broken)? != b'S' {
        return Err(HandshakeError::Plaintext(name.into()));
    }

    let provider = Arc::new(ring::default_provider());
    let looker = Arc::new(Looker { provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(std::io::Error::other(error)))?
        .dangerous()
        .with_custom_certificate_verifier(looker)
        .with_no_client_auth();
    let session = TlsConnector::from(Arc::new(config)).connect(server.clone(), stream).await.map_err(broken)?;
    let presented = session.get_ref().1.peer_certificates().unwrap_or_default();
    let Some((leaf, intermediates)) = presented.split_first() else {
        return Err(broken(std::io::Error::other("the server presented no certificate")));
    };

    let anchors = certificates_of(ca).map_err(|source| HandshakeError::Ca { name: name.into(), source })?;
    let refused = verify(anchors, leaf, intermediates, &server, provider)
        .map_err(|reason| HandshakeError::Anchor { name: name.into(), reason })?;
    let leaf = Certificate::of_der(leaf).map_err(|source| HandshakeError::Leaf { name: name.into(), source })?;
    Ok(Served { at: Timestamp::now(), endpoint: endpoint.into(), name: name.into(), leaf, refused })
}

/// Says why a leaf does not verify, if it does not.
fn verify(
    anchors: Vec<CertificateDer<'static>>,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    provider: Arc<CryptoProvider>,
) -> Result<Option<String>, String> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors {
        roots.add(anchor).map_err(|error| error.to_string())?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    let verified = verifier.verify_server_cert(leaf, intermediates, name, &[], UnixTime::now());
    Ok(verified.err().map(|error| error.to_string()))
}

/// Lets every certificate through, so that it can be looked at. Used for nothing but looking: no secret is ever sent
/// over a session that it made.
#[derive(Debug)]
struct Looker {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    struct Authority {
        pem: String,
        issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    }

    fn authority(name: &str) -> Authority {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: rcgen::Issuer::new(parameters, key) }
    }

    /// A server that speaks as much of the protocol as a handshake needs.
    fn serve(authority: &Authority, name: &str) -> DuplexStream {
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf =
            rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority.issuer).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let (client, mut server) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let mut request = [0; 8];
            server.read_exact(&mut request).await.unwrap();
            assert_eq!(request, SSL_REQUEST);
            server.write_all(b"S").await.unwrap();
            let mut session = TlsAcceptor::from(Arc::new(config)).accept(server).await.unwrap();
            let _closed = session.read_u8().await;
        });
        client
    }

    #[tokio::test]
    async fn the_right_ca_vouches_for_the_name() {
        let ours = authority("ours");
        let served = handshake(serve(&ours, "db-rw"), "pod/db-1", "db-rw", ours.pem.as_bytes()).await.unwrap();
        assert_eq!(served.refused, None);
        assert_eq!(served.leaf.names, ["db-rw"]);
    }

    #[tokio::test]
    async fn a_foreign_ca_does_not() {
        let (ours, foreign) = (authority("ours"), authority("foreign"));
        let served = handshake(serve(&ours, "db-rw"), "pod/db-1", "db-rw", foreign.pem.as_bytes()).await.unwrap();
        assert!(served.refused.unwrap().contains("UnknownIssuer"));
    }

    #[tokio::test]
    async fn another_name_is_refused() {
        let ours = authority("ours");
        let served = handshake(serve(&ours, "db-rw"), "pod/db-1", "db-pooler", ours.pem.as_bytes()).await.unwrap();
        assert!(served.refused.unwrap().contains("db-pooler"));
    }

    #[tokio::test]
    async fn a_server_without_tls_is_told_from_one_that_breaks() {
        let (client, mut server) = tokio::io::duplex(64);
        tokio::spawn(async move {
            let mut request = [0; 8];
            server.read_exact(&mut request).await.unwrap();
            server.write_all(b"N").await.unwrap();
        });
        let refused = handshake(client, "pod/db-1", "db-rw", b"").await.unwrap_err();
        assert!(matches!(refused, HandshakeError::Plaintext(_)), "{refused:?}");
    }
}
