//! What tells that a container dials PostgreSQL: the names of its variables, and what it says of its driver.
//!
//! Names are conventions, so this is made to see whoever follows one of them; another database that says so is none.

use serde_json::Value;

use super::dsn::Dsn;
use super::env::EnvVar;
use super::workload::{Container, Role, Workload};
use crate::manifests::Object;

/// Images that are PostgreSQL itself.
const SERVERS: &[&str] = &["postgres", "postgresql", "postgis", "timescaledb", "pgvector", "spilo"];

/// Parts of the names of images that stand before PostgreSQL, and dial it.
const POOLERS: &[&str] = &["bouncer", "pooler", "pgpool", "pgcat", "odyssey", "proxy"];

/// PostgreSQL's own port.
const PORT: u64 = 5432;

/// Whether the container is PostgreSQL itself: by its image, by the folder of its data, or because it serves PostgreSQL's
/// port, itself or through a Service that selects its pods.
pub(super) fn is_server(container: &Container, workload: &Workload, services: &[&Object]) -> bool {
    let repository = container.image().split('@').next().unwrap_or_default();
    let name = repository.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let is_called_one = SERVERS.iter().any(|server| name == *server || name.starts_with(&format!("{server}-")));
    let serves = serves(container) || container.role() == Role::Main && is_behind(workload, services);
    let is_pooler = POOLERS.iter().any(|pooler| name.contains(pooler));
    let is_one = is_called_one || (serves || container.variable("PGDATA").is_some()) && !is_pooler;
    let dials = container.env().iter().any(|variable| variable.name == "PGHOST" || carries_a_dsn(&variable.name));
    is_one && !dials && container.words().iter().all(|(_, word)| Dsn::parse(word).is_none())
}

fn serves(container: &Container) -> bool {
    let ports = container.get("ports").and_then(Value::as_array).into_iter().flatten();
    ports.into_iter().any(|port| port.get("containerPort").and_then(Value::as_u64) == Some(PORT))
}

fn is_behind(workload: &Workload, services: &[&Object]) -> bool {
    services.iter().any(|service| {
        let mut ports = service.get("spec.ports").and_then(Value::as_array).into_iter().flatten();
        workload.is_behind(service) && ports.any(|port| port.get("port").and_then(Value::as_u64) == Some(PORT))
    })
}

/// Variables that libpq reads, and all who do as it does.
pub(super) const LIBPQ: &[&str] = &[
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
const OTHERS: &[&str] = &["mysql", "mariadb", "sqlite", "mongo", "mssql", "sqlserver", "oracle", "cassandra"];

/// Last words of names whose value is a kind of database, in lower case.
const KINDS: &[&str] = &[
    "type",
    "dbtype",
    "client",
    "driver",
    "drivername",
    "dialect",
    "engine",
    "connection",
    "adapter",
    "plugin",
    "pluginname",
    "vendor",
    "backend",
    "db",
];

/// Words of names that are about a database.
const DATABASE: &[&str] = &["DB", "DATABASE", "DATASTORE", "DATASOURCE", "SQL"];

/// Words of names that are about PostgreSQL.
const POSTGRES: &[&str] = &["POSTGRES", "POSTGRESQL", "PG", "PGSQL"];

/// Words of names that are about a connection.
const CONNECTION: &[&str] =
    &["HOST", "HOSTNAME", "ADDR", "ADDRESS", "USER", "USERNAME", "PASSWORD", "SSL", "SSLMODE", "DSN", "URL", "URI"];

/// Whether a name, by its last word, says which kind of database there is.
pub(super) fn names_a_kind(last: &str) -> bool {
    KINDS.contains(&last)
}

/// Whether a kind of database is PostgreSQL: `postgres12`, `pgsql`, `django.db.backends.postgresql`.
pub(super) fn is_postgres(kind: &str) -> bool {
    let kind = kind.to_lowercase();
    let word = kind.rsplit('.').next().unwrap_or_default();
    let plain = word.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    plain && (word.starts_with("postgres") || matches!(word, "pg" | "pgx" | "pgsql" | "psql" | "postgis"))
}

/// Last words of the names of keys that say where the database is, and as whom, and open nothing.
const WHERE: &[&str] =
    &["host", "hostname", "address", "addr", "port", "database", "dbname", "sslmode", "user", "username"];

/// Whether a key of this name says where the database is, or as whom, `POSTGRES_HOST`.
pub(super) fn says_where(key: &str) -> bool {
    let last = key.rsplit(['-', '_', '.']).next().unwrap_or_default().to_lowercase();
    WHERE.contains(&last.as_str())
}

/// Whether the container says that its database is another one.
pub(super) fn speaks_another(container: &Container) -> bool {
    let says = |variable: &EnvVar| {
        let value = variable.value.known().unwrap_or_default().to_lowercase();
        has_word(&variable.name, DATABASE)
            && last_word(&variable.name).is_some_and(|last| names_a_kind(&last))
            && OTHERS.iter().any(|other| value.starts_with(other))
    };
    let libpq = container.env().iter().any(|variable| LIBPQ.contains(&variable.name.as_str()));
    !libpq && container.env().iter().any(says)
}

/// Variables that hold a whole connection string.
pub(super) fn carries_a_dsn(name: &str) -> bool {
    let ends = ["URL", "URI", "DSN", "CONNECTION_URI", "CONNECTION_STRING"];
    let of = ["DATABASE", "DB", "DATASTORE", "DATASOURCE", "POSTGRES", "POSTGRESQL", "PG"];
    let composed = |end: &str| of.iter().any(|of| ends_with_any(name, &[&format!("{of}_{end}")]));
    matches!(name, "DSN" | "PGURL") || ends.iter().any(|end| composed(end))
}

/// Variables that name a file with a credential of PostgreSQL, `DATABASE_URL_FILE`.
pub(super) fn names_a_credential_file(name: &str) -> bool {
    let is_one = |stem: &str| {
        LIBPQ.contains(&stem) || carries_a_dsn(stem) || has_word(stem, POSTGRES) && has_word(stem, CONNECTION)
    };
    name == "PGPASSFILE" || name.strip_suffix("_FILE").is_some_and(is_one)
}

/// Variables that say that there is a PostgreSQL to dial.
pub(super) fn names_a_database(variable: &EnvVar) -> bool {
    let name = variable.name.as_str();
    let value = variable.value.known().unwrap_or_default();
    // Another database announces itself by its scheme.
    if value.contains("://") && Dsn::parse_str(value).is_none() {
        return false;
    }
    LIBPQ.contains(&name)
        || carries_a_dsn(name) && !name.starts_with("MYSQL")
        || has_word(name, POSTGRES) && has_word(name, CONNECTION)
        || last_word(name).is_some_and(|last| names_a_kind(&last)) && !has_word(name, POSTGRES) && is_postgres(value)
}

/// Whether a variable chooses how TLS is done with a database.
pub(super) fn chooses_a_mode(name: &str) -> bool {
    name.replace('_', "").ends_with("SSLMODE") && (has_word(name, DATABASE) || has_word(name, POSTGRES))
}

/// Whether a variable holds parameters that are put behind a connection string, `?sslmode=verify-full`.
pub(super) fn holds_parameters(variable: &EnvVar) -> bool {
    let about_tls = |value: &str| value.starts_with('?') && value.contains("sslmode=");
    has_word(&variable.name, DATABASE) && variable.value.known().is_some_and(about_tls)
}

pub(super) fn ends_with_any(name: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| name == *end || name.strip_suffix(end).is_some_and(|rest| rest.ends_with('_')))
}

fn has_word(name: &str, words: &[&str]) -> bool {
    name.split('_').any(|word| words.contains(&word))
}

fn last_word(name: &str) -> Option<String> {
    name.rsplit('_').next().map(str::to_lowercase)
}
