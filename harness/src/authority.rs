//! A certificate authority of our own, for what the operator's cannot serve: a bundle, a foreign CA, a way back.
//!
//! Every authority has the same name and another key, as CloudNativePG's have one after the other: who tells them
//! apart by name alone is found out.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use secrecy::SecretString;

const NAME: &str = "a CA of Holdfast";

/// An authority with a key of its own, which lives as long as the value.
pub struct Authority {
    parameters: CertificateParams,
    key: KeyPair,
    pem: String,
}

/// A certificate for a server, and its key.
pub struct ServerCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: SecretString,
}

/// A certificate cannot be issued.
#[derive(Debug, thiserror::Error)]
#[error("issue {what}")]
pub struct IssueError {
    what: &'static str,
    #[source]
    source: rcgen::Error,
}

impl Authority {
    /// An authority with a new key.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self, IssueError> {
        let failed = |source| IssueError { what: "a CA of our own", source };
        let key = KeyPair::generate().map_err(failed)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, NAME);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = parameters.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { parameters, key, pem })
    }

    /// The certificate of the authority, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server under these names.
    ///
    /// # Errors
    /// When a name is no DNS name, or no key can be made.
    pub fn issue(&self, names: &[String]) -> Result<ServerCertificate, IssueError> {
        let failed = |source| IssueError { what: "a certificate for the database", source };
        let key = KeyPair::generate().map_err(failed)?;
        let mut parameters = CertificateParams::new(names).map_err(failed)?;
        parameters.distinguished_name.push(DnType::CommonName, names.first().map_or("", String::as_str));
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Of several authorities with one name, a client finds the right one by the key that the leaf names.
        parameters.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_params(&self.parameters, &self.key);
        let certificate = parameters.signed_by(&key, &issuer).map_err(failed)?.pem();
        Ok(ServerCertificate { certificate, key: SecretString::from(key.serialize_pem()) })
    }
}

#[cfg(test)]
mod tests {
    use super::Authority;
    use crate::probe::{Certificate, certificates_of};

    fn read(pem: &str) -> Certificate {
        Certificate::of_der(&certificates_of(pem.as_bytes()).unwrap()[0]).unwrap()
    }

    #[test]
    fn two_authorities_share_the_name_and_not_the_key() {
        let (one, other) = (Authority::new().unwrap(), Authority::new().unwrap());
        let (one, other) = (read(one.pem()), read(other.pem()));
        assert_eq!(one.subject, other.subject);
        assert_ne!(one.spki_sha256, other.spki_sha256);
    }

    #[test]
    fn a_leaf_names_its_issuer_and_its_names() {
        let authority = Authority::new().unwrap();
        let leaf = authority.issue(&["db-rw".into(), "db-rw.test.svc".into()]).unwrap();
        let leaf = read(&leaf.certificate);
        assert_eq!(leaf.issuer, read(authority.pem()).subject);
        assert_eq!(leaf.names, ["db-rw", "db-rw.test.svc"]);
    }
}
