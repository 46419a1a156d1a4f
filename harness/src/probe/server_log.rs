//! Reading the log of a PostgreSQL server that CloudNativePG runs.
//!
//! The operator writes one JSON object per line, with the server's own record inside. `log_connections` must be on;
//! without it nothing can be said of sessions that ended between two looks.

use jiff::Timestamp;
use serde::Deserialize;

use crate::experiment::LoggedLogin;

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
    message: String,
}

/// The logins over the network that a server's log tells of. Lines of another shape are passed over.
pub fn logins_of(log: &str) -> Vec<LoggedLogin> {
    log.lines().filter_map(login_of).collect()
}

fn login_of(line: &str) -> Option<LoggedLogin> {
    let line: Line = serde_json::from_str(line).ok()?;
    let record = line.record.filter(|_| line.logger == "postgres")?;
    // There is no SQLSTATE for a login that succeeded; this text is the server's, unchanged since 9.5.
    if !record.message.starts_with("connection authorized: ") {
        return None;
    }
    let (client, _port) = record.connection_from.rsplit_once(':')?;
    Some(LoggedLogin {
        at: line.ts,
        role: record.user_name,
        client: client.to_owned(),
        encrypted: record.message.contains(" SSL enabled ("),
    })
}

#[cfg(test)]
mod tests {
    use super::logins_of;

    const AUTHORIZED: &str = r#"{"level":"info","ts":"2026-08-01T12:01:07.113Z","logger":"postgres","msg":"record","record":{"user_name":"app","connection_from":"10.244.0.9:41234","sql_state_code":"00000","message":"connection authorized: user=app database=app application_name=agents-1 SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"}}"#;

    #[test]
    fn an_encrypted_login_is_told_from_a_plain_one() {
        let plain = AUTHORIZED.replace(" SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)", "");
        let logins = logins_of(&format!("{AUTHORIZED}\n{plain}\n"));
        assert_eq!(logins.iter().map(|login| login.encrypted).collect::<Vec<_>>(), [true, false]);
        assert_eq!((logins[0].role.as_str(), logins[0].client.as_str()), ("app", "10.244.0.9"));
    }

    #[test]
    fn the_local_socket_and_other_lines_are_passed_over() {
        let local = AUTHORIZED.replace("10.244.0.9:41234", "[local]");
        assert_eq!(logins_of(&format!("{local}\nnot json\n{{\"logger\":\"instance\"}}\n")), []);
    }
}
