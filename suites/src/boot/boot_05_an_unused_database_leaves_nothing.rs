//! BOOT-05: an unused database leaves nothing.
//!
//! Whoever dials a PostgreSQL of somebody else switches the bundled one off. What stays behind then, a claim, a Secret
//! with a password that opens nothing, a variable, misleads the next person who looks for the database. A cache keeps data
//! too, and whoever dials another PostgreSQL has POSTGRES_ variables of it: what is rendered with the database on tells
//! which are this one's.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Container, EnvVar, KeyRef, RefKind, Workload};
use harness::manifests::Object;
use harness::rendered::{Change, Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::plan;

/// An unused database leaves nothing.
pub const BOOT_05: Requirement = Requirement {
    id: "BOOT-05",
    title: "An unused database leaves nothing",
    level: Level::Must,
    source: "S4: \"Disabling embedded postgres\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "put the StatefulSet, its claim, its Secret and every POSTGRES_ variable under the value that switches it on",
    rendered: Some(rendered),
    live: None,
};

/// A password that nobody has.
const PASSWORD: &str = "holdfast-left-behind-7d41";

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let Some(switch) = &plan.enabled_value else {
        return check.not_applicable("the bundled database cannot be switched off");
    };
    let mut change = Change::set(switch.as_str(), false);
    if let Some(path) = &plan.password_value {
        change = change.and_set(path.as_str(), PASSWORD);
    }
    let Some(attempt) = subject.with(&change, check) else { return };
    let Some(rendering) = attempt.rendering() else {
        check.expect(&change, "rendering without it", &attempt, renders());
        return;
    };
    let Some(used) = used(subject, switch, check) else { return };
    let database = Database::of(&used, &plan.stateful_set);
    if database.images.is_empty() {
        let hint = "it is not rendered where it is switched on; correct `database.bundled.statefulSet`";
        check.undecided(Place::object(format!("statefulset/{}", plan.stateful_set)), "the bundled database", hint);
    }
    check.expect(&change, "objects of the database", &database.objects_in(rendering)[..], empty());
    for container in rendering.containers() {
        check.expect(container.at("env"), "variables of the database", &database.variables_in(container)[..], empty());
    }
    let holds = |object: &&Object| {
        let entries = rendering.graph().store().entries(RefKind::Secret, object.name());
        let held = object.kind() == "Secret" && entries.into_iter().any(|(_, text)| text.known() == Some(PASSWORD));
        held || object.value().to_string().contains(PASSWORD)
    };
    let held: Vec<String> = rendering.manifests().objects().filter(holds).map(Object::reference).collect();
    let state = if held.is_empty() { "nowhere".to_owned() } else { held.join(", ") };
    check.expect(Place::object("manifests"), "where its password still stands", &state.as_str(), equal_to("nowhere"));
}

/// What is rendered with the database switched on. `None`: it cannot be told, and the check knows.
fn used(subject: &Rendered, switch: &str, check: &mut Check) -> Option<Rendering> {
    if subject.value(switch) == Some(&Value::Bool(true)) {
        return Some(subject.rendering().clone());
    }
    let change = Change::set(switch, true);
    let attempt = subject.with(&change, check)?;
    if attempt.rendering().is_none() {
        check.undecided(&change, "what belongs to the database", format!("with it on, Helm gives {attempt}"));
    }
    attempt.rendering().cloned()
}

/// What tells a bundled database from others of the chart, which keep data and are dialled too.
struct Database {
    /// The StatefulSet, and the Services that lead to it.
    names: Vec<String>,
    claims: Vec<String>,
    secrets: Vec<String>,
    images: Vec<String>,
}

impl Database {
    fn of(used: &Rendering, stateful_set: &str) -> Self {
        let is_it = |one: &&Workload| one.object().kind() == "StatefulSet" && one.object().name() == stateful_set;
        let server = used.workloads().iter().find(is_it);
        let services =
            used.manifests().of_kind("Service").filter(|one| server.is_some_and(|server| server.is_behind(one)));
        let references = server.map(Workload::references).unwrap_or_default();
        let named = |kind: RefKind| {
            references.iter().filter(|one| one.kind == kind).map(|one| one.name.clone()).collect::<Vec<String>>()
        };
        let containers = server.map(Workload::containers).unwrap_or_default().iter();
        Self {
            names: std::iter::once(stateful_set).chain(services.map(Object::name)).map(str::to_owned).collect(),
            claims: named(RefKind::Claim),
            secrets: named(RefKind::Secret),
            images: containers.map(|container| container.image().to_owned()).collect(),
        }
    }

    /// The objects of the database in a rendering.
    fn objects_in(&self, rendering: &Rendering) -> Vec<String> {
        let keeps_data = |object: &Object| {
            let claims = object.get("spec.volumeClaimTemplates").and_then(Value::as_array);
            let workload = rendering.workloads().iter().find(|one| one.reference() == object.reference());
            let mut containers = workload.map(Workload::containers).unwrap_or_default().iter();
            claims.is_some_and(|claims| !claims.is_empty())
                && containers.any(|container| self.images.iter().any(|image| image == container.image()))
        };
        let holds_its_data = |claim: &str| {
            // `data-shop-postgres-0`, as Kubernetes calls the claims of a StatefulSet.
            let is_called_so = |name: &String| format!("-{claim}-").contains(&format!("-{name}-"));
            self.claims.iter().any(|own| own == claim) || self.names.first().is_some_and(is_called_so)
        };
        let is_its = |object: &&Object| {
            self.names.first().is_some_and(|name| name == object.name())
                || object.kind() == "PersistentVolumeClaim" && holds_its_data(object.name())
                || keeps_data(object)
        };
        rendering.manifests().objects().filter(is_its).map(Object::reference).collect()
    }

    /// The variables of a container that still tell of the database. Those of another database are called the same; that
    /// they are another's shows where one of them is an address, and not this one's.
    fn variables_in(&self, container: &Container) -> Vec<String> {
        let leads_to_it = |variable: &EnvVar| {
            let of_its_secret = |key: &KeyRef| key.kind == RefKind::Secret && self.secrets.contains(&key.name);
            variable.key().is_some_and(|key| of_its_secret(key) || self.is_in(&key.name))
                || self.is_in(&variable.value.to_string())
        };
        let named = || container.env().iter().filter(|variable| variable.name.starts_with("POSTGRES_"));
        let of_another = named().any(|variable| is_address(&variable.name) && !leads_to_it(variable));
        let left = named().filter(|variable| leads_to_it(variable) || !of_another);
        left.map(|variable| variable.name.clone()).collect()
    }

    /// Whether a text names the database, or a Service that leads to it: within the cluster, `shop-db.apps.svc`.
    fn is_in(&self, text: &str) -> bool {
        let is_whole = |(at, name): (usize, &str)| {
            let of_a_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '.');
            let behind = &text[at + name.len()..];
            let domain = behind.split(|one| !of_a_name(one)).next().unwrap_or_default();
            let is_local = domain.split('.').nth(2).is_none_or(|label| label == "svc");
            !text[..at].ends_with(of_a_name) && (domain.is_empty() || domain.starts_with('.') && is_local)
        };
        self.names.iter().any(|name| text.match_indices(name.as_str()).any(is_whole))
    }
}

/// Whether a variable says by its name where a database is.
fn is_address(variable: &str) -> bool {
    const WORDS: &[&str] = &["HOST", "HOSTS", "HOSTNAME", "ADDR", "ADDRESS", "SERVER", "ENDPOINT", "URL", "URI", "DSN"];
    variable.split('_').any(|word| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness::subject::Subject;
    use rstest::rstest;

    use super::*;

    const DATABASE: &str = "{kind: Service, metadata: {name: shop-db}, spec: {selector: {app: db}}}\n---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: shop-postgres}, spec: {volumeClaimTemplates: [{}], template: {metadata: {labels: {app: db}}, spec: {volumes: [{name: wal, persistentVolumeClaim: {claimName: wal}}, {name: login, secret: {secretName: login}}], containers: [{name: postgres, image: 'postgres:18'}]}}}}";

    fn rendering(text: &str) -> Rendering {
        Rendered::of_manifests(Arc::new(Subject::of_manifests("test")), text).unwrap().rendering().clone()
    }

    #[rstest]
    #[case::its_claim("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: wal}}", &["persistentvolumeclaim/wal"])]
    #[case::its_claim_by_its_name(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-shop-postgres-0}}",
        &["persistentvolumeclaim/data-shop-postgres-0"]
    )]
    #[case::its_secret("{apiVersion: v1, kind: Secret, metadata: {name: shop-postgres}}", &["secret/shop-postgres"])]
    #[case::another_of_its_kind(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: pg}, spec: {volumeClaimTemplates: [{}], template: {spec: {containers: [{name: a, image: 'postgres:18'}]}}}}",
        &["statefulset/pg"]
    )]
    #[case::the_claim_of_another("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: shop-uploads}}", &[])]
    #[case::another_that_keeps_data(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: shop-redis}, spec: {volumeClaimTemplates: [{}], template: {spec: {containers: [{name: a, image: redis}]}}}}",
        &[]
    )]
    fn objects_stay(#[case] left: &str, #[case] expected: &[&str]) {
        let database = Database::of(&rendering(DATABASE), "shop-postgres");
        assert_eq!(database.objects_in(&rendering(left)), expected);
    }

    #[rstest]
    #[case::without_an_address("{name: POSTGRES_DB, value: shop}", &["POSTGRES_DB"])]
    #[case::of_another_database("{name: POSTGRES_HOST, value: db.example.org}, {name: POSTGRES_DB, value: shop}", &[])]
    #[case::of_one_that_a_secret_names(
        "{name: POSTGRES_URL, valueFrom: {secretKeyRef: {name: other, key: url}}}, {name: POSTGRES_DB, value: shop}",
        &[]
    )]
    #[case::its_secret_beside_another_host(
        "{name: POSTGRES_HOST, value: db.example.org}, {name: POSTGRES_PASSWORD, valueFrom: {secretKeyRef: {name: shop-postgres, key: p}}}",
        &["POSTGRES_PASSWORD"]
    )]
    #[case::its_secret_by_another_name("{name: POSTGRES_URL, valueFrom: {secretKeyRef: {name: login, key: p}}}", &["POSTGRES_URL"])]
    #[case::a_service_of_that_name_elsewhere("{name: POSTGRES_HOST, value: shop-db.example.org}", &[])]
    #[case::its_service_in_a_url("{name: POSTGRES_URL, value: 'postgres://a@shop-db:5432/x.y.z'}", &["POSTGRES_URL"])]
    #[case::its_service("{name: POSTGRES_HOST, value: shop-db.apps.svc}", &["POSTGRES_HOST"])]
    #[case::a_longer_name("{name: POSTGRES_HOST, value: shop-db-of-others}", &[])]
    fn variables_stay(#[case] left: &str, #[case] expected: &[&str]) {
        let unused = rendering(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: shop}}, spec: {{template: {{spec: {{containers: \
             [{{name: a, env: [{left}]}}]}}}}}}}}"
        ));
        let database = Database::of(&rendering(DATABASE), "shop-postgres");
        assert_eq!(database.variables_in(unused.containers().next().unwrap()), expected);
    }
}
