//! Looking at a database as its clients see it, and as its superuser sees it.
//!
//! A probe changes nothing. What it returns is data for a record; it never judges.

mod certificate;
mod login;
mod pooler_log;
mod scram;
mod server_log;
mod session;
mod superuser;
mod tls;
mod trust;
mod web;

pub use self::certificate::{Certificate, CertificateError, certificates_of};
pub use self::login::{Credential, Login, Transport, concerns_credential, login};
pub use self::pooler_log::PoolerLog;
pub use self::scram::verifies;
pub use self::server_log::ServerLog;
pub use self::session::{LoggedFailure, LoggedLogin, Session};
pub use self::superuser::{Database, QueryError, Server};
pub use self::tls::{HandshakeError, Served, handshake};
pub use self::web::{ANY_TLS, Answer, Carriage, Question, TLS_1_2, ask};
