//! TLS: how the database and its clients talk, whoever issued the certificates.
//!
//! Encryption and verification are two things: this area is about sessions, what the server accepts and serves, and
//! how long certificates live. What a client trusts is the area CA.

pub(crate) mod cluster;
mod issued;
mod ports;
mod tls_01_every_session_is_encrypted;
mod tls_02_the_server_refuses_plaintext;
mod tls_03_every_served_certificate_verifies;
mod tls_04_the_operator_keeps_its_own_certificates;
mod tls_05_no_certificate_outlives_its_ca;
mod tls_06_a_bundle_of_cas_loses_no_handshake;
mod tls_07_the_prior_ca_restores_service;
mod tls_08_the_served_certificate_stays;

pub use self::tls_01_every_session_is_encrypted::TLS_01;
pub use self::tls_02_the_server_refuses_plaintext::TLS_02;
pub use self::tls_03_every_served_certificate_verifies::TLS_03;
pub use self::tls_04_the_operator_keeps_its_own_certificates::TLS_04;
pub use self::tls_05_no_certificate_outlives_its_ca::TLS_05;
pub use self::tls_06_a_bundle_of_cas_loses_no_handshake::TLS_06;
pub use self::tls_07_the_prior_ca_restores_service::TLS_07;
pub use self::tls_08_the_served_certificate_stays::TLS_08;
