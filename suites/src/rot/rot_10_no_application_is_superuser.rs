//! ROT-10: no application is superuser.
//!
//! The superuser's Secret is for people and for emergencies. An application that reads it can do everything to every
//! database of the cluster, and its rotation is everybody's outage.

use harness::check::Check;
use harness::expectation::{empty, not_empty};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::cnpg::{self, Cluster};
use harness::graph::{DatabaseClient, KeyRef, Text};
use harness::record::{DURING, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

/// No application is superuser.
pub const ROT_10: Requirement = Requirement {
    id: "ROT-10",
    title: "No application is superuser",
    level: Level::Must,
    source: "S1: \"never for app connection strings\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::RotatePassword],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "give the application a role and a Secret of its own",
    rendered: Some(rendered),
    live: Some(live),
};

const SUPERUSER: &str = "postgres";

fn rendered(subject: &Rendered, check: &mut Check) {
    let known = secrets_of_the_superuser(subject);
    for client in subject.database_clients() {
        let is_one = |key: &&KeyRef| {
            key.name.ends_with("-superuser") || known.contains(&key.name) || names_the_superuser(key, subject)
        };
        let keys: Vec<String> = client.credentials().iter().filter(is_one).map(ToString::to_string).collect();
        check.expect(client, "credentials of the superuser", &keys[..], empty());
        check.expect(client, "the superuser as its role", &logins_as_superuser(client)[..], empty());
    }
}

/// The Secrets that CloudNativePG takes the superuser's password from.
fn secrets_of_the_superuser(subject: &Rendered) -> Vec<String> {
    let manifests = [subject.companions(), subject.manifests()];
    let clusters = manifests.iter().flat_map(|manifests| Cluster::all(manifests));
    let consumed = clusters.flat_map(|cluster| cnpg::consumed_secrets(&manifests, &cluster));
    consumed.filter(|(role, _)| role == SUPERUSER).map(|(_, secret)| secret).collect()
}

/// Whether the Secret that a key is of says that its role is the superuser.
fn names_the_superuser(key: &KeyRef, subject: &Rendered) -> bool {
    let says = |name: &str| {
        let named = KeyRef { key: name.to_owned(), ..key.clone() };
        subject.graph().store().content(&named).known().map(str::trim) == Some(SUPERUSER)
    };
    says("username") || says("user")
}

/// What tells the client to log in as the superuser: variables, connection strings by their holders, files of settings.
fn logins_as_superuser(client: &DatabaseClient) -> Vec<String> {
    let is_superuser = |text: &Text| text.known().map(str::trim) == Some(SUPERUSER);
    let variables = client.container().env().iter();
    let variables = variables.filter(|variable| names_a_role(&variable.name) && is_superuser(&variable.value));
    let strings = client.dsns().iter().filter(|found| found.dsn.user.as_ref().is_some_and(is_superuser));
    let variables = variables.map(|variable| format!("env {}", variable.name));
    let settings = client.roles_in_settings().filter(|(_, role)| *role == SUPERUSER).map(|(says, _)| says.to_owned());
    variables.chain(strings.map(|found| found.holder.clone())).chain(settings).collect()
}

/// Whether a variable says as whom an application logs in, `PGUSER`, `SHOP_DB_USERNAME`.
fn names_a_role(name: &str) -> bool {
    let owners = ["DB", "DATABASE", "POSTGRES", "POSTGRESQL", "PG"];
    let stem = name.strip_suffix("_USERNAME").or_else(|| name.strip_suffix("_USER"));
    name == "PGUSER" || stem.and_then(|stem| stem.rsplit('_').next()).is_some_and(|word| owners.contains(&word))
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotatePassword) else { return };
    let seen = rotation.at(DURING);
    for pod in &seen.pods {
        let logins = seen.logins_of(pod);
        let as_superuser = logins.iter().filter(|login| login.role == SUPERUSER);
        let as_superuser: Vec<String> = as_superuser.map(ToString::to_string).collect();
        check.expect(pod, "its logins as superuser", &as_superuser[..], empty());
    }
    let all: Vec<String> = seen.logins.iter().map(ToString::to_string).collect();
    check.control(Place::object("the database"), "logins that its log tells of", &all[..], not_empty());
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::ROT_10;
    use crate::testing::judge_manifests;

    const DATABASE: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {enableSuperuserAccess: true, superuserSecret: {name: pg-admin}}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: app-login}, stringData: {username: app, password: x}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: other-login}, stringData: {username: postgres, password: x}}";

    fn key(name: &str, secret: &str, key: &str) -> String {
        format!("{{name: {name}, valueFrom: {{secretKeyRef: {{name: {secret}, key: {key}}}}}}}")
    }

    #[rstest]
    #[case::the_applications(&key("DATABASE_URL", "db-app", "uri"), Holds)]
    #[case::the_applications_by_its_name(&key("PGPASSWORD", "app-login", "password"), Holds)]
    #[case::one_that_is_called_alike("{name: DATABASE_URL, value: 'postgres://postgres_exporter@db-rw/app'}", Holds)]
    #[case::the_superusers_by_name(&key("PGPASSWORD", "db-superuser", "password"), Violated)]
    #[case::the_superusers_by_what_the_cluster_says(&key("PGPASSWORD", "pg-admin", "password"), Violated)]
    #[case::the_superusers_by_what_the_secret_says(&key("PGPASSWORD", "other-login", "password"), Violated)]
    #[case::the_superuser_in_a_uri("{name: DATABASE_URL, value: 'postgres://postgres:$(PW)@db-rw/app'}", Violated)]
    #[case::the_superuser_in_a_variable("{name: PGHOST, value: db-rw}, {name: PGUSER, value: postgres}", Violated)]
    #[case::the_superuser_in_a_variable_of_the_application(
        "{name: PGHOST, value: db-rw}, {name: SHOP_DB_USERNAME, value: postgres}",
        Violated
    )]
    #[case::the_database_of_that_name("{name: PGHOST, value: db-rw}, {name: POSTGRES_DB, value: postgres}", Holds)]
    fn an_application_logs_in_with(#[case] env: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{DATABASE}\n---\n{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, env: [{env}]}}]}}}}"
        );
        assert_eq!(judge_manifests(&ROT_10, &text), verdict);
    }

    #[rstest]
    #[case::a_role_of_its_own("app", Holds)]
    #[case::the_superuser("postgres", Violated)]
    fn a_file_of_settings_has_an_application_log_in_as(#[case] role: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{DATABASE}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata:\n  app.yaml: |\n    storage:\n      type: postgres\n      host: db-rw\n      user: {role}\n---\n{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{volumes: [{{name: s, configMap: {{name: settings}}}}], containers: [{{name: a, volumeMounts: [{{name: s, mountPath: /etc/app}}]}}]}}}}"
        );
        assert_eq!(judge_manifests(&ROT_10, &text), verdict);
    }
}
