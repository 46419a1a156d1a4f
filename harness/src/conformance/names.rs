//! Names in a subject file of what its manifests should have. One that nothing has is noted in the report, where it
//! explains what follows from it: it is misspelt, or the chart has lost what it stands for.

use std::collections::BTreeSet;

use crate::graph::{Container, Workload};
use crate::rendered::Rendered;
use crate::subject::{Subject, SubjectFile};

/// What a name stands for.
#[derive(Clone, Copy)]
enum Thing {
    Workload,
    Object(&'static str),
    Variable,
}

/// A sentence for each name that no overlay has. All of them have to be there: one of them may be enough.
pub(super) fn unknown(subject: &Subject, overlays: &[&Rendered]) -> Vec<String> {
    let named = named(subject.file());
    named.into_iter().filter_map(|(field, thing, name)| untold(subject, overlays, field, thing, name)).collect()
}

fn named(file: &SubjectFile) -> Vec<(&'static str, Thing, &str)> {
    let mut named: Vec<(&'static str, Thing, &str)> = Vec::new();
    named.extend(file.workloads.iter().map(|name| ("workloads", Thing::Workload, name.as_str())));
    let database = &file.database;
    let migrations = database.migrations.iter();
    named.extend(migrations.map(|name| ("database.migrations", Thing::Workload, name.as_str())));
    let migrating = database.migrates_on_start.iter();
    named.extend(migrating.map(|name| ("database.migratesOnStart", Thing::Workload, name.as_str())));
    let pools = database.pools.iter();
    named.extend(pools.map(|pool| ("database.pools", Thing::Workload, pool.workload.as_str())));
    named.extend(database.cluster.iter().map(|name| ("database.cluster", Thing::Object("Cluster"), name.as_str())));
    let bundled = database.bundled.iter();
    named.extend(
        bundled.map(|one| ("database.bundled.statefulSet", Thing::Object("StatefulSet"), one.stateful_set.as_str())),
    );
    if let Some(keys) = &file.api_keys {
        named.push(("apiKeys.service", Thing::Object("Service"), &keys.service));
        named.extend(keys.clients.iter().map(|name| ("apiKeys.clients", Thing::Workload, name.as_str())));
    }
    named.extend(file.tls.iter().map(|tls| ("tls.service", Thing::Object("Service"), tls.service.as_str())));
    let http = file.smoke.http.iter();
    named.extend(http.map(|http| ("smoke.http.service", Thing::Object("Service"), http.service.as_str())));
    let structured = file.structured.iter();
    named.extend(structured.map(|one| ("structured[].variable", Thing::Variable, one.variable.as_str())));
    named
}

fn untold(subject: &Subject, overlays: &[&Rendered], field: &str, thing: Thing, name: &str) -> Option<String> {
    let known: BTreeSet<String> = overlays.iter().flat_map(|rendered| there_are(rendered, thing)).collect();
    if known.contains(name) || provided(subject.file(), thing, name) {
        return None;
    }
    // Variables that come from a whole ConfigMap or Secret of somebody else are not in the manifests.
    let from_afar = |container: &Container| container.get("envFrom").is_some();
    if matches!(thing, Thing::Variable) && overlays.iter().flat_map(|one| one.containers()).any(from_afar) {
        return None;
    }
    let (what, instead) = match thing {
        Thing::Workload => (format!("no overlay renders {name}"), "workload"),
        Thing::Object(kind) => (format!("neither a release nor a companion has a {kind} {name}"), kind),
        Thing::Variable => (format!("no container has a variable {name}"), "variable"),
    };
    let subject = subject.name();
    // Of variables there are too many to list.
    let there_is = match (thing, known.is_empty()) {
        (Thing::Variable, _) => String::new(),
        (_, true) => format!("; there is no {instead} at all"),
        (_, false) => format!("; there is {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    Some(format!("`{field}` in the subject file of {subject}: {what}{there_is}. Is it spelt right?"))
}

/// Whether the subject file itself says that a companion, a hook or somebody else brings it.
fn provided(file: &SubjectFile, thing: Thing, name: &str) -> bool {
    let reference = match thing {
        Thing::Workload => name.to_owned(),
        Thing::Object(kind) => format!("{}/{name}", kind.to_lowercase()),
        Thing::Variable => return false,
    };
    let companions = file.companions.iter().flat_map(|companion| &companion.provides);
    let releases = file.releases.iter().flat_map(|release| &release.provides);
    companions.chain(releases).chain(&file.external).any(|provided| provided.to_lowercase() == reference)
}

fn there_are(rendered: &Rendered, thing: Thing) -> Vec<String> {
    match thing {
        Thing::Workload => rendered.workloads().iter().map(Workload::reference).collect(),
        Thing::Object(kind) => {
            let everywhere = rendered.manifests().of_kind(kind).chain(rendered.companions().of_kind(kind));
            everywhere.map(|object| object.name().to_owned()).collect()
        }
        Thing::Variable => {
            rendered.containers().flat_map(Container::env).map(|variable| variable.name.clone()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use insta::assert_snapshot;
    use rstest::rstest;

    use super::unknown;
    use crate::rendered::Rendered;
    use crate::subject::Subject;

    const MANIFESTS: &str = "
apiVersion: v1
kind: Service
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers: [{name: shop, image: shop, env: [{name: CORS, value: '[]'}]}]
";

    const DATABASE: &str = "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: shop-db}\n";

    fn told(fields: &str) -> String {
        told_of(MANIFESTS, fields)
    }

    fn told_of(manifests: &str, fields: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(folder.path()).unwrap();
        let chart = root.join("chart");
        std::fs::create_dir(&chart).unwrap();
        std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n").unwrap();
        std::fs::write(root.join("database.yaml"), DATABASE).unwrap();
        let head = "apiVersion: holdfast.dev/v1\nkind: Subject\nmetadata: {name: shop}\ncontract: \"1.0\"\n\
                    releases: [{name: shop, chart: {path: chart}}]\n\
                    companions: [{name: database, manifest: database.yaml}]\n";
        let file = root.join("subject.yaml");
        std::fs::write(&file, format!("{head}{fields}\n")).unwrap();
        let subject = Arc::new(Subject::read(&file).unwrap());
        let rendered = Rendered::of_manifests(subject.clone(), manifests).unwrap();
        unknown(&subject, &[&rendered]).join("\n")
    }

    #[rstest]
    #[case("workloads: [deployment/shop]")]
    #[case("database: {cluster: shop-db, migrations: [deployment/shop], migratesOnStart: [deployment/shop]}")]
    #[case("database: {pools: [{workload: deployment/shop, size: 5}]}")]
    #[case("smoke: {http: {service: shop, path: /}}")]
    #[case("structured: [{variable: CORS, format: json-array}]")]
    #[case(
        "external: [service/afar, cluster/afar]\nsmoke: {http: {service: afar, path: /}}\ndatabase: {cluster: afar}"
    )]
    fn a_name_that_something_has_is_nothing_to_speak_of(#[case] fields: &str) {
        assert_eq!(told(fields), "");
    }

    #[test]
    fn a_variable_may_come_from_somebody_elses_configuration() {
        let from_afar = MANIFESTS.replace("env: [", "envFrom: [{configMapRef: {name: afar}}], env: [");
        assert_eq!(told_of(&from_afar, "structured: [{variable: cors, format: json-array}]"), "");
        assert_ne!(told_of(&from_afar, "workloads: [deployment/shopp]"), "", "other names do not come from there");
    }

    #[test]
    fn a_name_that_nothing_has_is_told_with_those_that_there_are() {
        assert_snapshot!(told("workloads: [deployment/shopp]"), @"`workloads` in the subject file of shop: no overlay renders deployment/shopp; there is deployment/shop. Is it spelt right?");
        assert_snapshot!(told("database: {pools: [{workload: shop}]}"), @"`database.pools` in the subject file of shop: no overlay renders shop; there is deployment/shop. Is it spelt right?");
        assert_snapshot!(told("database: {cluster: shop}"), @"`database.cluster` in the subject file of shop: neither a release nor a companion has a Cluster shop; there is shop-db. Is it spelt right?");
        assert_snapshot!(told("database: {bundled: {statefulSet: shop-db}}"), @"`database.bundled.statefulSet` in the subject file of shop: neither a release nor a companion has a StatefulSet shop-db; there is no StatefulSet at all. Is it spelt right?");
        assert_snapshot!(told("smoke: {http: {service: shop-web, path: /}}"), @"`smoke.http.service` in the subject file of shop: neither a release nor a companion has a Service shop-web; there is shop. Is it spelt right?");
        assert_snapshot!(told("structured: [{variable: cors, format: json-array}]"), @"`structured[].variable` in the subject file of shop: no container has a variable cors. Is it spelt right?");
    }
}
