//! SEC-06: the database stays inside.
//!
//! A Service of type LoadBalancer is the quickest way to look into a database from a desk, and a way for everybody else.
//! So everything is looked for that carries connections from outside to the database, its pooler, or a Service of either.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::empty;
use harness::experiment::SETTLED;
use harness::finding::Place;
use harness::graph::cnpg::Cluster;
use harness::graph::ways_in;
use harness::manifests::Object;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

/// The database stays inside.
pub const SEC_06: Requirement = Requirement {
    id: "SEC-06",
    title: "Nothing outside of the cluster reaches the database",
    level: Level::Must,
    source: "S3: \"All connections use internal Kubernetes DNS\"",
    since: "1.0",
    revision: 2,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered],
    remedy: "make the Service ClusterIP and drop the route; for a look from a desk, forward a port",
    rendered: Some(rendered),
    live: Some(live),
};

/// PostgreSQL's port; a Service with it leads to a database or to its pooler.
const PORT: u64 = 5432;
/// Kinds that carry connections from outside to Services that they name.
const ROUTES: &[&str] =
    &["Ingress", "HTTPRoute", "TCPRoute", "TLSRoute", "GRPCRoute", "Route", "IngressRoute", "IngressRouteTCP"];

fn rendered(subject: &Rendered, check: &mut Check) {
    let objects: Vec<&Object> = subject.companions().objects().chain(subject.manifests().objects()).collect();
    let of_cnpg = |object: &&Object, kind: &str| object.kind() == kind && object.group() == "postgresql.cnpg.io";
    let mut names: BTreeSet<String> = BTreeSet::new();
    for object in &objects {
        if of_cnpg(object, "Cluster") {
            names.extend(["rw", "r", "ro"].map(|suffix| format!("{}-{suffix}", object.name())));
            let managed = object.get("spec.managed.services.additional").and_then(Value::as_array);
            let managed: Vec<&Value> =
                managed.into_iter().flatten().filter_map(|one| one.get("serviceTemplate")).collect();
            let open: Vec<String> = managed.iter().flat_map(|service| ways_in(service)).collect();
            let at = object.at("spec.managed.services");
            check.expect(at, "Services of the Cluster that lead in from outside", &open[..], empty());
        } else if of_cnpg(object, "Pooler") {
            names.insert(object.name().to_owned());
            let open = object.get("spec.serviceTemplate").map(ways_in).unwrap_or_default();
            check.expect(object.at("spec.serviceTemplate"), "what leads in from outside", &open[..], empty());
        } else if object.kind() == "Service" && (is_of_a_database(object) || leads_to_a_server(subject, object)) {
            names.insert(object.name().to_owned());
            check.expect(*object, "what leads in from outside", &ways_in(object.value())[..], empty());
        }
    }
    for name in subject.rendering().surroundings().clusters.iter().flat_map(Cluster::services) {
        names.insert(name);
    }
    if names.is_empty() {
        return check.not_applicable("no database and no Service of one is rendered");
    }
    let routes = objects.iter().filter(|object| ROUTES.contains(&object.kind()) && leads_to(object.value(), &names));
    let routes: Vec<String> = routes.map(|object| object.reference()).collect();
    check.expect(Place::object("the database"), "routes from outside to its Services", &routes[..], empty());
}

fn is_of_a_database(service: &Object) -> bool {
    let selects = |label: &str| service.get("spec.selector").and_then(|selector| selector.get(label)).is_some();
    let ports = service.get("spec.ports").and_then(Value::as_array).into_iter().flatten();
    let port = |one: &Value| ["port", "targetPort"].iter().any(|field| one[*field].as_u64() == Some(PORT));
    selects("cnpg.io/cluster") || selects("cnpg.io/poolerName") || ports.into_iter().any(port)
}

/// Whether a Service names a port of its pods that is PostgreSQL's, `targetPort: postgres`.
fn leads_to_a_server(subject: &Rendered, service: &Object) -> bool {
    let ports = service.get("spec.ports").and_then(Value::as_array).into_iter().flatten();
    let named: Vec<&str> = ports.filter_map(|one| one["targetPort"].as_str()).collect();
    let mut behind = subject.workloads().iter().filter(|workload| workload.is_behind(service));
    behind.any(|workload| {
        let ports = workload.containers().iter().filter_map(|container| container.get("ports")?.as_array());
        ports.flatten().any(|port| {
            port["containerPort"].as_u64() == Some(PORT)
                && port["name"].as_str().is_some_and(|name| named.contains(&name))
        })
    })
}

/// Whether a route names one of the Services, however its kind spells a backend.
fn leads_to(value: &Value, services: &BTreeSet<String>) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(field, value)| {
            let names = ["name", "serviceName"].contains(&field.as_str());
            names && value.as_str().is_some_and(|name| services.contains(name)) || leads_to(value, services)
        }),
        Value::Array(items) => items.iter().any(|item| leads_to(item, services)),
        _ => false,
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    let entrances = &installed.at(SETTLED).entrances;
    for entrance in entrances {
        check.expect(entrance, "what leads in from outside", &entrance.ways_in[..], empty());
    }
    if entrances.is_empty() {
        check.not_applicable("no Service leads to a database in the namespace of the subject");
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use harness::record::Entrance;

    use super::{Experiment, SEC_06, SETTLED};
    use crate::testing::{judge_live, judge_manifests, moment, record};

    const CLUSTER: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}}";

    #[rstest]
    #[case::alone("{apiVersion: v1, kind: Namespace, metadata: {name: a}}", Holds)]
    #[case::a_service_within(
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 5432}]}}",
        Holds
    )]
    #[case::a_node_port(
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: NodePort, ports: [{port: 5432}]}}",
        Violated
    )]
    #[case::a_node_port_by_the_name_of_the_port(
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: NodePort, selector: {app: pg}, ports: [{port: 15432, targetPort: postgres}]}}\n---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: pg}, spec: {template: {metadata: {labels: {app: pg}}, spec: {containers: [{name: pg, image: 'postgres:18', ports: [{name: postgres, containerPort: 5432}, {name: metrics, containerPort: 9187}]}]}}}}",
        Violated
    )]
    #[case::a_node_port_to_its_metrics(
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: NodePort, selector: {app: pg}, ports: [{port: 9187, targetPort: metrics}]}}\n---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: pg}, spec: {template: {metadata: {labels: {app: pg}}, spec: {containers: [{name: pg, image: 'postgres:18', ports: [{name: postgres, containerPort: 5432}, {name: metrics, containerPort: 9187}]}]}}}}",
        Holds
    )]
    #[case::a_load_balancer_of_its_pods(
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: LoadBalancer, selector: {cnpg.io/cluster: db}, ports: [{port: 1}]}}",
        Violated
    )]
    #[case::a_name_for_everybody(
        "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {external-dns.alpha.kubernetes.io/hostname: db.example.org}}, spec: {ports: [{port: 5432}]}}",
        Violated
    )]
    #[case::a_pooler(
        "{apiVersion: postgresql.cnpg.io/v1, kind: Pooler, metadata: {name: p}, spec: {serviceTemplate: {spec: {type: LoadBalancer}}}}",
        Violated
    )]
    #[case::a_route(
        "{apiVersion: gateway.networking.k8s.io/v1alpha2, kind: TCPRoute, metadata: {name: r}, spec: {rules: [{backendRefs: [{name: db-rw, port: 5432}]}]}}",
        Violated
    )]
    #[case::a_route_to_the_application(
        "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: r}, spec: {defaultBackend: {service: {name: web}}}}",
        Holds
    )]
    fn beside_a_database_stands(#[case] other: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&SEC_06, &format!("{CLUSTER}\n---\n{other}")), verdict);
    }

    #[test]
    fn without_a_database_nothing_is_reached() {
        assert_eq!(judge_manifests(&SEC_06, "{apiVersion: v1, kind: Namespace, metadata: {name: a}}"), NotApplicable);
    }

    #[rstest]
    #[case::inside(&[], Holds)]
    #[case::open(&["type LoadBalancer"], Violated)]
    fn a_service_that_stands(#[case] ways_in: &[&str], #[case] verdict: Verdict) {
        let ways_in = ways_in.iter().map(|way| (*way).to_owned()).collect();
        let mut seen = moment(SETTLED, 0, []);
        seen.entrances = vec![Entrance { object: "service/db-rw".into(), ways_in }];
        assert_eq!(judge_live(&SEC_06, [record(Experiment::Install, [seen])]), verdict);
    }
}
