//! Paths of Vault under which it hands out credentials that it sets itself: `database/static-creds/shop`.
//!
//! The name behind is that of an entry in Vault. Which role of the database it stands for, only Vault's configuration
//! tells; by custom both are called alike. Other engines hand out credentials in the same way, and whoever installs an
//! engine chooses the name of its mount.

/// A path that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    /// The name of the entry.
    pub(super) entry: String,
    /// Whether the engine sets passwords of PostgreSQL. `None`: the name of its mount does not say.
    pub(super) is_of_a_database: Option<bool>,
}

/// Last but one parts of such a path.
const KINDS: &[&str] = &["creds", "static-creds"];

/// Words of the names of mounts that are about a database which may be PostgreSQL.
const DATABASES: &[&str] =
    &["database", "databases", "db", "dbs", "sql", "rds", "pg", "pgsql", "postgres", "postgresql", "cnpg"];

/// Words of the names of mounts that are about anything else.
const OTHERS: &[&str] = &[
    "aws",
    "azure",
    "gcp",
    "alicloud",
    "consul",
    "nomad",
    "rabbitmq",
    "ldap",
    "openldap",
    "ad",
    "kubernetes",
    "k8s",
    "terraform",
    "ssh",
    "pki",
    "mongo",
    "mongodb",
    "mongodbatlas",
    "mysql",
    "mariadb",
    "mssql",
    "oracle",
    "redis",
    "elasticsearch",
    "cassandra",
    "snowflake",
];

/// Engines that only keep what they are given, whatever a path below them is called.
const KEEPERS: &[&str] = &["secret", "secrets", "kv"];

/// The credentials whose paths stand in a text. A path of the file system is none.
pub(super) fn credentials_in(text: &str) -> Vec<Credential> {
    let is_of_a_path = |one: char| one.is_ascii_alphanumeric() || matches!(one, '/' | '_' | '-' | '.' | ':');
    let tokens = text.split(|one: char| !is_of_a_path(one)).filter(|token| token.contains("creds/"));
    tokens.filter_map(credential).collect()
}

fn credential(token: &str) -> Option<Credential> {
    // The address of Vault may stand before it, `https://vault:8200/v1/database/creds/shop`.
    let path = token.rsplit_once("v1/").map_or(token, |(_, path)| path);
    if path.starts_with('/') || path.contains("://") {
        return None;
    }
    let parts: Vec<&str> = path.split('/').collect();
    let kind = parts.iter().position(|part| KINDS.contains(part)).filter(|kind| *kind > 0)?;
    let entry = parts.get(kind + 1)?.trim_end_matches('.');
    let credential = Credential { entry: entry.to_owned(), is_of_a_database: is_of_a_database(&parts[..kind]) };
    (!entry.is_empty()).then_some(credential)
}

/// Whether an engine whose mount has these parts sets passwords of PostgreSQL. `None`: its name does not say.
pub(super) fn is_of_a_database(mount: &[&str]) -> Option<bool> {
    let words = |part: &str| -> Vec<String> {
        part.split(|one: char| !one.is_ascii_alphanumeric()).map(str::to_lowercase).collect()
    };
    let first = mount.first().map(|part| words(part)).unwrap_or_default();
    if first.iter().any(|word| KEEPERS.contains(&word.as_str())) {
        return Some(false);
    }
    let all: Vec<String> = mount.iter().flat_map(|part| words(part)).collect();
    let has = |known: &[&str]| all.iter().any(|word| known.contains(&word.as_str()));
    match (has(DATABASES), has(OTHERS)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::credentials_in;

    #[rstest]
    #[case::static_credentials("database/static-creds/shop", &[("shop", Some(true))])]
    #[case::dynamic_credentials("database/creds/shop", &[("shop", Some(true))])]
    #[case::in_a_template("{{ with secret \"postgres-prod/creds/shop\" }}", &[("shop", Some(true))])]
    #[case::by_an_address("https://vault:8200/v1/team/database/creds/shop", &[("shop", Some(true))])]
    #[case::in_a_variable("vault:database/creds/shop#password", &[("shop", Some(true))])]
    #[case::of_a_cloud("aws/static-creds/shop", &[("shop", Some(false))])]
    #[case::of_a_mount_that_may_be_any("prod/creds/shop", &[("shop", None)])]
    #[case::that_somebody_put_there("secret/data/database/creds/shop", &[("shop", Some(false))])]
    #[case::a_file("/run/database/creds/shop", &[])]
    #[case::without_an_entry("database/creds/", &[])]
    #[case::without_a_mount("creds/shop", &[])]
    fn a_path_names_a_credential(#[case] text: &str, #[case] expected: &[(&str, Option<bool>)]) {
        let found = credentials_in(text);
        let found: Vec<_> = found.iter().map(|one| (one.entry.as_str(), one.is_of_a_database)).collect();
        assert_eq!(found, expected);
    }
}
