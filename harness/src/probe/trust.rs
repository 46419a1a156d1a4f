//! TLS as a client that trusts one CA and nothing else.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::certificate::certificates_of;

/// Trusts that CA, PEM, and speaks these versions.
pub(super) fn trusting(ca: &[u8], versions: &[&'static SupportedProtocolVersion]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for anchor in certificates_of(ca).map_err(|error| error.to_string())? {
        roots.add(anchor).map_err(|error| error.to_string())?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
