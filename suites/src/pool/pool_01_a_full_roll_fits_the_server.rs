//! POOL-01: a full roll of all clients fits into the server's connections.
//!
//! A pool of 50 against PostgreSQL's 100 looks as if it left headroom, and does so for one pod. During a roll there are
//! two, and the second meets "too many clients already" (53300), as do the probes, pg_dump, and whoever logs in to see
//! why. The sum is made of what the manifests say, and of `database.pools` in the subject file where they do not say it;
//! what neither says is named. Who dials a pooler of CloudNativePG takes no more of the server than the pooler's own
//! pools do, and who dials neither the server nor such a pooler is not counted. A bundled server is told of its limit in
//! arguments, scripts, variables or files of configuration.

use harness::check::Check;
use harness::expectation::at_most;
use harness::finding::Place;
use harness::graph::{DatabaseClient, Fact, Workload};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::server::Server;
use super::through::{Pools, Sum, Way, of_cluster, way};
use super::{declared_poolers, stated};
use crate::pods::{scaler_of, surge_of};

/// A full roll of all clients fits into the server's connections.
pub const POOL_01: Requirement = Requirement {
    id: "POOL-01",
    title: "A full roll of all clients fits into the server's connections",
    level: Level::Must,
    source: "S4: \"default max_connections is 100; 50 leaves headroom\"",
    since: "1.0",
    revision: 2,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "make the pools smaller, or max_connections larger: (replicas + surge) x pool size, summed over all clients, \
             has to fit; behind a Pooler, its instances x default_pool_size for each role and database",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    if subject.database_clients().is_empty() {
        return check.undecided(Place::object("the workloads"), "who dials PostgreSQL", "no container is seen to");
    }
    let Some(server) = Server::counted(subject, check) else { return };
    let poolers = server.cluster.as_ref().map(|_| declared_poolers(subject)).unwrap_or_default();
    let cluster = server.cluster.as_deref().unwrap_or_default();
    let (mut least, mut most, mut pools) = (Sum::default(), Sum::default(), Pools::default());
    let (mut open, mut unsure) = (false, Vec::new());
    for client in subject.database_clients() {
        match (way(client, &poolers, &server), wanted(client, subject)) {
            // A pooler limits also those who do not say how much they want.
            (Way::Through(pooler), wanted) => {
                pools.add(pooler, client, wanted.ok().map(|(sessions, _)| sessions), true)
            }
            (Way::Elsewhere(hint), _) => {
                check.undecided(client, "whether its sessions fit into its server's connections", hint);
                open = true;
            }
            (_, Err((what, hint))) => {
                check.undecided(client, what, hint);
                open = true;
            }
            (Way::Direct, Ok((sessions, term))) => {
                least.add(sessions, term.clone());
                most.add(sessions, term);
            }
            (Way::Open(hint), Ok((sessions, term))) => {
                most.add(sessions, term);
                for pooler in poolers.iter().copied().filter(|pooler| of_cluster(pooler, cluster)) {
                    pools.add(pooler, client, Some(sessions), false);
                }
                unsure.push(format!("{}: {hint}", client.workload().reference()));
            }
        }
    }
    pools.add_least(&mut least);
    pools.add_most(&mut most);
    // What is known may be too much already.
    let told = if least.total > server.sessions { &least } else { &most };
    if !open && most.total > server.sessions && least.total <= server.sessions {
        unsure.push("which clients of a pooler share a role and a database, and so a pool, is not sure".into());
        let what = format!("sessions in a full roll, {} to {} of {}", least.total, most.total, server.because);
        check.undecided(server.place, what, unsure.join("; "));
    } else if !open || least.total > server.sessions {
        let what = format!("sessions in a full roll ({}), of {}", told.terms.join(" + "), server.because);
        check.expect(server.place, what, &told.total, at_most(server.sessions));
    }
}

/// The sessions that a client wants in a full roll, and how they add up; or what is not known of them, and what would
/// tell.
fn wanted(client: &DatabaseClient, subject: &Rendered) -> Result<(u64, String), (String, String)> {
    let (per_pod, by) = match stated::size(client, subject.subject()) {
        Some((name, Fact::Known(size))) => {
            (size, if name == stated::BY { format!(" by {name}") } else { String::new() })
        }
        // A Job without a pool has the one session that it works with.
        None if client.workload().runs_to_an_end() => (1, String::new()),
        Some((name, Fact::Unknown(hint))) => return Err((format!("the size of its pool, {name}"), hint)),
        None => {
            let hint = "no variable such as DB_POOL_SIZE or DB_MAX_OPEN_CONNS and no parameter of its connection string says \
                        it; if a file of settings does, or it is the driver's default, say it in `database.pools` of the \
                        subject file";
            return Err(("the size of its pool".into(), hint.into()));
        }
    };
    let Some((pods, how)) = pods(client, subject) else {
        let hint = "one on every node; how many there are, a cluster tells";
        return Err(("the number of its pods".into(), hint.into()));
    };
    Ok((pods.saturating_mul(per_pod), format!("{} {how} x {per_pod}{by}", client.workload().reference())))
}

/// The pods of a client while all of them roll, and how they add up. `None`: the manifests do not say.
fn pods(client: &DatabaseClient, subject: &Rendered) -> Option<(u64, String)> {
    let workload = client.workload();
    let number = |path: &str| workload.object().get(path).and_then(Value::as_u64);
    match workload.object().kind() {
        "DaemonSet" => None,
        "Job" => number("spec.parallelism").or(Some(1)).map(|pods| (pods, format!("{pods}"))),
        "CronJob" => number("spec.jobTemplate.spec.parallelism").or(Some(1)).map(|pods| (pods, format!("{pods}"))),
        "Pod" => Some((1, "1".into())),
        _ => {
            let replicas = scaled_to(workload, subject).unwrap_or_else(|| workload.replicas());
            let surge = surge_of(workload, replicas);
            Some((replicas + surge, format!("({replicas} + {surge})")))
        }
    }
}

/// The most pods to which a HorizontalPodAutoscaler takes a workload.
fn scaled_to(workload: &Workload, subject: &Rendered) -> Option<u64> {
    scaler_of(subject.rendering(), workload)?.get("spec.maxReplicas").and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::POOL_01;
    use crate::testing::judge_manifests;

    fn manifests(spec: &str, pool: &str, parameters: &str, more: &str) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{{spec} template: {{spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db-rw}}, {pool}]}}]}}}}}}}}\n---\n{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}, spec: {{postgresql: {{parameters: {{{parameters}}}}}}}}}\n---\n{more}"
        )
    }

    const SCALED: &str = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {maxReplicas: 9, scaleTargetRef: {kind: Deployment, name: a}}}";

    #[rstest]
    #[case::one_and_its_successor("replicas: 1,", "{name: POOL_SIZE, value: '47'}", "", "", Holds)]
    #[case::fifty_do_not_fit_twice("replicas: 1,", "{name: POOL_SIZE, value: '50'}", "", "", Violated)]
    #[case::without_a_successor(
        "replicas: 1, strategy: {type: Recreate},",
        "{name: POOL_SIZE, value: '50'}",
        "",
        "",
        Holds
    )]
    #[case::a_larger_server("", "{name: POOL_SIZE, value: '50'}", "max_connections: '200'", "", Holds)]
    #[case::more_is_reserved("", "{name: POOL_SIZE, value: '47'}", "reserved_connections: '10'", "", Violated)]
    #[case::scaled_out("replicas: 1,", "{name: POOL_SIZE, value: '10'}", "", SCALED, Violated)]
    #[case::another_pool_beside_its_own(
        "",
        "{name: REDIS_POOL_SIZE, value: '2'}, {name: DB_POOL_SIZE, value: '60'}",
        "",
        "",
        Violated
    )]
    #[case::another_pool_alone("", "{name: HTTP_MAX_CONNECTIONS, value: '2'}", "", "", Unchecked)]
    #[case::of_somebody("", "{name: SHOP_POOL_SIZE, value: '2'}", "", "", Unchecked)]
    #[case::beyond_its_size(
        "replicas: 1,",
        "{name: DB_POOL_SIZE, value: '30'}, {name: DB_MAX_OVERFLOW, value: '20'}",
        "",
        "",
        Violated
    )]
    #[case::two_that_differ(
        "",
        "{name: DB_POOL_SIZE, value: '2'}, {name: DB_MAX_CONNS, value: '3'}",
        "",
        "",
        Unchecked
    )]
    #[case::two_that_agree("", "{name: DB_POOL_SIZE, value: '3'}, {name: DB_MAX_CONNS, value: '3'}", "", "", Holds)]
    #[case::no_limit("", "{name: DB_MAX_OPEN_CONNS, value: '0'}", "", "", Unchecked)]
    #[case::not_told("", "{name: OTHER, value: '1'}", "", "", Unchecked)]
    fn pools_and_their_server(
        #[case] spec: &str,
        #[case] pool: &str,
        #[case] parameters: &str,
        #[case] more: &str,
        #[case] verdict: Verdict,
    ) {
        assert_eq!(judge_manifests(&POOL_01, &manifests(spec, pool, parameters, more)), verdict);
    }
}
