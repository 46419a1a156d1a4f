//! Reading the log of a PgBouncer that CloudNativePG runs.
//!
//! Behind a pooler the server has one client, which is the pooler. Who came to it, who was turned away and who is still
//! there stands in the pooler's own log. The instance manager writes one JSON object per line, with PgBouncer's record
//! inside; `log_connections` and `log_disconnections` are on unless somebody switches them off.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::session::{LoggedFailure, LoggedLogin, Session};

/// What a pooler's log tells of clients that came over the network, in the order of the log.
#[derive(Debug, Default, PartialEq)]
pub struct PoolerLog {
    /// Who was let in.
    pub logins: Vec<LoggedLogin>,
    /// Who was not, or whose handshake failed.
    pub failures: Vec<LoggedFailure>,
    /// Who is still there.
    pub sessions: Vec<Session>,
}

#[derive(Deserialize)]
struct Line {
    ts: Timestamp,
    record: Record,
}

#[derive(Deserialize)]
struct Record {
    msg: String,
}

/// What one line says of one client.
struct Said<'a> {
    /// Address and port: one connection at a time.
    connection: &'a str,
    client: &'a str,
    event: &'a str,
}

/// How PgBouncer ends a connection that it did not let in. The first two are of a wrong password.
const TURNED_AWAY: &[&str] = &[
    "SASL authentication failed",
    "password authentication failed",
    "server login has been failing",
    "no such user",
    "no such database",
    "client_login_timeout",
    "SSL required",
];
const WRONG_PASSWORD: &[&str] = &["SASL authentication failed", "password authentication failed"];
/// The SQLSTATE of a handshake that broke off.
const PROTOCOL_VIOLATION: &str = "08P01";

impl PoolerLog {
    /// Reads a log. Lines of another shape are passed over.
    ///
    /// PgBouncer writes when a client begins to log in, and nothing when it is let in; only who is turned away is written
    /// of again, within milliseconds. So of those who began after `settled` nothing is concluded.
    pub fn parse(log: &str, settled: Timestamp) -> Self {
        let mut read = Self::default();
        let mut begun: BTreeMap<String, LoggedLogin> = BTreeMap::new();
        for line in log.lines() {
            read.add(line, &mut begun);
        }
        for login in begun.into_values().filter(|login| login.at <= settled) {
            read.sessions.push(Session {
                role: login.role.clone(),
                client: login.client.clone(),
                encrypted: login.encrypted,
                began: login.at,
            });
            read.logins.push(login);
        }
        read.logins.sort_by_key(|login| login.at);
        read.sessions.sort_by_key(|session| session.began);
        read
    }

    fn add(&mut self, line: &str, begun: &mut BTreeMap<String, LoggedLogin>) -> Option<()> {
        let Line { ts: at, record } = serde_json::from_str(line).ok()?;
        if let Some(message) = record.msg.strip_prefix("TLS handshake error: ") {
            self.failures.push(LoggedFailure {
                at,
                role: String::new(),
                // It is not said whose.
                client: String::new(),
                sqlstate: PROTOCOL_VIOLATION.into(),
                refused: message.contains(" alert "),
                message: message.to_owned(),
            });
            return Some(());
        }
        let Said { connection, client, event } = said(&record.msg)?;
        if let Some(attempt) = event.strip_prefix("login attempt: ") {
            let told = |name: &str| attempt.split(' ').find_map(|word| word.strip_prefix(name));
            let role = told("user=").unwrap_or_default().to_owned();
            let encrypted = told("tls=").is_some_and(|protocol| protocol != "no");
            begun.insert(connection.to_owned(), LoggedLogin { at, role, client: client.to_owned(), encrypted });
            return Some(());
        }
        let reason = event.strip_prefix("closing because: ")?;
        let message = reason.rsplit_once(" (age=").map_or(reason, |(reason, _age)| reason);
        let login = begun.remove(connection);
        let of = |reasons: &[&str]| reasons.iter().any(|one| message.starts_with(one));
        match login {
            Some(login) if !of(TURNED_AWAY) => self.logins.push(login),
            login => {
                let sqlstate = if of(WRONG_PASSWORD) { "28P01" } else { PROTOCOL_VIOLATION };
                self.failures.push(LoggedFailure {
                    at,
                    role: login.map(|login| login.role).unwrap_or_default(),
                    client: client.to_owned(),
                    sqlstate: sqlstate.to_owned(),
                    refused: false,
                    message: message.to_owned(),
                });
            }
        }
        Some(())
    }
}

/// `C-0x22824f0: app/app@10.244.0.251:41996 login attempt: ...`; what is about a server or the process says nothing.
fn said(message: &str) -> Option<Said<'_>> {
    let (_id, rest) = message.strip_prefix("C-")?.split_once(": ")?;
    let (who, event) = rest.split_once(' ')?;
    let (_names, connection) = who.rsplit_once('@')?;
    let (client, _port) = connection.rsplit_once(':')?;
    // The operator asks for figures over the local socket.
    (!client.starts_with("unix")).then_some(Said { connection, client, event })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::PoolerLog;

    fn line(second: u8, message: &str) -> String {
        format!(
            r#"{{"level":"info","ts":"2026-08-01T12:00:{second:02}.5Z","logger":"pgbouncer-manager","pipe":"stderr","msg":"record","record":{{"timestamp":"2026-08-01 12:00:{second:02}.500 UTC","pid":"12","level":"LOG","msg":"{message}"}}}}"#
        )
    }

    fn read(lines: &[String]) -> PoolerLog {
        let settled: Timestamp = "2026-08-01T12:00:30Z".parse().unwrap();
        PoolerLog::parse(&lines.join("\n"), settled)
    }

    const ATTEMPT: &str = "C-0x1: app/app@10.244.0.9:41996 login attempt: db=app user=app \
                           tls=TLSv1.3/TLS_AES_256_GCM_SHA384 replication=no";

    #[test]
    fn who_stays_is_a_session_and_who_went_was_let_in() {
        let other = ATTEMPT.replace("41996", "41997").replace("tls=TLSv1.3/TLS_AES_256_GCM_SHA384", "tls=no");
        let closed = "C-0x1: app/app@10.244.0.9:41997 closing because: client close request (age=3s)";
        let log = read(&[line(1, ATTEMPT), line(2, &other), line(5, closed)]);
        assert_eq!(log.logins.iter().map(|login| login.encrypted).collect::<Vec<_>>(), [true, false]);
        let [session] = &log.sessions[..] else { panic!("expected one, got {:?}", log.sessions) };
        assert_eq!((session.role.as_str(), session.client.as_str(), session.encrypted), ("app", "10.244.0.9", true));
        assert!(log.failures.is_empty());
    }

    #[test]
    fn a_wrong_password_is_no_login() {
        let closed = "C-0x1: app/app@10.244.0.9:41996 closing because: SASL authentication failed (age=0s)";
        let log = read(&[line(1, ATTEMPT), line(1, closed)]);
        assert_eq!((log.logins.len(), log.sessions.len()), (0, 0));
        assert_eq!((log.failures[0].sqlstate.as_str(), log.failures[0].role.as_str()), ("28P01", "app"));
    }

    #[test]
    fn of_who_has_just_begun_nothing_is_concluded() {
        let log = read(&[line(31, ATTEMPT)]);
        assert_eq!(log, PoolerLog::default());
    }

    #[test]
    fn a_handshake_that_a_client_broke_off_is_a_refusal_by_nobody_knows_whom() {
        let log = read(&[line(
            1,
            "TLS handshake error: handshake failed: error:0A000418:SSL routines::tlsv1 alert unknown ca",
        )]);
        assert!(log.failures[0].refused && log.failures[0].sqlstate == "08P01", "{:?}", log.failures);
    }

    #[test]
    fn servers_the_local_socket_and_other_lines_are_passed_over() {
        let server = "S-0x2: app/app@10.96.16.93:5432 closing because: server lifetime over (age=600s)";
        let local = "C-0x3: pgbouncer/pgbouncer@unix(13):5432 login attempt: db=pgbouncer user=pgbouncer tls=no";
        let log = read(&[line(1, server), line(2, local), "not json".into(), line(3, "listening on 0.0.0.0:5432")]);
        assert_eq!(log, PoolerLog::default());
    }
}
