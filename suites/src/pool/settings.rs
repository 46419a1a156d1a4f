//! What a client says of its pool: in variables, or as parameters of its connection string.

use std::time::Duration;

use harness::graph::{Container, DatabaseClient, Fact, Text};
use harness::subject::Budget;

/// Parameters of connection strings that limit the number of sessions: of pgx, Prisma, SQLAlchemy and others.
const SIZE_PARAMETERS: &[&str] = &["pool_max_conns", "connection_limit", "pool_size", "max_pool_size", "maxPoolSize"];

/// Parameters of connection strings that limit the age of a session.
const AGE_PARAMETERS: &[&str] = &["pool_max_conn_lifetime", "max_lifetime", "pool_recycle"];

/// What tells something about the pool, and what it says. `None`: nothing does.
pub(super) type Told<T> = Option<(String, Fact<T>)>;

/// How many sessions the pool opens at most.
pub(super) fn size(client: &DatabaseClient) -> Told<u64> {
    find(client, names_a_size, SIZE_PARAMETERS).map(|(name, text)| (name, number(&text)))
}

/// How old a session becomes at most; no limit is `None`.
pub(super) fn age(client: &DatabaseClient) -> Told<Option<Duration>> {
    find(client, names_an_age, AGE_PARAMETERS).map(|(name, text)| {
        let read = text.fact().map(str::to_owned);
        let age = match read {
            Fact::Unknown(hint) => Fact::Unknown(hint),
            Fact::Known(written) => match duration(&name, &written) {
                Some(age) => Fact::Known(age),
                None => Fact::Unknown(format!("`{written}` is no time that is known here")),
            },
        };
        (name, age)
    })
}

fn find(client: &DatabaseClient, names: fn(&str) -> bool, parameters: &[&str]) -> Option<(String, Text)> {
    let container: &Container = client.container();
    let variable = container.env().iter().find(|variable| names(&variable.name));
    let found = variable.map(|variable| (variable.name.clone(), variable.value.clone()));
    found.or_else(|| {
        let all = client.dsns().iter().flat_map(|found| &found.dsn.parameters);
        all.into_iter().find(|(name, _)| parameters.contains(&name.as_str())).cloned()
    })
}

/// Words that names of pools run together, `MAXOPENCONNS`. A longer one stands before what it begins with.
const RUN_TOGETHER: &[&str] = &[
    "MAX",
    "MIN",
    "OPEN",
    "IDLE",
    "CONNECTIONS",
    "CONNECTION",
    "CONNS",
    "CONN",
    "POOL",
    "SIZE",
    "LIFETIME",
    "TIMEOUT",
    "TIME",
    "AGE",
];

fn words(name: &str) -> Vec<&str> {
    name.split('_').flat_map(|word| parts(word).unwrap_or_else(|| vec![word])).collect()
}

/// The words that were run together, if nothing else is in it.
fn parts(mut word: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    while !word.is_empty() {
        let length = RUN_TOGETHER.iter().find(|known| word.starts_with(**known))?.len();
        let (part, rest) = word.split_at(length);
        found.push(part);
        word = rest;
    }
    Some(found)
}

/// `POOL_SIZE`, `DB_POOL_MAX`, `CERTCTL_DATABASE_MAX_CONNS`, `DATABASE_MAX_OPEN_CONNECTIONS`.
fn names_a_size(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words = words(&upper);
    let has = |wanted: &[&str]| wanted.iter().any(|word| words.contains(word));
    let counts = has(&["CONNS", "CONNECTIONS", "CONN"]) && has(&["MAX"]) && !has(&["IDLE"]);
    let pool = has(&["POOL"]) && has(&["SIZE", "MAX"]);
    (counts || pool) && !names_an_age(name) && !has(&["IDLE", "TIMEOUT", "MIN", "OVERFLOW", "WAIT"])
}

/// `POOL_MAX_LIFETIME`, `DB_CONN_MAX_LIFETIME`, `SQLALCHEMY_POOL_RECYCLE`, `DATABASE_MAX_AGE`.
fn names_an_age(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words = words(&upper);
    let has = |wanted: &[&str]| wanted.iter().any(|word| words.contains(word));
    has(&["LIFETIME", "RECYCLE"]) && has(&["POOL", "CONN", "CONNS", "CONNECTION", "DB", "DATABASE", "PG"])
        || has(&["CONN", "CONNECTION"]) && has(&["AGE"])
}

fn number(text: &Text) -> Fact<u64> {
    match text.fact() {
        Fact::Unknown(hint) => Fact::Unknown(hint),
        Fact::Known(written) => match written.trim().parse() {
            Ok(number) => Fact::Known(number),
            Err(_) => Fact::Unknown(format!("`{written}` is no number")),
        },
    }
}

/// A time with units, or a bare number: of milliseconds where the name says so, else of seconds. 0 and less: no limit.
pub(super) fn duration(name: &str, written: &str) -> Option<Option<Duration>> {
    let written = written.trim();
    let limit = |age: Duration| (!age.is_zero()).then_some(age);
    if let Ok(number) = written.parse::<i64>() {
        let number = u64::try_from(number).unwrap_or(0);
        let in_milliseconds = name.to_uppercase().ends_with("_MS");
        return Some(limit(if in_milliseconds { Duration::from_millis(number) } else { Duration::from_secs(number) }));
    }
    written.parse::<Budget>().ok().map(|budget| limit(budget.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::{duration, names_a_size, names_an_age};

    #[rstest]
    #[case("POOL_SIZE", true, false)]
    #[case("CERTCTL_DATABASE_MAX_CONNS", true, false)]
    #[case("DB_MAX_OPEN_CONNECTIONS", true, false)]
    #[case("POOL_MAX_LIFETIME", false, true)]
    #[case("DB_CONN_MAX_LIFETIME", false, true)]
    #[case("DB_CONN_MAX_AGE", false, true)]
    #[case("STORE_POSTGRES_MAXOPENCONNS", true, false)]
    #[case("STORE_POSTGRES_MAXCONNLIFETIME", false, true)]
    #[case("STORE_POSTGRES_MAXCONNIDLETIME", false, false)]
    #[case("DB_POOLSIZE", true, false)]
    #[case("DB_MAX_IDLE_CONNS", false, false)]
    #[case("POOL_TIMEOUT", false, false)]
    #[case("MAX_UPLOAD_SIZE", false, false)]
    #[case("TOKEN_LIFETIME", false, false)]
    fn a_name_tells_of_a_pool(#[case] name: &str, #[case] size: bool, #[case] age: bool) {
        assert_eq!((names_a_size(name), names_an_age(name)), (size, age));
    }

    #[rstest]
    #[case::with_units("POOL_MAX_LIFETIME", "5m", Some(Some(Duration::from_secs(300))))]
    #[case::bare_seconds("POOL_RECYCLE", "300", Some(Some(Duration::from_secs(300))))]
    #[case::bare_milliseconds("POOL_MAX_LIFETIME_MS", "300", Some(Some(Duration::from_millis(300))))]
    #[case::no_limit("POOL_MAX_LIFETIME", "0", Some(None))]
    #[case::no_limit_with_units("POOL_MAX_LIFETIME", "0s", Some(None))]
    #[case::no_limit_below_zero("POOL_RECYCLE", "-1", Some(None))]
    #[case::no_time("POOL_MAX_LIFETIME", "long", None)]
    fn an_age_is_read(#[case] name: &str, #[case] written: &str, #[case] expected: Option<Option<Duration>>) {
        assert_eq!(duration(name, written), expected);
    }
}
