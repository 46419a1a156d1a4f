//! The server whose connections are counted: how many it leaves to its clients, and by which names it is dialled.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::finding::{Locate as _, Place};
use harness::graph::{Fact, Workload};
use harness::manifests::Object;
use harness::rendered::Rendered;
use serde_json::Value;

use super::configuration::setting;

/// PostgreSQL's own default of `max_connections`.
const DEFAULT_CONNECTIONS: u64 = 100;

/// PostgreSQL's own default of `superuser_reserved_connections`.
const DEFAULT_SUPERUSER: u64 = 3;

/// What CloudNativePG's instance manager keeps open itself: its probes, its reconciler, its exporter of metrics.
const OPERATOR: u64 = 3;

/// The server, and what it leaves to its clients.
pub(super) struct Server {
    /// Where its settings stand.
    pub(super) place: Place,
    /// The sessions that it leaves to its clients.
    pub(super) sessions: u64,
    /// How these add up.
    pub(super) because: String,
    /// The Cluster of CloudNativePG that it is, if it is one.
    pub(super) cluster: Option<String>,
    /// The StatefulSet of a bundled one.
    stateful_set: Option<String>,
    /// The Services that lead to it.
    services: BTreeSet<String>,
}

impl Server {
    /// The only database that manifests and subject file tell of. Where that is not known, the check learns what would
    /// tell.
    pub(super) fn counted(subject: &Rendered, check: &mut Check) -> Option<Self> {
        if let Some(bundled) = &subject.subject().database().bundled {
            return Self::bundled(subject, &bundled.stateful_set, check);
        }
        let clusters = subject.manifests().of_kind("Cluster").chain(subject.companions().of_kind("Cluster"));
        let clusters: Vec<_> = clusters.filter(|cluster| cluster.group() == "postgresql.cnpg.io").collect();
        let [cluster] = clusters.as_slice() else {
            let hint = "no single database is seen that tells; add its manifest under `companions` in the subject file, or \
                        ask those who run it";
            check.undecided(Place::object("the database"), "max_connections", hint);
            return None;
        };
        let told = |name: &str| match cluster.get(&format!("spec.postgresql.parameters.{name}"))? {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        let place = cluster.at("spec.postgresql.parameters");
        let most = told("max_connections").unwrap_or(DEFAULT_CONNECTIONS);
        let server = Self::of(place, most, OPERATOR, &told);
        let services = services_of_cluster(subject, cluster);
        Some(Self { cluster: Some(cluster.name().to_owned()), services, ..server })
    }

    fn bundled(subject: &Rendered, stateful_set: &str, check: &mut Check) -> Option<Self> {
        let Some(server) = subject.workloads().iter().find(|one| one.object().name() == stateful_set) else {
            let hint = "it is not rendered; correct `database.bundled.statefulSet` in the subject file";
            check.undecided(Place::object(stateful_set), "max_connections", hint);
            return None;
        };
        let most = match setting(subject, server, "max_connections") {
            Fact::Known(most) => most.unwrap_or(DEFAULT_CONNECTIONS),
            Fact::Unknown(hint) => {
                check.undecided(server, "max_connections", hint);
                return None;
            }
        };
        // Hardly anybody changes what is reserved, so where it cannot be read the default counts.
        let told = |name: &str| setting(subject, server, name).known().flatten();
        let counted = Self::of(server.place(), most, 0, &told);
        let services = services_of_workload(subject, server);
        Some(Self { stateful_set: Some(stateful_set.to_owned()), services, ..counted })
    }

    fn of(place: Place, most: u64, operator: u64, told: &dyn Fn(&str) -> Option<u64>) -> Self {
        let superuser = told("superuser_reserved_connections").unwrap_or(DEFAULT_SUPERUSER);
        let reserved = superuser + told("reserved_connections").unwrap_or(0) + operator;
        let because = format!("max_connections {most} less {reserved} that are reserved");
        let (sessions, services) = (most.saturating_sub(reserved), BTreeSet::new());
        Self { place, sessions, because, cluster: None, stateful_set: None, services }
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match (&self.cluster, &self.stateful_set) {
            (Some(cluster), _) => format!("Cluster {cluster}"),
            (None, Some(stateful_set)) => format!("StatefulSet {stateful_set}"),
            (None, None) => "the database".into(),
        }
    }

    /// Whether somebody in pods of a workload reaches it by a host.
    pub(super) fn is_dialled_by(&self, workload: &Workload, host: &str) -> bool {
        if is_itself(host) {
            return self.stateful_set.as_deref() == Some(workload.object().name());
        }
        service_of(host).is_some_and(|service| self.services.contains(service)) || self.is_one_of_its_pods(host)
    }

    /// A pod of a StatefulSet has a name below that of a Service, `pg-0.pg`.
    fn is_one_of_its_pods(&self, host: &str) -> bool {
        let Some((pod, service)) = host.split_once('.') else { return false };
        let number = self.stateful_set.as_ref().and_then(|set| pod.strip_prefix(&**set)?.strip_prefix('-'));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
            && service_of(service).is_some_and(|service| self.services.contains(service))
    }
}

/// The Service that a host names, `db-rw`, `db-rw.shop` or `db-rw.shop.svc.cluster.local:5432`. `None`: it names none.
pub(super) fn service_of(host: &str) -> Option<&str> {
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [name] | [name, _] | [name, _, "svc", ..] => Some(name),
        _ => None,
    }
}

/// Whether a host is the pod itself: its loopback, or the folder of a socket.
fn is_itself(host: &str) -> bool {
    host.starts_with('/') || matches!(host, "localhost" | "127.0.0.1" | "::1")
}

/// Those that CloudNativePG makes, those that the Cluster adds, and those that somebody puts before its pods.
fn services_of_cluster(subject: &Rendered, cluster: &Object) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["rw", "ro", "r"].map(|suffix| format!("{}-{suffix}", cluster.name())).into();
    let added = cluster.get("spec.managed.services.additional").and_then(Value::as_array).into_iter().flatten();
    let added = added.filter_map(|one| one.pointer("/serviceTemplate/metadata/name")?.as_str());
    names.extend(added.map(str::to_owned));
    let selects = |service: &&Object| {
        let selected = service.get("spec.selector").and_then(|selector| selector.get("cnpg.io/cluster"));
        selected.and_then(Value::as_str) == Some(cluster.name())
    };
    names.extend(services(subject).filter(selects).map(|service| service.name().to_owned()));
    with_aliases(subject, names)
}

fn services_of_workload(subject: &Rendered, server: &Workload) -> BTreeSet<String> {
    let behind = services(subject).filter(|service| server.is_behind(service)).map(|service| service.name().to_owned());
    let of_its_pods = server.object().get("spec.serviceName").and_then(Value::as_str).map(str::to_owned);
    with_aliases(subject, behind.chain(of_its_pods).collect())
}

/// A Service of type ExternalName is another name for the one that it names.
fn with_aliases(subject: &Rendered, mut names: BTreeSet<String>) -> BTreeSet<String> {
    let leads_there = |service: &&Object| {
        let external = service.get("spec.externalName").and_then(Value::as_str);
        external.and_then(service_of).is_some_and(|name| names.contains(name))
    };
    let aliases: Vec<String> = services(subject).filter(leads_there).map(|service| service.name().to_owned()).collect();
    names.extend(aliases);
    names
}

fn services(subject: &Rendered) -> impl Iterator<Item = &Object> {
    subject.manifests().of_kind("Service").chain(subject.companions().of_kind("Service"))
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::super::POOL_01;
    use super::service_of;
    use crate::testing::{judge_bundled, judge_manifests};

    #[rstest]
    #[case("db-rw", Some("db-rw"))]
    #[case("db-rw:5432", Some("db-rw"))]
    #[case("db-rw.shop", Some("db-rw"))]
    #[case("db-rw.shop.svc.cluster.local.", Some("db-rw"))]
    #[case("db-rw.example.org", None)]
    #[case("10.96.0.7", None)]
    fn a_host_names_a_service(#[case] host: &str, #[case] expected: Option<&str>) {
        assert_eq!(service_of(host), expected);
    }

    /// A client that takes twice its pool in a roll.
    fn dialling(host: &str, size: u64) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: '{host}'}}, {{name: DB_POOL_SIZE, value: '{size}'}}]}}]}}}}}}}}\n---\n"
        )
    }

    const CLUSTER: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {managed: {services: {additional: [{selectorType: rw, serviceTemplate: {metadata: {name: writer}}}]}}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: alias}, spec: {type: ExternalName, externalName: db-rw.shop.svc.cluster.local}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: own}, spec: {selector: {cnpg.io/cluster: db}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: pgbouncer}, spec: {selector: {app: pgbouncer}}}";

    #[rstest]
    #[case::its_service("db-rw", Violated)]
    #[case::its_service_with_everything("db-rw.shop.svc.cluster.local:5432", Violated)]
    #[case::a_replica("db-ro.shop", Violated)]
    #[case::two_of_its_services("db-rw,db-ro", Violated)]
    #[case::one_that_it_adds("writer", Violated)]
    #[case::another_name_of_one("alias", Violated)]
    #[case::one_that_selects_its_pods("own", Violated)]
    #[case::a_pooler_of_another_make("pgbouncer:6432", Unchecked)]
    #[case::another_server("db.example.org", Unchecked)]
    #[case::its_name_elsewhere("db-rw.example.org", Unchecked)]
    #[case::its_name_which_is_no_service("db", Unchecked)]
    #[case::a_proxy_in_its_own_pod("localhost", Unchecked)]
    #[case::nobody_says_whom("", Violated)]
    fn a_client_that_wants_too_much_dials(#[case] host: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&POOL_01, &format!("{}{CLUSTER}", dialling(host, 60))), verdict);
    }

    #[test]
    fn what_fits_fits_by_whatever_service() {
        assert_eq!(judge_manifests(&POOL_01, &format!("{}{CLUSTER}", dialling("db-rw", 10))), Holds);
        // Of another server nothing is proven either way.
        assert_eq!(judge_manifests(&POOL_01, &format!("{}{CLUSTER}", dialling("pgbouncer", 10))), Unchecked);
    }

    const BUNDLED: &str = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: certctl-postgres}, spec: {serviceName: pods, template: {metadata: {labels: {app: pg}}, spec: {containers: [{name: pg, image: 'postgres:18'}]}}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: pg}, spec: {selector: {app: pg}, ports: [{port: 5432}]}}";

    #[rstest]
    #[case::its_service("pg", Violated)]
    #[case::one_of_its_pods("certctl-postgres-0.pods", Violated)]
    #[case::another_server("db.example.org", Unchecked)]
    #[case::itself("127.0.0.1", Unchecked)]
    fn a_client_that_wants_too_much_of_a_bundled_server_dials(#[case] host: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_bundled(&POOL_01, &format!("{}{BUNDLED}", dialling(host, 60))), verdict);
    }
}
