//! Containers that dial PostgreSQL: how they are recognised, how they treat TLS, which credentials they hold.

use super::ca::{self, CaWiring};
use super::dsn::{Dsn, DsnStyle};
use super::env::EnvVar;
use super::fact::{Fact, Text};
use super::reference::{KeyRef, RefKind};
use super::ssl::SslMode;
use super::store::{Store, Surroundings};
use super::volume::{FileContent, VolumeSource};
use super::workload::{Container, Workload};
use crate::finding::{Locate, Place};

/// A container that dials PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseClient {
    workload: Workload,
    container: Container,
    because: String,
    dsns: Vec<FoundDsn>,
    credentials: Vec<KeyRef>,
    ca: Option<CaWiring>,
}

/// A connection string and where it stands.
#[derive(Debug, Clone)]
pub struct FoundDsn {
    /// The variable, argument or file that holds it, `env DATABASE_URL`.
    pub holder: String,
    /// The connection string.
    pub dsn: Dsn,
    /// Where it stands.
    pub place: Place,
}

/// Variables of applications that hand the parts of a connection to their driver, with a mode of TLS among them.
const SSL_MODE_VARIABLES: &[&str] = &[
    "DB_SSLMODE",
    "DB_SSL_MODE",
    "DATABASE_SSLMODE",
    "DATABASE_SSL_MODE",
    "POSTGRES_SSLMODE",
    "POSTGRES_SSL_MODE",
    "POSTGRESQL_SSLMODE",
    "POSTGRESQL_SSL_MODE",
    "PG_SSLMODE",
    "PG_SSL_MODE",
];

impl DatabaseClient {
    pub(super) fn recognise(
        workload: &Workload,
        container: &Container,
        store: &Store,
        surroundings: &Surroundings,
    ) -> Option<Self> {
        if is_server(container) {
            return None;
        }
        let dsns = find_dsns(container, store);
        if dsns.is_empty() && speaks_another(container) {
            return None;
        }
        let credentials = find_credentials(container, store, surroundings);
        let because = match (dsns.first(), container.env().iter().find(|variable| names_a_database(variable))) {
            (Some(found), _) => format!("{} is a connection string", found.holder),
            (None, Some(variable)) => format!("it has the variable {}", variable.name),
            (None, None) => format!("it holds {}", credentials.iter().find(|key| knows(key, store, surroundings))?),
        };
        let mut client =
            Self { workload: workload.clone(), container: container.clone(), because, dsns, credentials, ca: None };
        client.ca = ca::find(&client, store, surroundings);
        Some(client)
    }

    /// The workload.
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The container.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Why it is taken for a client of PostgreSQL.
    pub fn because(&self) -> &str {
        &self.because
    }

    /// The connection strings that it holds.
    pub fn dsns(&self) -> &[FoundDsn] {
        &self.dsns
    }

    /// The keys of Secrets that it takes credentials from.
    pub fn credentials(&self) -> &[KeyRef] {
        &self.credentials
    }

    /// How the CA reaches it. `None`: it has none.
    pub fn ca(&self) -> Option<&CaWiring> {
        self.ca.as_ref()
    }

    /// How it treats TLS: by its connection strings, else its variables, else libpq's default.
    pub fn ssl_mode(&self) -> Fact<SslMode> {
        let mut open = None;
        let mut weakest: Option<SslMode> = None;
        for found in &self.dsns {
            match self.mode_of(&found.dsn) {
                Fact::Known(mode) => weakest = Some(weakest.map_or(mode, |known| known.min(mode))),
                Fact::Unknown(hint) => open = Some(hint),
            }
        }
        // A weak connection string is a defect whatever the others say; a strong one proves nothing about the others.
        match (weakest, open, self.unreadable_dsn()) {
            (Some(mode), None, None) => Fact::Known(mode),
            (Some(mode), _, _) if mode < SslMode::Require => Fact::Known(mode),
            (_, Some(hint), _) | (_, None, Some(hint)) => Fact::Unknown(hint),
            (None, None, None) => self.mode_of_environment(),
        }
    }

    /// The host names that it dials, as far as they are known.
    pub fn hosts(&self) -> Vec<Text> {
        let of_dsns = self.dsns.iter().flat_map(|found| found.dsn.hosts.clone());
        let of_variables = self.container.env().iter().filter(|variable| {
            variable.name == "PGHOST" || ends_with_any(&variable.name, &["DB_HOST", "POSTGRES_HOST", "DATABASE_HOST"])
        });
        of_dsns.chain(of_variables.map(|variable| variable.value.clone())).collect()
    }

    fn mode_of(&self, dsn: &Dsn) -> Fact<SslMode> {
        if let Some(written) = dsn.parameter("sslmode").or_else(|| dsn.parameter("ssl-mode")) {
            return parse(written);
        }
        // The JDBC driver reads no variables, and its `ssl` means full verification.
        let ssl = dsn.parameter("ssl").filter(|_| dsn.style == DsnStyle::Jdbc);
        match (dsn.style, ssl.and_then(Text::known)) {
            (DsnStyle::Jdbc, Some("true" | "")) => Fact::Known(SslMode::VerifyFull),
            (DsnStyle::Jdbc, _) => Fact::Known(SslMode::DEFAULT),
            _ => self.mode_of_environment(),
        }
    }

    fn mode_of_environment(&self) -> Fact<SslMode> {
        let stated = |name: &str| self.container.variable(name).filter(|found| found.value.known() != Some(""));
        if let Some(variable) = stated("PGSSLMODE") {
            return parse(&variable.value);
        }
        // Who reads libpq's variables or a connection string has libpq's default. Others have variables of their own.
        let reads_libpq = !self.dsns.is_empty()
            || self
                .container
                .env()
                .iter()
                .any(|known| LIBPQ.contains(&known.name.as_str()) || carries_a_dsn(&known.name));
        if reads_libpq {
            return Fact::Known(SslMode::DEFAULT);
        }
        let own = self
            .container
            .env()
            .iter()
            .find(|known| ends_with_any(&known.name, SSL_MODE_VARIABLES) && known.value.known() != Some(""));
        match own {
            Some(variable) => parse(&variable.value),
            None => Fact::Unknown(
                "no connection string and no variable says it, so the driver's own default decides; state the mode"
                    .into(),
            ),
        }
    }

    /// A variable that carries a whole connection string of which nothing is known: it may say anything.
    fn unreadable_dsn(&self) -> Option<String> {
        let whole = self.container.env().iter().filter(|variable| carries_a_dsn(&variable.name));
        let hints = whole.filter(|variable| variable.value.is_unknown()).map(|variable| variable.value.fact());
        hints.into_iter().find_map(|fact| match fact {
            Fact::Known(_) => None,
            Fact::Unknown(hint) => Some(hint),
        })
    }
}

impl Locate for DatabaseClient {
    fn place(&self) -> Place {
        self.container.place()
    }
}

fn parse(written: &Text) -> Fact<SslMode> {
    match written.fact() {
        Fact::Known(text) => match text.parse() {
            Ok(mode) => Fact::Known(mode),
            Err(_) => {
                Fact::Unknown(format!("`{text}` is no mode of libpq; what the client makes of it, only it can tell"))
            }
        },
        Fact::Unknown(hint) => Fact::Unknown(hint),
    }
}

/// Images that are PostgreSQL itself.
const SERVERS: &[&str] = &["postgres", "postgresql", "postgis", "timescaledb", "pgvector", "spilo"];

fn is_server(container: &Container) -> bool {
    let repository = container.image().split('@').next().unwrap_or_default();
    let name = repository.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let is_one = SERVERS.iter().any(|server| name == *server || name.starts_with(&format!("{server}-")));
    let dials = container.env().iter().any(|variable| variable.name == "PGHOST" || carries_a_dsn(&variable.name));
    is_one && !dials && container.words().iter().all(|(_, word)| Dsn::parse(word).is_none())
}

/// Variables that libpq reads, and all who do as it does.
const LIBPQ: &[&str] = &[
    "PGHOST",
    "PGHOSTADDR",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSERVICE",
];

/// Other databases, as applications name their drivers.
const OTHERS: &[&str] = &[
    "mysql",
    "mysql2",
    "mariadb",
    "sqlite",
    "sqlite3",
    "mongodb",
    "mongo",
    "mssql",
    "sqlserver",
    "oracle",
    "cassandra",
];

/// Whether the container says that its database is another one.
fn speaks_another(container: &Container) -> bool {
    let says = |variable: &EnvVar| {
        let value = variable.value.known().unwrap_or_default().to_lowercase();
        let names_a_driver = ["TYPE", "CLIENT", "DRIVER", "DIALECT", "ENGINE", "CONNECTION", "ADAPTER"];
        let of_a_database = ["DB", "DATABASE"].iter().any(|part| variable.name.split('_').any(|word| word == *part));
        of_a_database && ends_with_any(&variable.name, &names_a_driver) && OTHERS.contains(&value.as_str())
    };
    let libpq = container.env().iter().any(|variable| LIBPQ.contains(&variable.name.as_str()));
    !libpq && container.env().iter().any(says)
}

/// Variables that hold a whole connection string.
fn carries_a_dsn(name: &str) -> bool {
    let ends = ["DATABASE_URL", "DATABASE_URI", "DATABASE_DSN", "DB_URL", "DB_URI", "DB_DSN", "DB_CONNECTION_URI"];
    let postgres = ["POSTGRES_URL", "POSTGRES_URI", "POSTGRES_DSN", "POSTGRESQL_URL", "PG_URL", "PG_DSN", "PGURL"];
    ends_with_any(name, &ends) || ends_with_any(name, &postgres)
}

/// Variables that say that there is a PostgreSQL to dial.
fn names_a_database(variable: &EnvVar) -> bool {
    let name = variable.name.as_str();
    let value = variable.value.known().unwrap_or_default();
    // Another database announces itself by its scheme.
    if value.contains("://") && Dsn::parse_str(value).is_none() {
        return false;
    }
    let parts =
        ["POSTGRES_HOST", "POSTGRESQL_HOST", "POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD", "PG_HOST", "PG_PASSWORD"];
    LIBPQ.contains(&name) || carries_a_dsn(name) && !name.starts_with("MYSQL") || ends_with_any(name, &parts)
}

fn ends_with_any(name: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| name == *end || name.strip_suffix(end).is_some_and(|rest| rest.ends_with('_')))
}

fn knows(key: &KeyRef, store: &Store, surroundings: &Surroundings) -> bool {
    key.kind == RefKind::Secret
        && (surroundings.credentials.contains(&key.name) || store.is_operator_credential(&key.name))
}

fn find_dsns(container: &Container, store: &Store) -> Vec<FoundDsn> {
    let mut found = Vec::new();
    for variable in container.env() {
        if let Some(dsn) = Dsn::parse(&variable.value) {
            found.push(FoundDsn { holder: format!("env {}", variable.name), dsn, place: variable.place.clone() });
        }
    }
    for (field, word) in container.words() {
        // An option and its value may be one word, `--database-url=postgres://...`.
        let text = word.with_holes();
        let value = if text.starts_with('-') { text.split_once('=').map_or(text, |(_, value)| value) } else { text };
        if let Some(dsn) = Dsn::parse(&word.part(value)) {
            found.push(FoundDsn { holder: field.clone(), dsn, place: container.at(&field) });
        }
    }
    // `DATABASE_URL_FILE` and its like name a mounted file.
    for variable in container.env().iter().filter(|variable| variable.name.ends_with("_FILE")) {
        let file = variable.value.known().and_then(|path| container.file(path));
        let Some(FileContent::Key { key, .. }) = file.map(|file| file.content) else { continue };
        if let Some(dsn) = Dsn::parse(&store.content(&key)) {
            found.push(FoundDsn { holder: format!("env {}", variable.name), dsn, place: variable.place.clone() });
        }
    }
    for mount in container.mounts() {
        for (kind, name) in mount.volume.keys() {
            for (key, text) in store.entries(kind, name) {
                for dsn in dsns_in_file(text) {
                    let holder = format!("file {key} of {} {name}", kind.kind());
                    found.push(FoundDsn { holder, dsn, place: mount.place.clone() });
                }
            }
        }
    }
    found
}

/// Connection strings in a file of configuration: URIs anywhere, a list of key=value pairs as a line of its own.
fn dsns_in_file(text: &Text) -> Vec<Dsn> {
    let whole = text.with_holes();
    let ends = |character: char| character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>');
    let words = whole.split(ends).filter_map(|word| {
        let start = ["jdbc:postgresql:", "postgresql://", "postgres://", "postgresql+"]
            .iter()
            .find_map(|scheme| word.find(scheme))?;
        Dsn::parse(&text.part(&word[start..]))
    });
    let mut found: Vec<Dsn> = words.collect();
    if found.is_empty() {
        found.extend(whole.lines().filter_map(|line| Dsn::parse(&text.part(line))));
    }
    found
}

fn find_credentials(container: &Container, store: &Store, surroundings: &Surroundings) -> Vec<KeyRef> {
    let mut found: Vec<KeyRef> = Vec::new();
    let mut add = |key: &KeyRef| {
        if !found.contains(key) {
            found.push(key.clone());
        }
    };
    for variable in container.env().iter().filter(|variable| variable.is_secret()) {
        if let Some(key) = variable.key()
            && (knows(key, store, surroundings) || names_a_database(variable) || Dsn::parse(&variable.value).is_some())
        {
            add(key);
        }
    }
    // A Secret that becomes part of a connection string through `$(VAR)`.
    for variable in container.env().iter().filter(|variable| Dsn::parse(&variable.value).is_some()) {
        for name in super::env::expansions(variable.written.as_deref().unwrap_or_default()) {
            if let Some(key) = container.variable(name).filter(|part| part.is_secret()).and_then(EnvVar::key) {
                add(key);
            }
        }
    }
    for mount in container.mounts() {
        for source in &mount.volume.sources {
            let VolumeSource::Keys { kind: RefKind::Secret, name, items, .. } = source else { continue };
            if !surroundings.credentials.contains(name) && !store.is_operator_credential(name) {
                continue;
            }
            let whole = || store.keys(RefKind::Secret, name).unwrap_or_default();
            let keys = if items.is_empty() { whole() } else { items.iter().map(|item| item.key.clone()).collect() };
            for key in keys {
                add(&KeyRef { kind: RefKind::Secret, name: name.clone(), key });
            }
        }
    }
    found
}
