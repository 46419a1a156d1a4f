//! Connection strings of PostgreSQL: URIs, key=value lists, JDBC URLs.
//!
//! Parts that stand in unknown Secrets stay holes: the rest is parsed around them.

use percent_encoding::percent_decode_str;

use super::fact::Text;

/// How a connection string is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DsnStyle {
    /// `postgresql://user:password@host:5432/database?sslmode=verify-full`
    Uri,
    /// `host=... user=... password='...' sslmode=verify-full`
    KeyValue,
    /// `jdbc:postgresql://host:5432/database?user=...&password=...`
    Jdbc,
}

/// A connection string, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsn {
    /// How it is written.
    pub style: DsnStyle,
    /// The role.
    pub user: Option<Text>,
    /// The password, decoded.
    pub password: Option<Text>,
    /// The password as it is written, with its escapes.
    pub raw_password: Option<Text>,
    /// Host names, addresses or socket folders.
    pub hosts: Vec<Text>,
    /// The port of the first host.
    pub port: Option<Text>,
    /// The database.
    pub database: Option<Text>,
    /// Everything else, `sslmode` and `sslrootcert` among it, decoded.
    pub parameters: Vec<(String, Text)>,
}

impl Dsn {
    /// Reads a connection string; `None`: it is none of PostgreSQL.
    pub fn parse(text: &Text) -> Option<Self> {
        let line = text.with_holes().trim();
        if let Some(rest) = line.strip_prefix("jdbc:postgresql:") {
            return Some(jdbc(text, rest));
        }
        // SQLAlchemy and others put the driver behind a plus sign, `postgresql+asyncpg://`.
        let (scheme, rest) = line.split_once("://").unwrap_or(("", line));
        let scheme = scheme.split('+').next().unwrap_or_default();
        if matches!(scheme, "postgres" | "postgresql" | "pgsql" | "pg" | "cockroachdb") {
            return Some(uri(text, rest));
        }
        key_value(text, line)
    }

    /// Reads the parameters that are put behind a connection string elsewhere, `?sslmode=verify-full`.
    pub(super) fn of_parameters(text: &Text) -> Self {
        let mut dsn = empty(DsnStyle::KeyValue);
        add_query(&mut dsn, text, text.with_holes().trim_start_matches('?'));
        dsn
    }

    /// Reads a connection string of which everything is known.
    pub fn parse_str(text: &str) -> Option<Self> {
        Self::parse(&Text::of(text))
    }

    /// The password as it is meant and, where that differs, as it is written; as far as it is known.
    pub fn passwords(&self) -> impl Iterator<Item = &str> {
        let meant = self.password.as_ref().and_then(Text::known);
        let written = self.raw_password.as_ref().and_then(Text::known);
        meant.into_iter().chain(written.filter(|written| Some(*written) != meant))
    }

    /// A parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<&Text> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

fn empty(style: DsnStyle) -> Dsn {
    Dsn {
        style,
        user: None,
        password: None,
        raw_password: None,
        hosts: Vec::new(),
        port: None,
        database: None,
        parameters: Vec::new(),
    }
}

fn decoded(text: &Text, part: &str) -> Text {
    text.part(&percent_decoded(part))
}

/// A part of a URL as a parser reads it.
pub fn percent_decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn some(text: &Text, part: &str) -> Option<Text> {
    (!part.is_empty()).then(|| decoded(text, part))
}

fn uri(text: &Text, rest: &str) -> Dsn {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    // The last @ parts credentials from hosts, so that a raw @ in a password does not hide the host.
    let (credentials, hosts) =
        authority.rsplit_once('@').map_or((None, authority), |(left, right)| (Some(left), right));
    let (user, password) = match credentials.map(|both| both.split_once(':').unwrap_or((both, ""))) {
        Some((user, password)) => (some(text, user), (!password.is_empty()).then_some(password)),
        None => (None, None),
    };
    let mut dsn = Dsn {
        style: DsnStyle::Uri,
        user,
        password: password.map(|password| decoded(text, password)),
        raw_password: password.map(|password| text.part(password)),
        hosts: Vec::new(),
        port: None,
        database: some(text, database),
        parameters: Vec::new(),
    };
    add_hosts(&mut dsn, text, hosts);
    add_query(&mut dsn, text, query);
    dsn
}

fn jdbc(text: &Text, rest: &str) -> Dsn {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => ("", rest.trim_start_matches('/')),
    };
    let mut dsn = Dsn { database: some(text, database), ..empty(DsnStyle::Jdbc) };
    add_hosts(&mut dsn, text, hosts);
    add_query(&mut dsn, text, query);
    dsn
}

fn add_hosts(dsn: &mut Dsn, text: &Text, hosts: &str) {
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        // An IPv6 address stands in brackets.
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, Some(port)),
            _ => (host, None),
        };
        if dsn.port.is_none() {
            dsn.port = port.and_then(|port| some(text, port));
        }
        dsn.hosts.extend(some(text, name.trim_matches(['[', ']'])));
    }
}

fn add_query(dsn: &mut Dsn, text: &Text, query: &str) {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let raw = text.part(value);
        let value = decoded(text, value);
        match name {
            "user" => dsn.user = Some(value),
            "password" => (dsn.password, dsn.raw_password) = (Some(value), Some(raw)),
            "host" => dsn.hosts.push(value),
            "port" => dsn.port = Some(value),
            "dbname" => dsn.database = Some(value),
            other => dsn.parameters.push((other.to_owned(), value)),
        }
    }
}

/// The words that make a list of key=value pairs a connection string of PostgreSQL.
const KEYWORDS: &[&str] = &["host", "hostaddr", "dbname", "user", "password", "sslmode", "port", "sslrootcert"];

fn key_value(text: &Text, line: &str) -> Option<Dsn> {
    let pairs = pairs(line)?;
    let known = pairs.iter().filter(|(name, _)| KEYWORDS.contains(&name.as_str())).count();
    // One keyword alone is anybody's option, `--user=x`.
    if known < 2 {
        return None;
    }
    let mut dsn = empty(DsnStyle::KeyValue);
    for (name, value) in pairs {
        let value = text.part(&value);
        match name.as_str() {
            "user" => dsn.user = Some(value),
            "password" => (dsn.password, dsn.raw_password) = (Some(value.clone()), Some(value)),
            "host" | "hostaddr" => dsn.hosts.push(value),
            "port" => dsn.port = Some(value),
            "dbname" => dsn.database = Some(value),
            _ => dsn.parameters.push((name, value)),
        }
    }
    Some(dsn)
}

/// Splits `name=value name='quoted value'`; `None`: the text is something else.
fn pairs(line: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|character| character.is_ascii_lowercase() || character == '_') {
            return None;
        }
        let after = after.trim_start();
        let mut value = String::new();
        let mut characters = after.char_indices();
        let quoted = after.starts_with('\'');
        if quoted {
            characters.next();
        }
        let mut end = after.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                '\'' if quoted => {
                    end = at + 1;
                    break;
                }
                blank if !quoted && blank.is_whitespace() => {
                    end = at;
                    break;
                }
                other => value.push(other),
            }
        }
        pairs.push((name.to_owned(), value));
        rest = after[end..].trim_start();
    }
    (!pairs.is_empty()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Dsn, DsnStyle};
    use crate::graph::fact::Text;

    fn shown(text: Option<&Text>) -> String {
        text.map_or_else(|| "-".into(), ToString::to_string)
    }

    #[rstest]
    #[case::uri(
        "postgresql://app:p%40ss@db-rw:5432/shop?sslmode=verify-full",
        DsnStyle::Uri,
        "app p@ss db-rw 5432 shop verify-full"
    )]
    #[case::driver("postgresql+asyncpg://app@db/shop", DsnStyle::Uri, "app - db - shop -")]
    #[case::raw_at("postgres://app:p@ss@db/shop", DsnStyle::Uri, "app p@ss db - shop -")]
    #[case::query_only("postgres:///shop?host=/run/pg&user=app", DsnStyle::Uri, "app - /run/pg - shop -")]
    #[case::ipv6("postgres://[::1]:5433/shop", DsnStyle::Uri, "- - ::1 5433 shop -")]
    #[case::key_value(
        r"host=db user=app password='p\' s' dbname=shop sslmode=require",
        DsnStyle::KeyValue,
        "app p' s db - shop require"
    )]
    #[case::spaced("host = db  user = app", DsnStyle::KeyValue, "app - db - - -")]
    #[case::jdbc(
        "jdbc:postgresql://db:5432/shop?user=app&password=x%20y&sslmode=verify-ca",
        DsnStyle::Jdbc,
        "app x y db 5432 shop verify-ca"
    )]
    fn a_connection_string_is_read(#[case] text: &str, #[case] style: DsnStyle, #[case] expected: &str) {
        let dsn = Dsn::parse_str(text).unwrap();
        let parts = [
            shown(dsn.user.as_ref()),
            shown(dsn.password.as_ref()),
            shown(dsn.hosts.first()),
            shown(dsn.port.as_ref()),
            shown(dsn.database.as_ref()),
            shown(dsn.parameter("sslmode")),
        ];
        assert_eq!((dsn.style, parts.join(" ")), (style, expected.to_owned()));
    }

    #[rstest]
    #[case::another_database("mysql://app@db/shop")]
    #[case::web("https://example.org/?user=a")]
    #[case::one_option("user=a")]
    #[case::words("hello world")]
    #[case::flag("--host=db --user=app")]
    #[case::empty("")]
    #[case::equals_only("=")]
    fn what_is_no_connection_string_is_none(#[case] text: &str) {
        assert_eq!(Dsn::parse_str(text), None);
    }

    #[test]
    fn unknown_parts_stay_holes() {
        let mut text = Text::of("postgresql://app:");
        text.push_text(&Text::unknown("read Secret db-app"));
        text.push_str("@db/shop?sslmode=verify-full");
        let dsn = Dsn::parse(&text).unwrap();
        assert_eq!(shown(dsn.password.as_ref()), "(unknown)");
        assert_eq!(dsn.parameter("sslmode").and_then(Text::known), Some("verify-full"));
    }
}
