//! Reading the log of a PostgreSQL server that CloudNativePG runs.
//!
//! The operator writes one JSON object per line, with the server's own record inside. `log_connections` must be on;
//! without it nothing can be said of sessions that ended between two looks.

use jiff::Timestamp;
use serde::Deserialize;

use super::session::{LoggedFailure, LoggedLogin};

/// What a server's log tells of clients that came over the network, in the order of the log.
#[derive(Debug, Default, PartialEq)]
pub struct ServerLog {
    /// Who was let in.
    pub logins: Vec<LoggedLogin>,
    /// Who was not, or whose handshake failed.
    pub failures: Vec<LoggedFailure>,
}

#[derive(Deserialize)]
struct Line {
    logger: String,
    ts: Timestamp,
    record: Option<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    user_name: String,
    #[serde(default)]
    connection_from: String,
    #[serde(default)]
    error_severity: String,
    #[serde(default)]
    sql_state_code: String,
    #[serde(default)]
    message: String,
}

/// The SQLSTATE of a handshake that broke off.
const PROTOCOL_VIOLATION: &str = "08P01";

impl ServerLog {
    /// Reads a log. Lines of another shape are passed over.
    pub fn parse(log: &str) -> Self {
        let mut read = Self::default();
        for line in log.lines() {
            read.add(line);
        }
        read
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let line: Line = serde_json::from_str(line).ok()?;
        let record = line.record.filter(|_| line.logger == "postgres")?;
        let (client, _port) = record.connection_from.rsplit_once(':')?;
        let client = client.to_owned();
        // There is no SQLSTATE for a login that succeeded; this text is the server's, unchanged since 9.5.
        if record.message.starts_with("connection authorized: ") {
            let encrypted = record.message.contains(" SSL enabled (");
            self.logins.push(LoggedLogin { at: line.ts, role: record.user_name, client, encrypted });
        } else if record.error_severity == "FATAL" || record.sql_state_code == PROTOCOL_VIOLATION {
            let (sqlstate, message) = (record.sql_state_code, record.message);
            // One SQLSTATE for all handshakes that broke off; that the client refused, it says by an alert of TLS, and
            // OpenSSL tells of no other thing by that word. Who lost patience closes without one.
            let refused = sqlstate == PROTOCOL_VIOLATION && message.contains(" alert ");
            self.failures.push(LoggedFailure {
                at: line.ts,
                role: record.user_name,
                client,
                sqlstate,
                refused,
                message,
            });
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::ServerLog;

    const AUTHORIZED: &str = r#"{"level":"info","ts":"2026-08-01T12:01:07.113Z","logger":"postgres","msg":"record","record":{"user_name":"app","connection_from":"10.244.0.9:41234","sql_state_code":"00000","message":"connection authorized: user=app database=app application_name=agents-1 SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"}}"#;

    #[test]
    fn an_encrypted_login_is_told_from_a_plain_one() {
        let plain = AUTHORIZED.replace(" SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)", "");
        let logins = ServerLog::parse(&format!("{AUTHORIZED}\n{plain}\n")).logins;
        assert_eq!(logins.iter().map(|login| login.encrypted).collect::<Vec<_>>(), [true, false]);
        assert_eq!((logins[0].role.as_str(), logins[0].client.as_str()), ("app", "10.244.0.9"));
    }

    #[test]
    fn the_local_socket_and_other_lines_are_passed_over() {
        let local = AUTHORIZED.replace("10.244.0.9:41234", "[local]");
        let log = ServerLog::parse(&format!("{local}\nnot json\n{{\"logger\":\"instance\"}}\n"));
        assert_eq!(log, ServerLog::default());
    }
    const BROKEN_OFF: &str = r#"{"level":"info","ts":"2026-08-01T12:01:07.113Z","logger":"postgres","msg":"record","record":{"connection_from":"10.244.0.9:41234","error_severity":"LOG","sql_state_code":"08P01","message":"could not accept SSL connection: tlsv1 alert unknown ca"}}"#;

    #[test]
    fn a_handshake_that_the_client_broke_off_is_a_failure() {
        let failures = ServerLog::parse(BROKEN_OFF).failures;
        assert_eq!(failures.len(), 1);
        assert_eq!((failures[0].client.as_str(), failures[0].sqlstate.as_str()), ("10.244.0.9", "08P01"));
        assert!(failures[0].refused);
    }

    #[test]
    fn a_client_that_lost_patience_refused_nothing() {
        let closed = BROKEN_OFF.replace("tlsv1 alert unknown ca", "EOF detected");
        assert!(!ServerLog::parse(&closed).failures[0].refused);
    }

    #[test]
    fn a_refused_password_is_a_failure_and_an_error_of_a_statement_is_none() {
        let refused = BROKEN_OFF.replace("\"LOG\"", "\"FATAL\"").replace("08P01", "28P01");
        let statement = BROKEN_OFF.replace("\"LOG\"", "\"ERROR\"").replace("08P01", "42P01");
        let failures = ServerLog::parse(&format!("{refused}\n{statement}\n")).failures;
        assert_eq!(failures.iter().map(|failure| failure.sqlstate.as_str()).collect::<Vec<_>>(), ["28P01"]);
    }
}
