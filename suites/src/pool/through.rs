//! What poolers let through: which clients dial one, and how many sessions of the server its pools open for them.
//!
//! Whoever dials a host that is neither the server nor a pooler of CloudNativePG is not counted: behind that host may be
//! a pooler of another make, or another server. Behind a pooler the pools of the clients no longer count. PgBouncer opens
//! `default_pool_size` sessions for each pair of a role and a database, in each of its instances, however many clients
//! wait. Who the clients are, manifests do not always tell; so there are two sums, what is sure to be possible and what
//! may be.

use std::collections::{BTreeMap, BTreeSet};

use harness::finding::Locate as _;
use harness::graph::{DatabaseClient, Fact, Text};
use harness::manifests::Object;
use serde_json::Value;

use super::server::{Server, service_of};

/// PgBouncer's own default of `default_pool_size`.
const DEFAULT_POOL: u64 = 20;

/// How a client reaches the server.
pub(super) enum Way<'a> {
    /// Past every pooler.
    Direct,
    /// Through one and nothing else.
    Through(&'a Object),
    /// To another server than the one that is counted; the text says why nothing tells about that one.
    Elsewhere(String),
    /// Nothing tells; the text says what would.
    Open(String),
}

/// What answers at a host.
enum End<'a> {
    Server,
    Pooler(&'a Object),
    /// Somebody else, of that name.
    Other(String),
}

/// How a client reaches the server. Where nothing says which host it dials and there is no pooler, there is one way only.
pub(super) fn way<'a>(client: &DatabaseClient, poolers: &[&'a Object], server: &Server) -> Way<'a> {
    let mut ends: Vec<End> = Vec::new();
    for host in client.hosts() {
        match host.fact() {
            Fact::Known(hosts) => {
                // Who names an empty host names none.
                let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
                ends.extend(hosts.map(|host| end(client, host, poolers, server)));
            }
            Fact::Unknown(_) if poolers.is_empty() => ends.push(End::Server),
            Fact::Unknown(hint) => return Way::Open(format!("which host it dials is not known: {hint}")),
        }
    }
    if let Some(host) = ends.iter().find_map(|end| if let End::Other(host) = end { Some(host) } else { None }) {
        let server = server.name();
        return Way::Elsewhere(format!(
            "it dials {host}, which is no Service of {server}; what is there, and how many sessions that opens, is not \
             known here"
        ));
    }
    let mut dialled: Vec<&'a Object> = ends
        .iter()
        .filter_map(|end| match end {
            End::Pooler(pooler) => Some(*pooler),
            End::Server | End::Other(_) => None,
        })
        .collect();
    dialled.dedup_by_key(|pooler| pooler.name());
    match dialled.as_slice() {
        [] if ends.is_empty() && !poolers.is_empty() => {
            Way::Open("which host it dials is not known: no variable and no connection string names it".into())
        }
        [] => Way::Direct,
        [pooler] if ends.iter().all(|end| matches!(end, End::Pooler(_))) => match &server.cluster {
            Some(cluster) if of_cluster(pooler, cluster) => Way::Through(pooler),
            _ => Way::Elsewhere(format!("it dials Pooler {}, which is of another Cluster", pooler.name())),
        },
        _ => Way::Open("it dials a pooler and something else, and its pool may be of either".into()),
    }
}

fn end<'a>(client: &DatabaseClient, host: &str, poolers: &[&'a Object], server: &Server) -> End<'a> {
    let pooler = service_of(host).and_then(|service| poolers.iter().copied().find(|pooler| pooler.name() == service));
    match pooler {
        Some(pooler) => End::Pooler(pooler),
        None if server.is_dialled_by(client.workload(), host) => End::Server,
        None => End::Other(host.to_owned()),
    }
}

/// Whether a pooler stands before the server of a Cluster.
pub(super) fn of_cluster(pooler: &Object, cluster: &str) -> bool {
    pooler.get("spec.cluster.name").and_then(Value::as_str) == Some(cluster)
}

/// The pools that poolers keep for clients.
#[derive(Default)]
pub(super) struct Pools<'a> {
    users: Vec<User<'a>>,
}

/// A client of a pooler.
struct User<'a> {
    pooler: &'a Object,
    pair: Pair,
    /// The sessions that it wants of the pooler, in a full roll. `None`: nobody knows.
    wanted: Option<u64>,
    /// Whether it is sure to dial the pooler.
    sure: bool,
}

/// The role and the database that a pool is for, by their names or by what stands for them.
struct Pair {
    database: String,
    role: String,
    named: bool,
}

/// Sessions, and how they add up.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) total: u64,
    pub(super) terms: Vec<String>,
}

impl Sum {
    /// Adds sessions.
    pub(super) fn add(&mut self, sessions: u64, term: String) {
        self.total = self.total.saturating_add(sessions);
        self.terms.push(term);
    }
}

impl<'a> Pools<'a> {
    /// Adds a client of a pooler.
    pub(super) fn add(&mut self, pooler: &'a Object, client: &DatabaseClient, wanted: Option<u64>, sure: bool) {
        self.users.push(User { pooler, pair: Pair::of(client), wanted, sure });
    }

    /// Adds the sessions that are sure to be possible. Clients of which nobody knows who they are share a pool there.
    pub(super) fn add_least(&self, sum: &mut Sum) {
        self.add_to(sum, |limits, users| {
            let sure: Vec<&&User> = users.iter().filter(|user| user.sure).collect();
            let named = sure.iter().any(|user| user.pair.named);
            let mut pools = Wanted::new();
            for user in sure.iter().filter(|user| user.pair.named == named) {
                let (database, role) = if named { user.pair.key() } else { Default::default() };
                add_wanted(&mut pools, (database, role), user.wanted.unwrap_or(0));
            }
            limits.sessions(&pools, |wanted| wanted.min(limits.all(limits.pool)))
        });
    }

    /// Adds the sessions that there may be: each instance once had all the clients, and keeps what it opened for them.
    pub(super) fn add_most(&self, sum: &mut Sum) {
        self.add_to(sum, |limits, users| {
            let mut pools = Wanted::new();
            for user in users {
                add_wanted(&mut pools, user.pair.key(), user.wanted.unwrap_or(u64::MAX));
            }
            limits.sessions(&pools, |wanted| limits.all(wanted.max(limits.kept).min(limits.pool)))
        });
    }

    fn add_to(&self, sum: &mut Sum, count: impl Fn(&Limits, &[&User]) -> u64) {
        let names: BTreeSet<&str> = self.users.iter().map(|user| user.pooler.name()).collect();
        for name in names {
            let users: Vec<&User> = self.users.iter().filter(|user| user.pooler.name() == name).collect();
            let Some(limits) = users.first().map(|user| Limits::of(user.pooler)) else { continue };
            let sessions = count(&limits, &users);
            sum.add(sessions, format!("{sessions} of Pooler/{name}"));
        }
    }
}

/// The sessions that are wanted of each pool, by database and role.
type Wanted = BTreeMap<String, BTreeMap<String, u64>>;

fn add_wanted(pools: &mut Wanted, (database, role): (String, String), wanted: u64) {
    let pool = pools.entry(database).or_default().entry(role).or_default();
    *pool = pool.saturating_add(wanted);
}

/// What limits the sessions of a pooler.
struct Limits {
    instances: u64,
    /// Sessions of one pool in one instance, at most.
    pool: u64,
    /// Sessions that a pool in use keeps at least.
    kept: u64,
    /// Sessions of one database in one instance, at most.
    database: u64,
}

impl Limits {
    fn of(pooler: &Object) -> Self {
        let number = |path: &str| match pooler.get(path)? {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        };
        let parameter = |name: &str| number(&format!("spec.pgbouncer.parameters.{name}"));
        // 0 is no limit, to both of these and to nothing else.
        let limit = |name: &str| parameter(name).filter(|limit| *limit > 0).unwrap_or(u64::MAX);
        let pool = parameter("default_pool_size").unwrap_or(DEFAULT_POOL);
        let pool = pool.saturating_add(parameter("reserve_pool_size").unwrap_or(0));
        Self {
            instances: number("spec.instances").unwrap_or(1),
            pool: pool.min(limit("max_user_connections")),
            kept: parameter("min_pool_size").unwrap_or(0),
            database: limit("max_db_connections"),
        }
    }

    /// As much in every instance.
    fn all(&self, sessions: u64) -> u64 {
        self.instances.saturating_mul(sessions)
    }

    fn sessions(&self, pools: &Wanted, of_pool: impl Fn(u64) -> u64) -> u64 {
        let of_database = |roles: &BTreeMap<String, u64>| {
            let all = roles.values().map(|wanted| of_pool(*wanted)).fold(0, u64::saturating_add);
            all.min(self.all(self.database))
        };
        pools.values().map(of_database).fold(0, u64::saturating_add)
    }
}

/// Last words of the names of variables with a role, and with a database.
const ROLE: &[&str] = &["PGUSER", "DB_USER", "DB_USERNAME", "POSTGRES_USER", "DATABASE_USER", "DATABASE_USERNAME"];
const DATABASE: &[&str] = &["PGDATABASE", "DB_NAME", "DB_DATABASE", "POSTGRES_DB", "DATABASE_NAME"];

impl Pair {
    fn of(client: &DatabaseClient) -> Self {
        let of_string = client.dsns().iter().find_map(|found| {
            let known = |text: &Option<Text>| text.as_ref().and_then(Text::known).map(str::to_owned);
            known(&found.dsn.user).zip(known(&found.dsn.database))
        });
        let variable = |ends: &[&str]| {
            let of_end = |name: &str| ends.iter().any(|end| name == *end || name.ends_with(&format!("_{end}")));
            let found = client.container().env().iter().find(|variable| of_end(&variable.name));
            found.and_then(|variable| variable.value.known()).map(str::to_owned)
        };
        if let Some((role, database)) = of_string.or_else(|| variable(ROLE).zip(variable(DATABASE))) {
            return Self { database, role, named: true };
        }
        // The same keys are the same role; what it is called, and its database, they know.
        let keys: Vec<String> = client.passwords().map(ToString::to_string).collect();
        let keys = if keys.is_empty() { client.place().to_string() } else { keys.join(", ") };
        Self { database: keys, role: String::new(), named: false }
    }

    fn key(&self) -> (String, String) {
        (self.database.clone(), self.role.clone())
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::super::POOL_01;
    use crate::testing::judge_manifests;

    fn behind_a_pooler(clients: &str, pooler: &str) -> String {
        let all = clients.split(';').map(|client| {
            let (name, more) = client.split_once(':').unwrap();
            format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{more}]}}]}}}}, replicas: 5}}}}\n---\n")
        });
        let pooler = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Pooler, metadata: {{name: db-pooler}}, spec: {{cluster: {{name: db}}, {pooler}}}}}"
        );
        all.collect::<String>()
            + "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}}\n---\n"
            + &pooler
    }

    const THIRTY: &str = "a:{name: PGHOST, value: db-pooler}, {name: DB_POOL_SIZE, value: '30'}";
    const SHARED: &str = "a:{name: PGHOST, value: db-pooler.shop.svc}, {name: PGUSER, value: one}, {name: PGDATABASE, value: d}, {name: DB_POOL_SIZE, value: '30'};b:{name: PGHOST, value: db-pooler}, {name: PGUSER, value: one}, {name: PGDATABASE, value: d}, {name: DB_POOL_SIZE, value: '30'}";
    const OF_TWO_ROLES: &str = "a:{name: PGHOST, value: db-pooler}, {name: PGUSER, value: one}, {name: PGDATABASE, value: d}, {name: DB_POOL_SIZE, value: '30'};b:{name: PGHOST, value: db-pooler}, {name: PGUSER, value: two}, {name: PGDATABASE, value: d}, {name: DB_POOL_SIZE, value: '30'}";
    const OF_ROLES_UNTOLD: &str = "a:{name: PGHOST, value: db-pooler}, {name: DB_POOL_SIZE, value: '30'};b:{name: PGHOST, value: db-pooler}, {name: DB_POOL_SIZE, value: '30'}";
    const SOMEWHERE: &str = "a:{name: PGUSER, value: one}, {name: DB_POOL_SIZE, value: '30'}";
    const SOMEWHERE_FEW: &str = "a:{name: PGUSER, value: one}, {name: DB_POOL_SIZE, value: '2'}";
    const UNTOLD: &str = "a:{name: PGHOST, value: db-pooler}";

    #[rstest]
    #[case::holds_back_its_clients(THIRTY, "instances: 2", Holds)]
    #[case::of_a_size_of_its_own(THIRTY, "pgbouncer: {parameters: {default_pool_size: '95'}}", Violated)]
    #[case::with_a_reserve(
        THIRTY,
        "instances: 2, pgbouncer: {parameters: {default_pool_size: '40', reserve_pool_size: '10'}}",
        Violated
    )]
    #[case::shared_by_two(SHARED, "instances: 4", Holds)]
    #[case::with_a_pool_for_each_role(OF_TWO_ROLES, "instances: 4", Violated)]
    #[case::with_a_limit_for_the_database(
        OF_TWO_ROLES,
        "instances: 4, pgbouncer: {parameters: {max_db_connections: '20'}}",
        Holds
    )]
    #[case::of_roles_nobody_tells(OF_ROLES_UNTOLD, "instances: 4", Unchecked)]
    #[case::dialled_by_nobody_knows_whom(SOMEWHERE, "instances: 2", Unchecked)]
    #[case::whoever_dials_it(SOMEWHERE_FEW, "instances: 2", Holds)]
    #[case::of_another_size_than_its_clients_say(UNTOLD, "instances: 2", Holds)]
    #[case::of_another_cluster(THIRTY, "cluster: {name: other}", Unchecked)]
    #[case::beside_what_dials_the_server(
        "a:{name: PGHOST, value: db-rw}, {name: DB_POOL_SIZE, value: '30'}",
        "instances: 2",
        Violated
    )]
    fn clients_and_a_pooler(#[case] clients: &str, #[case] pooler: &str, #[case] verdict: Verdict) {
        let manifests = behind_a_pooler(clients, pooler).replace("{cluster: {name: db}, cluster:", "{cluster:");
        assert_eq!(judge_manifests(&POOL_01, &manifests), verdict);
    }
}
