//! What a certificate says, as far as verdicts need it.

use std::fmt;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// One X.509 certificate. Digests are SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The digest of the whole certificate.
    pub sha256: String,
    /// The digest of the public key: a renewed certificate with the same key has the same.
    pub spki_sha256: String,
    /// DNS names that it covers.
    pub names: Vec<String>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

impl fmt::Display for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} until {}", self.subject, self.not_after)
    }
}

/// Why bytes are not a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The text is not PEM, or holds no certificate.
    #[error("read PEM certificates")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// The text holds no certificate at all.
    #[error("find a certificate in the PEM text")]
    NoCertificate,
    /// The bytes are not X.509.
    #[error("parse an X.509 certificate: {0}")]
    X509(String),
}

impl Certificate {
    /// Reads a certificate from its DER form.
    ///
    /// # Errors
    /// When the bytes are not X.509 or a date is out of range.
    pub fn of_der(der: &[u8]) -> Result<Self, CertificateError> {
        let unreadable = |reason: &dyn std::fmt::Display| CertificateError::X509(reason.to_string());
        let (_rest, parsed) = X509Certificate::from_der(der).map_err(|error| unreadable(&error))?;
        let time = |seconds: i64| Timestamp::from_second(seconds).map_err(|error| unreadable(&error));
        let alternative = parsed.subject_alternative_name().map_err(|error| unreadable(&error))?;
        let names = alternative.into_iter().flat_map(|extension| &extension.value.general_names);
        Ok(Self {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            sha256: hexadecimal(&Sha256::digest(der)),
            spki_sha256: hexadecimal(&Sha256::digest(parsed.public_key().raw)),
            names: names
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                })
                .collect(),
            not_before: time(parsed.validity().not_before.timestamp())?,
            not_after: time(parsed.validity().not_after.timestamp())?,
        })
    }
}

/// Reads all certificates of a PEM text, a bundle or a single one.
///
/// # Errors
/// When the text is not PEM or holds no certificate.
pub fn certificates_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(CertificateError::Pem)?;
    if found.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(found) }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Certificate, CertificateError, certificates_of};

    #[test]
    fn a_certificate_tells_its_names_and_keys() {
        let made = rcgen::generate_simple_self_signed(vec!["db-rw".into(), "db-rw.apps.svc".into()]).unwrap();
        let read = Certificate::of_der(made.cert.der()).unwrap();
        assert_eq!(read.names, ["db-rw", "db-rw.apps.svc"]);
        assert_eq!(read.subject, read.issuer);
        assert_eq!((read.sha256.len(), read.spki_sha256.len()), (64, 64));
        assert_ne!(read.sha256, read.spki_sha256);
    }

    #[test]
    fn a_bundle_has_all_its_certificates() {
        let one = rcgen::generate_simple_self_signed(vec!["a".into()]).unwrap().cert.pem();
        let other = rcgen::generate_simple_self_signed(vec!["b".into()]).unwrap().cert.pem();
        assert_eq!(certificates_of(format!("{one}{other}").as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        assert!(matches!(certificates_of(b"not a certificate"), Err(CertificateError::NoCertificate)));
    }
}
