//! What tells that a container dials PostgreSQL: the names of its variables, and what it says of its driver.
//!
//! Names are conventions, so this is made to see whoever follows one of them; another database that says so is none.

use serde_json::Value;

use super::dsn::Dsn;
use super::env::{EnvSource, EnvVar};
use super::workload::{Container, Role, Workload};
use crate::manifests::Object;

/// Images that are PostgreSQL itself.
const SERVERS: &[&str] = &["postgres", "postgresql", "postgis", "timescaledb", "pgvector", "spilo"];

/// Parts of the names of images that are called after PostgreSQL, and dial it.
const COMPANIONS: &[&str] = &["exporter", "backup", "client", "dump", "migrat", "operator", "init"];

/// Parts of the names of images that stand before PostgreSQL, and dial it.
const POOLERS: &[&str] = &["bouncer", "pooler", "pgpool", "pgcat", "odyssey", "proxy"];

/// Programs of PostgreSQL that log in. `pg_isready` does not.
const PROGRAMS: &[&str] = &[
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_basebackup",
    "pgbench",
    "createdb",
    "dropdb",
    "createuser",
    "dropuser",
    "vacuumdb",
    "reindexdb",
];

/// What a command says that starts a server, whatever else it does before.
const STARTS: &[&str] = &["entrypoint", "exec postgres", "run-postgresql", "pg_ctl", "patroni"];

/// PostgreSQL's own port.
const PORT: u64 = 5432;

/// Whether the container is PostgreSQL itself: by its image, by the folder of its data, or because it serves PostgreSQL's
/// port, itself or through a Service that selects its pods.
pub(super) fn is_server(container: &Container, workload: &Workload, services: &[&Object]) -> bool {
    let repository = container.image().split('@').next().unwrap_or_default();
    let name = repository.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let is_named = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let is_called_one = SERVERS.iter().any(|server| name == *server || name.starts_with(&format!("{server}-")))
        && !is_named(COMPANIONS)
        && !borrows_a_program(container, workload);
    let serves = serves(container) || container.role() == Role::Main && is_behind(workload, services);
    let is_one = is_called_one || (serves || container.variable("PGDATA").is_some()) && !is_named(POOLERS);
    is_one && !dials(container)
}

/// Whether an image of PostgreSQL is there for one of its programs: the command says one that logs in, or is a Job's own.
fn borrows_a_program(container: &Container, workload: &Workload) -> bool {
    let words: Vec<String> = container.words().into_iter().map(|(_, word)| word.to_string()).collect();
    let is_option = |first: &String| first.starts_with('-') && container.get("command").is_none();
    let is_server = |first: &String| first.rsplit('/').next() == Some("postgres") || is_option(first);
    if words.first().is_none_or(is_server) || words.iter().any(|word| STARTS.iter().any(|start| word.contains(start))) {
        return false;
    }
    let is_program = |part: &str| PROGRAMS.contains(&part);
    let mut parts = words.iter().flat_map(|word| word.split(|one: char| !one.is_ascii_alphanumeric() && one != '_'));
    parts.any(is_program) || workload.runs_to_an_end() && container.role() == Role::Main
}

/// Whether the container is told of a server elsewhere. One that dials itself is no client.
fn dials(container: &Container) -> bool {
    let says = |variable: &EnvVar| match variable.name.as_str() {
        "PGHOST" | "PGHOSTADDR" => !variable.value.known().is_some_and(is_itself),
        // What all share is there for others.
        "POSTGRES_HOST" => {
            !matches!(variable.source, EnvSource::EnvFrom(_)) && !variable.value.known().is_some_and(is_itself)
        }
        name => carries_a_dsn(name) || Dsn::parse(&variable.value).is_some_and(|dsn| is_elsewhere(&dsn)),
    };
    container.env().iter().any(says) || container.words().iter().any(|(_, word)| Dsn::parse(word).is_some())
}

fn is_elsewhere(dsn: &Dsn) -> bool {
    dsn.hosts.iter().any(|host| !host.known().is_some_and(is_itself))
}

/// Whether a host is the pod itself: its loopback, or the folder of a socket.
fn is_itself(host: &str) -> bool {
    host.is_empty() || host.starts_with('/') || matches!(host, "localhost" | "127.0.0.1" | "::1")
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

/// Other servers that have a password.
const ELSEWHERE: &[&str] = &[
    "mongodb",
    "redis",
    "valkey",
    "clickhouse",
    "elastic",
    "elasticsearch",
    "opensearch",
    "influxdb",
    "neo4j",
    "ldap",
    "smtp",
    "rabbitmq",
    "amqp",
    "kafka",
    "s3",
    "minio",
    "vector",
    "druid",
    "trino",
];

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

/// Whether a variable of who dials PostgreSQL holds its password: `KC_DB_PASSWORD`, as long as it names no other server.
pub(super) fn names_a_password_of_it(name: &str) -> bool {
    let other = |word: &str| {
        let word = word.to_lowercase();
        OTHERS.contains(&word.as_str()) || ELSEWHERE.contains(&word.as_str())
    };
    last_word(name).is_some_and(|last| matches!(last.as_str(), "password" | "passwd" | "pass" | "pwd"))
        && (has_word(name, DATABASE) || has_word(name, POSTGRES))
        && !name.split('_').any(other)
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::graph::Surroundings;
    use crate::graph::tests::graph_in;

    const PASSWORD: &str = "{name: PGPASSWORD, valueFrom: {secretKeyRef: {name: db-app, key: password}}}";

    /// What runs once with an image and a command, and what runs for ever.
    fn clients(kind: &str, container: &str) -> usize {
        let pod = format!("{{metadata: {{labels: {{app: pg}}}}, spec: {{containers: [{{name: main, {container}}}]}}}}");
        let (version, spec) = match kind {
            "CronJob" => ("batch/v1", format!("{{jobTemplate: {{spec: {{template: {pod}}}}}}}")),
            "Job" => ("batch/v1", format!("{{template: {pod}}}")),
            _ => ("apps/v1", format!("{{template: {pod}}}")),
        };
        let service = if kind == "StatefulSet" {
            "---\n{apiVersion: v1, kind: Service, metadata: {name: pg}, spec: {selector: {app: pg}, ports: [{port: 5432}]}}\n"
        } else {
            ""
        };
        let shared = "{apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {POSTGRES_HOST: pg}}";
        let text = format!(
            "{{apiVersion: {version}, kind: {kind}, metadata: {{name: pg}}, spec: {spec}}}\n---\n{shared}\n{service}"
        );
        graph_in(&text, &Surroundings::default()).database_clients().len()
    }

    #[rstest]
    #[case::a_dump("CronJob", "command: [sh, -c, 'pg_dump -h db-rw -U postgres app > /b/d.sql']", PASSWORD, 1)]
    #[case::a_dump_by_arguments("Deployment", "args: [pg_dump, -h, db-rw]", PASSWORD, 1)]
    #[case::a_script_of_a_job("Job", "command: [sh, /scripts/setup.sh]", PASSWORD, 1)]
    #[case::a_server_for_the_tests_of_a_job("Job", "imagePullPolicy: Always", PASSWORD, 0)]
    #[case::a_server("Deployment", "args: [postgres, -c, ssl=on]", PASSWORD, 0)]
    #[case::a_server_by_options("Deployment", "args: [-c, ssl=on]", PASSWORD, 0)]
    #[case::a_server_that_sets_itself_up(
        "StatefulSet",
        "command: [sh, -c, '(sleep 9; psql -f /setup.sql) & exec docker-entrypoint.sh postgres']",
        PASSWORD,
        0
    )]
    #[case::a_server_that_asks_itself_whether_it_is_ready(
        "StatefulSet",
        "readinessProbe: {exec: {command: [psql, -c, 'SELECT 1']}}",
        PASSWORD,
        0
    )]
    #[case::a_server_with_an_address_in_variables_for_all(
        "StatefulSet",
        "envFrom: [{configMapRef: {name: shared}}]",
        PASSWORD,
        0
    )]
    #[case::what_waits_and_logs_in_nowhere(
        "Deployment",
        "command: [sh, -c, 'until pg_isready -h db; do sleep 1; done']",
        "",
        0
    )]
    #[case::by_the_address("Deployment", "tty: true", "{name: PGHOSTADDR, value: 10.0.0.7}", 1)]
    #[case::by_the_host_of_the_application("Deployment", "tty: true", "{name: POSTGRES_HOST, value: db-rw}", 1)]
    #[case::by_a_connection_string("Deployment", "tty: true", "{name: TARGET, value: 'postgres://u@db-rw/app'}", 1)]
    #[case::by_a_connection_string_to_itself(
        "Deployment",
        "tty: true",
        "{name: TARGET, value: 'postgres://u@localhost/app'}",
        0
    )]
    fn an_image_of_postgresql_is_a_server_or_dials_one(
        #[case] kind: &str,
        #[case] container: &str,
        #[case] env: &str,
        #[case] expected: usize,
    ) {
        let container = format!("image: 'docker.io/library/postgres:17', {container}, env: [{env}]");
        assert_eq!(clients(kind, &container), expected);
    }

    #[rstest]
    #[case::exporter("quay.io/prometheuscommunity/postgres-exporter:v0.17", 1)]
    #[case::backup("example.org/postgres-backup-s3:17", 1)]
    #[case::client("example.org/postgresql-client", 1)]
    #[case::server_of_another_make("docker.io/bitnami/postgresql-repmgr:17", 0)]
    fn an_image_beside_postgresql_is_none(#[case] image: &str, #[case] expected: usize) {
        assert_eq!(clients("Deployment", &format!("image: '{image}', env: [{PASSWORD}]")), expected);
    }
}
