//! What a client says of its pool: in variables, or as parameters of its connection string.

use std::time::Duration;

use harness::graph::{Container, DatabaseClient, Fact, Text};
use harness::subject::Budget;

/// Parameters of connection strings that limit the number of sessions: of pgx, Prisma, SQLAlchemy and others.
const SIZE_PARAMETERS: &[&str] = &["pool_max_conns", "connection_limit", "pool_size", "max_pool_size", "maxPoolSize"];

/// Parameters of connection strings that allow for more sessions than that.
const OVERFLOW_PARAMETERS: &[&str] = &["max_overflow"];

/// Parameters of connection strings that limit the age of a session.
const AGE_PARAMETERS: &[&str] = &["pool_max_conn_lifetime", "max_lifetime", "pool_recycle"];

/// What tells something about the pool, and what it says. `None`: nothing does.
pub(super) type Told<T> = Option<(String, Fact<T>)>;

/// How many sessions the pool opens at most, those beyond its size included.
pub(super) fn size(client: &DatabaseClient) -> Told<u64> {
    let size = agreed(candidates(client, names_a_size, SIZE_PARAMETERS), |_, text| number(text, 1));
    let beyond = agreed(candidates(client, names_an_overflow, OVERFLOW_PARAMETERS), |_, text| number(text, 0));
    match (size, beyond) {
        (size, None) => size,
        (None, Some((name, _))) => {
            let hint = "it says how many come on top of the pool's size, which nothing says";
            Some((name, Fact::Unknown(hint.into())))
        }
        (Some((size_name, size)), Some((name, beyond))) => match (size, beyond) {
            (Fact::Known(size), Fact::Known(beyond)) => {
                Some((format!("{size_name} and {name}"), Fact::Known(size.saturating_add(beyond))))
            }
            (Fact::Unknown(hint), _) => Some((size_name, Fact::Unknown(hint))),
            (_, Fact::Unknown(hint)) => Some((name, Fact::Unknown(hint))),
        },
    }
}

/// How old a session becomes at most; no limit is `None`.
pub(super) fn age(client: &DatabaseClient) -> Told<Option<Duration>> {
    agreed(candidates(client, names_an_age, AGE_PARAMETERS), |name, text| match text.fact() {
        Fact::Unknown(hint) => Fact::Unknown(hint),
        Fact::Known(written) => match age_of(name, written) {
            Some(age) => Fact::Known(age),
            None => Fact::Unknown(format!("`{written}` is no time that is known here")),
        },
    })
}

/// Whose pool a name is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pool {
    /// That of the database, which it names.
    Database,
    /// The only one that there is: it says nothing else.
    Only,
    /// One of several, maybe: what the rest of it means, only the application knows.
    Some,
}

/// A variable or a parameter that tells something about a pool.
type Candidate = (String, Text, Pool);

/// What tells something about the pool of the database. What names the database stands before what does not.
fn candidates(client: &DatabaseClient, names: fn(&str) -> bool, parameters: &[&str]) -> Vec<Candidate> {
    let container: &Container = client.container();
    let variables = container.env().iter().filter(|variable| names(&variable.name));
    let of_variables = variables.filter_map(|one| Some((one.name.clone(), one.value.clone(), pool_of(&one.name)?)));
    let all = client.dsns().iter().flat_map(|found| &found.dsn.parameters);
    let of_parameters = all.filter(|(name, _)| parameters.contains(&name.as_str()));
    let of_parameters = of_parameters.map(|(name, text)| (name.clone(), text.clone(), Pool::Database));
    let found: Vec<Candidate> = of_variables.chain(of_parameters).collect();
    let nearest = found.iter().map(|(_, _, pool)| *pool).min();
    found.into_iter().filter(|(_, _, pool)| Some(*pool) == nearest).collect()
}

/// What candidates say with one voice. Which of two that differ counts, manifests do not tell.
fn agreed<T: PartialEq>(candidates: Vec<Candidate>, read: impl Fn(&str, &Text) -> Fact<T>) -> Told<T> {
    let mut told: Told<T> = None;
    for (name, text, pool) in candidates {
        let fact = match pool {
            Pool::Database | Pool::Only => read(&name, &text),
            Pool::Some => Fact::Unknown("whether that is the pool of the database, its name does not say".into()),
        };
        told = Some(match told {
            None => (name, fact),
            Some((first, known)) if known == fact => (first, known),
            Some((first, _)) => {
                let hint = format!("{first} and {name} do not say the same; which of them counts is not known here");
                return Some((name, Fact::Unknown(hint)));
            }
        });
    }
    told
}

/// Words of names that are about PostgreSQL, or about the only database that there is.
const DATABASE: &[&str] = &[
    "DB",
    "DATABASE",
    "DATASOURCE",
    "PG",
    "PGSQL",
    "PGX",
    "POSTGRES",
    "POSTGRESQL",
    "SQL",
    "SQLALCHEMY",
    "JDBC",
    "HIKARI",
    "PRISMA",
];

/// Words of names that are about something else, even where a database is named beside it, `REDIS_DB_POOL_SIZE`.
const OTHERS: &[&str] = &[
    "REDIS",
    "VALKEY",
    "CACHE",
    "MEMCACHED",
    "HTTP",
    "HTTPS",
    "GRPC",
    "AMQP",
    "RABBITMQ",
    "KAFKA",
    "NATS",
    "MONGO",
    "MONGODB",
    "MYSQL",
    "CLICKHOUSE",
    "CASSANDRA",
    "ELASTICSEARCH",
    "LDAP",
    "SMTP",
    "THREAD",
    "THREADS",
    "WORKER",
    "WORKERS",
    "PGBOUNCER",
];

/// Whose pool a variable is about. `None`: not the database's.
fn pool_of(name: &str) -> Option<Pool> {
    let upper = name.to_uppercase();
    let words = words(&upper);
    let has = |wanted: &[&str]| wanted.iter().any(|word| words.contains(word));
    if has(OTHERS) {
        None
    } else if has(DATABASE) {
        Some(Pool::Database)
    } else if words.iter().all(|word| RUN_TOGETHER.contains(word) || OF_POOLS.contains(word) || unit(word).is_some()) {
        Some(Pool::Only)
    } else {
        Some(Pool::Some)
    }
}

/// Words that names of pools have beside those that they run together, and beside units.
const OF_POOLS: &[&str] = &["RECYCLE", "OVERFLOW", "MAXIMUM"];

/// Last words of names that say in which unit their number is, with the milliseconds of one.
const UNITS: &[(&[&str], u64)] = &[
    (&["MS", "MSEC", "MSECS", "MILLIS", "MILLISECOND", "MILLISECONDS"], 1),
    (&["S", "SEC", "SECS", "SECOND", "SECONDS"], 1_000),
    (&["MIN", "MINS", "MINUTE", "MINUTES"], 60_000),
    (&["H", "HOUR", "HOURS"], 3_600_000),
    (&["DAY", "DAYS"], 86_400_000),
];

/// The milliseconds of the unit that a word stands for. `None`: it is no unit.
fn unit(word: &str) -> Option<u64> {
    UNITS.iter().find(|(words, _)| words.contains(&word)).map(|(_, milliseconds)| *milliseconds)
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
    let of_times = has(&["LIFETIME", "RECYCLE", "AGE", "JITTER", "TIMEOUT", "WAIT"]);
    (counts || pool) && !of_times && !has(&["IDLE", "MIN", "OVERFLOW", "RETRIES", "ATTEMPTS"])
}

/// `DB_MAX_OVERFLOW`, `SQLALCHEMY_POOL_OVERFLOW`.
fn names_an_overflow(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words = words(&upper);
    words.contains(&"OVERFLOW") && (words.contains(&"MAX") || words.contains(&"POOL"))
}

/// `POOL_MAX_LIFETIME`, `DB_CONN_MAX_LIFETIME`, `SQLALCHEMY_POOL_RECYCLE`, `DATABASE_MAX_AGE`.
fn names_an_age(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words = words(&upper);
    let has = |wanted: &[&str]| wanted.iter().any(|word| words.contains(word));
    let of_one = !has(&["IDLE", "JITTER", "TOKEN"]);
    of_one && has(&["LIFETIME", "RECYCLE"]) && has(&["POOL", "CONN", "CONNS", "CONNECTION", "DB", "DATABASE", "PG"])
        || has(&["CONN", "CONNECTION"]) && has(&["AGE"])
}

/// A number of sessions. What is less than `least` means "as many as you like" to most pools, and an error to others.
fn number(text: &Text, least: u64) -> Fact<u64> {
    match text.fact() {
        Fact::Unknown(hint) => Fact::Unknown(hint),
        Fact::Known(written) => match written.trim().parse() {
            Ok(number) if number >= least => Fact::Known(number),
            Ok(number) => Fact::Unknown(format!("what {number} means, no limit maybe, only the driver can tell")),
            Err(_) => Fact::Unknown(format!("`{written}` is no number of sessions")),
        },
    }
}

/// The age that a setting of this name allows. `None`: it cannot be told.
///
/// Django closes a session after the request for which it was opened where `CONN_MAX_AGE` is 0, and never where it is
/// `None`. A negative number it takes like 0, and whoever wrote it may have meant "never".
fn age_of(name: &str, written: &str) -> Option<Option<Duration>> {
    let upper = name.to_uppercase();
    let as_django = matches!(words(&upper).as_slice(), [.., "CONN" | "CONNECTION", "MAX", "AGE"]);
    match written.trim() {
        "0" if as_django => Some(Some(Duration::ZERO)),
        "None" | "none" | "null" if as_django => Some(None),
        negative if as_django && negative.starts_with('-') => None,
        written => duration(name, written),
    }
}

/// A time with units, or a bare number in the unit that the last word of the name is, else in seconds. 0 and less: no
/// limit.
pub(super) fn duration(name: &str, written: &str) -> Option<Option<Duration>> {
    let written = written.trim();
    let limit = |age: Duration| (!age.is_zero()).then_some(age);
    if let Ok(number) = written.parse::<i64>() {
        let number = u64::try_from(number).unwrap_or(0);
        let upper = name.to_uppercase();
        let milliseconds = words(&upper).last().and_then(|last| unit(last)).unwrap_or(1_000);
        return Some(limit(Duration::from_millis(number.saturating_mul(milliseconds))));
    }
    written.parse::<Budget>().ok().map(|budget| limit(budget.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::{Pool, age_of, duration, names_a_size, names_an_age, pool_of};

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
    #[case("DB_MAX_OVERFLOW", false, false)]
    #[case("DB_CONNECTION_MAX_RETRIES", false, false)]
    #[case("DB_CONN_MAX_LIFETIME_JITTER", false, false)]
    #[case("POOL_MAX_IDLE_LIFETIME", false, false)]
    fn a_name_tells_of_a_pool(#[case] name: &str, #[case] size: bool, #[case] age: bool) {
        assert_eq!((names_a_size(name), names_an_age(name)), (size, age));
    }

    #[rstest]
    #[case::with_units("POOL_MAX_LIFETIME", "5m", Some(Some(Duration::from_secs(300))))]
    #[case::bare_seconds("POOL_RECYCLE", "300", Some(Some(Duration::from_secs(300))))]
    #[case::bare_milliseconds("POOL_MAX_LIFETIME_MS", "300", Some(Some(Duration::from_millis(300))))]
    #[case::milliseconds_by_another_word("POOL_MAX_LIFETIME_MILLIS", "300000", Some(Some(Duration::from_secs(300))))]
    #[case::milliseconds_in_full("POOL_MAX_LIFETIME_MILLISECONDS", "300000", Some(Some(Duration::from_secs(300))))]
    #[case::seconds_that_are_named("POOL_MAX_LIFETIME_SECONDS", "300", Some(Some(Duration::from_secs(300))))]
    #[case::bare_minutes("POOL_MAX_LIFETIME_MINUTES", "240", Some(Some(Duration::from_secs(14_400))))]
    #[case::short_minutes("DB_CONN_MAX_LIFETIME_MIN", "5", Some(Some(Duration::from_secs(300))))]
    #[case::bare_hours("POOL_MAX_LIFETIME_HOURS", "2", Some(Some(Duration::from_secs(7_200))))]
    #[case::bare_days("pool_max_lifetime_days", "1", Some(Some(Duration::from_secs(86_400))))]
    #[case::units_of_its_own("POOL_MAX_LIFETIME_MINUTES", "90s", Some(Some(Duration::from_secs(90))))]
    #[case::a_unit_within_the_name("POOL_MIN_LIFETIME", "300", Some(Some(Duration::from_secs(300))))]
    #[case::no_limit("POOL_MAX_LIFETIME", "0", Some(None))]
    #[case::no_limit_with_units("POOL_MAX_LIFETIME", "0s", Some(None))]
    #[case::no_limit_below_zero("POOL_RECYCLE", "-1", Some(None))]
    #[case::no_time("POOL_MAX_LIFETIME", "long", None)]
    fn an_age_is_read(#[case] name: &str, #[case] written: &str, #[case] expected: Option<Option<Duration>>) {
        assert_eq!(duration(name, written), expected);
    }

    #[rstest]
    #[case("POOL_SIZE", Some(Pool::Only))]
    #[case("MAXOPENCONNS", Some(Pool::Only))]
    #[case("POOL_MAX_LIFETIME_MS", Some(Pool::Only))]
    #[case("POOL_MAX_LIFETIME_MINUTES", Some(Pool::Only))]
    #[case("DB_POOL_SIZE", Some(Pool::Database))]
    #[case("STORE_POSTGRES_MAXOPENCONNS", Some(Pool::Database))]
    #[case("AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE", Some(Pool::Database))]
    #[case("SHOP_POOL_SIZE", Some(Pool::Some))]
    #[case("REDIS_POOL_SIZE", None)]
    #[case("REDIS_DB_POOL_SIZE", None)]
    #[case("HTTP_MAX_CONNECTIONS", None)]
    fn a_name_tells_whose_pool_it_is(#[case] name: &str, #[case] expected: Option<Pool>) {
        assert_eq!(pool_of(name), expected);
    }

    #[rstest]
    #[case::closed_at_once("DB_CONN_MAX_AGE", "0", Some(Some(Duration::ZERO)))]
    #[case::seconds("DB_CONN_MAX_AGE", "60", Some(Some(Duration::from_secs(60))))]
    #[case::for_ever("CONN_MAX_AGE", "None", Some(None))]
    #[case::below_zero("DB_CONN_MAX_AGE", "-1", None)]
    #[case::no_limit_of_another("DB_MAX_LIFETIME", "0", Some(None))]
    fn an_age_of_django_is_read(#[case] name: &str, #[case] written: &str, #[case] expected: Option<Option<Duration>>) {
        assert_eq!(age_of(name, written), expected);
    }
}
