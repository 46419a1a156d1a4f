//! One login over an open stream, as a client would make it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::trust::trusting;

/// Who logs in, and where to.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The role.
    pub role: String,
    /// Its password.
    pub password: SecretString,
    /// The database.
    pub database: String,
}

/// How the session is carried.
#[derive(Debug, Clone, Copy)]
pub enum Transport<'a> {
    /// Without TLS, by choice.
    Plaintext,
    /// Over TLS that is verified.
    Verified {
        /// The name that the certificate must cover.
        name: &'a str,
        /// The CA, PEM.
        ca: &'a [u8],
    },
}

/// How a login ended. SQLSTATEs decide, never message texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum Login {
    /// A query was answered.
    Accepted,
    /// The server refused, with its SQLSTATE.
    Refused {
        /// Five characters, `28P01`.
        sqlstate: String,
    },
    /// Nobody could try: where the credential was to stand, there is none.
    Unreadable,
    /// It did not come to an answer; nothing can be concluded.
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// The classes of SQLSTATEs by which a server says something of itself: it cannot be reached, is full, starts or ends.
const OF_THE_SERVER: [&str; 3] = ["08", "53", "57"];

impl Login {
    /// Whether it says anything of the credential.
    pub fn decides(&self) -> bool {
        match self {
            Self::Accepted | Self::Unreadable => true,
            Self::Refused { sqlstate } => concerns_credential(sqlstate),
            Self::Unknown { .. } => false,
        }
    }
}

/// Whether a login that failed with that SQLSTATE failed for its credential, and not because nobody answered it.
pub fn concerns_credential(sqlstate: &str) -> bool {
    !OF_THE_SERVER.iter().any(|class| sqlstate.starts_with(class))
}

impl fmt::Display for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => formatter.write_str("accepted"),
            Self::Refused { sqlstate } => write!(formatter, "refused with {sqlstate}"),
            Self::Unreadable => formatter.write_str("nothing in it can be read as a credential"),
            Self::Unknown { reason } => write!(formatter, "no answer: {reason}"),
        }
    }
}

/// Logs in over an open stream and asks one query.
pub async fn login(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    credential: &Credential,
    transport: Transport<'_>,
) -> Login {
    let mut config = tokio_postgres::Config::new();
    config
        .user(&credential.role)
        .password(credential.password.expose_secret())
        .dbname(&credential.database)
        .application_name("holdfast");
    match transport {
        Transport::Plaintext => {
            config.ssl_mode(SslMode::Disable);
            ask(config.connect_raw(stream, NoTls).await).await
        }
        Transport::Verified { name, ca } => {
            config.ssl_mode(SslMode::Require);
            let connector = trusting(ca, rustls::DEFAULT_VERSIONS).and_then(|config| {
                let mut maker = MakeRustlsConnect::new(config);
                MakeTlsConnect::<tokio::io::DuplexStream>::make_tls_connect(&mut maker, name)
                    .map_err(|error| error.to_string())
            });
            match connector {
                Ok(connector) => ask(config.connect_raw(stream, connector).await).await,
                Err(reason) => Login::Unknown { reason },
            }
        }
    }
}

async fn ask<S, T>(
    connected: Result<(tokio_postgres::Client, tokio_postgres::Connection<S, T>), tokio_postgres::Error>,
) -> Login
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, connection) = match connected {
        Ok(connected) => connected,
        Err(error) => return ended(&error),
    };
    let carried = tokio::spawn(connection);
    let answer = client.simple_query("select 1").await;
    drop(client);
    let _closed = carried.await;
    match answer {
        Ok(_rows) => Login::Accepted,
        Err(error) => ended(&error),
    }
}

fn ended(error: &tokio_postgres::Error) -> Login {
    match error.code() {
        Some(state) => Login::Refused { sqlstate: state.code().to_owned() },
        None => Login::Unknown { reason: crate::error::Chain(error).to_string() },
    }
}
