//! What the graph sees in manifests, case by case.

use rstest::rstest;

use super::cnpg::Cluster;
use super::{CaProvider, DatabaseClient, Fact, Graph, Producer, Role, SslMode, Surroundings};
use crate::finding::Locate as _;
use crate::manifests::Manifests;

pub(super) fn graph_in(manifests: &str, surroundings: &Surroundings) -> Graph {
    Graph::new(&Manifests::parse(manifests, "test").unwrap(), surroundings)
}

/// A Deployment with one container, whose fields are given as YAML of the flow style, and volumes.
pub(super) fn deployment(container: &str, volumes: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app}}\nspec: {{template: {{spec: {{containers: [{{name: main, image: example.org/app:1, {container}}}], volumes: [{volumes}]}}}}}}\n"
    )
}

pub(super) fn client_of(container: &str, volumes: &str, more: &str) -> Option<DatabaseClient> {
    let surroundings = Surroundings { clusters: vec![Cluster::named("db")], ..Surroundings::default() };
    let graph = graph_in(&format!("{}---\n{more}", deployment(container, volumes)), &surroundings);
    graph.database_clients().first().cloned()
}

fn with_env(env: &str) -> DatabaseClient {
    client_of(&format!("env: [{env}]"), "", "").unwrap()
}

const OPERATOR_URI: &str = "{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: db-app, key: uri}}}";
const FOREIGN_URI: &str = "{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: vault, key: dsn}}}";

#[rstest]
#[case::parameter("{name: DATABASE_URL, value: 'postgres://a@db/x?sslmode=require'}", SslMode::Require)]
#[case::parameter_over_variable(
    "{name: PGSSLMODE, value: verify-full}, {name: DATABASE_URL, value: 'postgres://a@db/x?sslmode=disable'}",
    SslMode::Disable
)]
#[case::variable(
    "{name: PGSSLMODE, value: verify-full}, {name: DATABASE_URL, value: 'postgres://a@db/x'}",
    SslMode::VerifyFull
)]
#[case::libpqs_default("{name: DATABASE_URL, value: 'postgres://a@db/x'}", SslMode::Prefer)]
#[case::empty_variable("{name: PGSSLMODE, value: ''}, {name: PGHOST, value: db}", SslMode::Prefer)]
#[case::variable_of_the_application(
    "{name: DB_HOST, value: db}, {name: POSTGRES_HOST, value: db}, {name: DB_SSLMODE, value: require}",
    SslMode::Require
)]
#[case::a_variable_that_libpq_does_not_read(
    "{name: PG_SSL_MODE, value: verify-full}, {name: DATABASE_URL, value: 'postgres://a@db/x'}",
    SslMode::Prefer
)]
#[case::weakest_of_two(
    "{name: A_DATABASE_URL, value: 'postgres://a@db/x?sslmode=verify-full'}, {name: B_DATABASE_URL, value: 'postgres://a@db/x?sslmode=prefer'}",
    SslMode::Prefer
)]
#[case::jdbc("{name: JDBC, value: 'jdbc:postgresql://db/x?sslmode=verify-ca'}", SslMode::VerifyCa)]
#[case::jdbc_ssl("{name: JDBC, value: 'jdbc:postgresql://db/x?ssl=true'}", SslMode::VerifyFull)]
fn the_mode_of_tls_is_known(#[case] env: &str, #[case] mode: SslMode) {
    assert_eq!(with_env(env).ssl_mode(), Fact::Known(mode));
}

#[test]
fn the_operators_uri_has_no_mode_so_the_variable_decides() {
    assert_eq!(with_env(OPERATOR_URI).ssl_mode(), Fact::Known(SslMode::Prefer));
    let verified = format!("{OPERATOR_URI}, {{name: PGSSLMODE, value: verify-full}}");
    assert_eq!(with_env(&verified).ssl_mode(), Fact::Known(SslMode::VerifyFull));
}

#[rstest]
#[case::secret_of_somebody(FOREIGN_URI, "Secret vault is not in the manifests")]
#[case::secret_of_somebody_over_a_variable(
    "{name: PGSSLMODE, value: verify-full}, {name: DATABASE_URL, valueFrom: {secretKeyRef: {name: vault, key: dsn}}}",
    "Secret vault is not in the manifests"
)]
#[case::no_mode_of_libpq(
    "{name: DATABASE_URL, value: 'postgres://a@db/x?sslmode=sometimes'}",
    "`sometimes` is no mode of libpq"
)]
#[case::driver_of_the_application("{name: POSTGRES_HOST, value: db}", "it has the variable POSTGRES_HOST, and nothing")]
fn what_manifests_do_not_say_is_unknown_with_a_hint(#[case] env: &str, #[case] hint: &str) {
    let Fact::Unknown(told) = with_env(env).ssl_mode() else { panic!("expected a hint") };
    assert!(told.contains(hint), "{told}");
}

#[test]
fn variables_expand_in_a_chain_and_decoded_secrets_are_read() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: own}\ndata: {password: cEBzcw==}\nstringData: {host: db.example}\n";
    let env = "env: [{name: P, valueFrom: {secretKeyRef: {name: own, key: password}}}, {name: H, valueFrom: {secretKeyRef: {name: own, key: host}}}, {name: DATABASE_URL, value: 'postgres://app:$(P)@$(H)/$(LATER)?sslmode=verify-full&x=$$(P)'}, {name: LATER, value: shop}]";
    let client = client_of(env, "", secret).unwrap();
    let dsn = &client.dsns()[0].dsn;
    assert_eq!(dsn.hosts[0].known(), Some("db.example"));
    // The @ of the password is not escaped, and a later variable is not defined yet.
    assert_eq!(dsn.password.as_ref().and_then(|text| text.known()), Some("p@ss"));
    assert_eq!(dsn.database.as_ref().and_then(|text| text.known()), Some("$(LATER)"));
    assert_eq!(dsn.parameter("x").and_then(|text| text.known()), Some("$(P)"));
    assert_eq!(client.credentials()[0].to_string(), "secret/own[password]");
}

#[rstest]
#[case::a_password("POSTGRES_PASSWORD", "", &["POSTGRES_PASSWORD"])]
#[case::of_which_nobody_knows("POSTGRES_PASSWORD", "none", &["POSTGRES_PASSWORD"])]
#[case::that_is_empty_yet("POSTGRES_PASSWORD", "POSTGRES_PASSWORD: ''", &["POSTGRES_PASSWORD"])]
#[case::a_host("POSTGRES_HOST", "POSTGRES_HOST: db", &[])]
#[case::a_string_without_one("DATABASE_URL", "DATABASE_URL: 'postgres://app@db/x'", &[])]
#[case::a_string_with_one("DATABASE_URL", "DATABASE_URL: 'postgres://app:p@db/x'", &["DATABASE_URL"])]
#[case::nothing("DATABASE_URL", "DATABASE_URL: ''", &[])]
fn a_secret_may_say_where_the_database_is_without_a_password(
    #[case] key: &str,
    #[case] held: &str,
    #[case] passwords: &[&str],
) {
    let name = if held == "none" { "elsewhere" } else { "own" };
    let held = if held.is_empty() { "POSTGRES_PASSWORD: hunter2" } else { held };
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: own}}\nstringData: {{{}}}\n",
        held.trim_start_matches("none")
    );
    let env = format!(
        "env: [{{name: PGHOST, value: db}}, {{name: {key}, valueFrom: {{secretKeyRef: {{name: {name}, key: {key}}}}}}}]"
    );
    let client = client_of(&env, "", &secret).unwrap();
    assert_eq!(client.passwords().map(|key| key.key.as_str()).collect::<Vec<_>>(), passwords);
}

#[rstest]
#[case::config_map_as_variables("envFrom: [{configMapRef: {name: settings}, prefix: APP_}]", "")]
#[case::argument("args: [serve, '--database-url=postgres://a@db/x?sslmode=verify-full']", "")]
#[case::file("volumeMounts: [{name: c, mountPath: /etc/app}]", "{name: c, configMap: {name: settings}}")]
#[case::file_that_a_variable_names(
    "env: [{name: DATABASE_URL_FILE, value: /run/db/uri}], volumeMounts: [{name: c, mountPath: /run/db}]",
    "{name: c, secret: {secretName: file, items: [{key: dsn, path: uri}]}}"
)]
fn a_connection_string_is_found(#[case] container: &str, #[case] volumes: &str) {
    let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {DATABASE_URL: 'postgres://a@db/x?sslmode=verify-full', app.toml: \"url = 'postgres://a@db/x?sslmode=verify-full'\"}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: file}\nstringData: {dsn: 'postgres://a@db/x?sslmode=verify-full'}\n";
    assert_eq!(client_of(container, volumes, more).unwrap().ssl_mode(), Fact::Known(SslMode::VerifyFull));
}

#[rstest]
#[case::kind_of_the_database("{name: STORE_ENGINE, value: postgres}", "it has the variable STORE_ENGINE")]
#[case::kind_with_a_version("{name: SQL_PLUGIN, value: postgres12_pgx}", "it has the variable SQL_PLUGIN")]
#[case::kind_by_the_whole_name("{name: APP_DB, value: postgresql}", "it has the variable APP_DB")]
#[case::part_of_a_connection("{name: APP_POSTGRES_ADMIN_USERNAME, value: a}", "APP_POSTGRES_ADMIN_USERNAME")]
#[case::whole_string_elsewhere(
    "{name: DSN, valueFrom: {secretKeyRef: {name: x, key: dsn}}}",
    "it has the variable DSN"
)]
#[case::string_of_a_store(
    "{name: APP_DATASTORE_URI, valueFrom: {secretKeyRef: {name: x, key: uri}}}",
    "it has the variable APP_DATASTORE_URI"
)]
#[case::composed_by_a_shell(
    "{name: URL_COMMAND, value: 'echo \"postgres://$U:$(cat /p)@${H}/app\"'}",
    "env URL_COMMAND is a connection string"
)]
fn a_client_is_recognised_by_what_it_is_told(#[case] env: &str, #[case] because: &str) {
    let client = with_env(env);
    assert!(client.because().contains(because), "{}", client.because());
}

#[rstest]
#[case::variable_of_any_length(
    "{name: APP_DATABASE_POSTGRES_USER_SSL_MODE, value: verify-ca}, {name: APP_DATABASE_POSTGRES_HOST, value: db}",
    SslMode::VerifyCa
)]
#[case::another_services_variable(
    "{name: MAIL_SSL_MODE, value: disable}, {name: DB_SSL_MODE, value: require}, {name: DB_TYPE, value: postgres}",
    SslMode::Require
)]
#[case::parameters_beside_the_parts(
    "{name: APP_DB, value: postgres}, {name: APP_DB_URL_PROPERTIES, value: '?sslmode=verify-full&sslrootcert=/ca/a.crt'}",
    SslMode::VerifyFull
)]
#[case::parameters_in_a_shell(
    "{name: Q, value: '?sslmode=require'}, {name: CMD, value: 'echo -n \"postgresql+psycopg2://$(eval $U):$(eval $P)@${H}/${D}${Q}\"'}, {name: H, value: db}, {name: D, value: app}",
    SslMode::Require
)]
#[case::a_shell_that_says_no_mode(
    "{name: H, value: db}, {name: CMD, value: 'exec app --db \"postgres://app:$(cat /p)@${H}:5432/app\"'}",
    SslMode::Prefer
)]
fn the_mode_is_known_from_parts_too(#[case] env: &str, #[case] mode: SslMode) {
    assert_eq!(with_env(env).ssl_mode(), Fact::Known(mode));
}

#[test]
fn a_file_of_settings_tells_client_mode_and_ca() {
    let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  app.yaml: |\n    store:\n      engine: postgresql\n      sslmode: verify-full\n      sslrootcert: /ca/ca.crt\n";
    let volumes = "{name: c, configMap: {name: settings}}, {name: ca, secret: {secretName: trust}}";
    let mounts = "volumeMounts: [{name: c, mountPath: /etc/app}, {name: ca, mountPath: /ca}]";
    let client = client_of(mounts, volumes, more).unwrap();
    assert_eq!(client.because(), "it reads setting store.engine in app.yaml of ConfigMap settings");
    assert_eq!(client.ssl_mode(), Fact::Known(SslMode::VerifyFull));
    assert_eq!(client.ca().and_then(|ca| ca.trust()), Some(("trust", "ca.crt")));
}

#[rstest]
#[case::nothing_of_a_database("env: [{name: PORT, value: '80'}]")]
#[case::name_of_a_database("env: [{name: CACHE_DB, value: '0'}, {name: DATABASE, value: postgres}]")]
#[case::another_kind("env: [{name: APP_DATASTORE_URI, value: ''}, {name: APP_DATASTORE_ENGINE, value: mysql8}]")]
#[case::another_database("env: [{name: DATABASE_URL, value: 'mysql://a@db/x'}]")]
#[case::another_database_by_its_neighbours(
    "env: [{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: x, key: y}}}, {name: DB_TYPE, value: mysql}]"
)]
fn no_client_is_seen(#[case] container: &str) {
    assert!(client_of(container, "", "").is_none());
}

#[rstest]
#[case::by_its_image("image: 'docker.io/library/postgres:17'", "", 0)]
#[case::by_its_port("ports: [{containerPort: 5432}]", "", 0)]
#[case::by_the_folder_of_its_data(
    "workingDir: /, env: [{name: PGDATA, value: /data}, {name: POSTGRES_PASSWORD, value: x}]",
    "",
    0
)]
#[case::by_the_service_before_it(
    "workingDir: /",
    "{apiVersion: v1, kind: Service, metadata: {name: pg}, spec: {selector: {app: pg}, ports: [{port: 5432}]}}",
    0
)]
#[case::a_pooler_behind_a_service(
    "image: example.org/pgbouncer",
    "{apiVersion: v1, kind: Service, metadata: {name: pg}, spec: {selector: {app: pg}, ports: [{port: 5432}]}}",
    1
)]
#[case::another_service(
    "workingDir: /",
    "{apiVersion: v1, kind: Service, metadata: {name: pg}, spec: {selector: {app: other}, ports: [{port: 5432}]}}",
    1
)]
#[case::neither("workingDir: /", "", 1)]
fn postgresql_itself_is_no_client(#[case] container: &str, #[case] more: &str, #[case] clients: usize) {
    let env = if container.contains("env:") { "" } else { ", env: [{name: POSTGRES_PASSWORD, value: x}]" };
    let server = format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: pg}}\nspec: {{template: {{metadata: {{labels: {{app: pg}}}}, spec: {{containers: [{{name: pg, {container}{env}}}]}}}}}}\n---\n{more}\n"
    );
    assert_eq!(graph_in(&server, &Surroundings::default()).database_clients().len(), clients);
}

#[rstest]
#[case::deployment("apps/v1", "Deployment", "spec: {template: {spec: SPEC}}")]
#[case::stateful_set("apps/v1", "StatefulSet", "spec: {template: {spec: SPEC}}")]
#[case::daemon_set("apps/v1", "DaemonSet", "spec: {template: {spec: SPEC}}")]
#[case::replica_set("apps/v1", "ReplicaSet", "spec: {template: {spec: SPEC}}")]
#[case::job("batch/v1", "Job", "spec: {template: {spec: SPEC}}")]
#[case::cron_job("batch/v1", "CronJob", "spec: {jobTemplate: {spec: {template: {spec: SPEC}}}}")]
#[case::pod("v1", "Pod", "spec: SPEC")]
#[case::declared("argoproj.io/v1alpha1", "Rollout", "spec: {template: {spec: SPEC}}")]
fn every_pod_template_and_every_container_is_seen(#[case] version: &str, #[case] kind: &str, #[case] body: &str) {
    let spec = "{initContainers: [{name: first}, {name: beside, restartPolicy: Always}], containers: [{name: main}]}";
    let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n{}\n", body.replace("SPEC", spec));
    let surroundings =
        Surroundings { pod_templates: vec![("Rollout".into(), "spec.template".into())], ..Surroundings::default() };
    let graph = graph_in(&text, &surroundings);
    let seen: Vec<_> = graph.containers().map(|container| (container.name().to_owned(), container.role())).collect();
    let expected = [("first", Role::Init), ("beside", Role::Sidecar), ("main", Role::Main)];
    assert_eq!(seen, expected.map(|(name, role)| (name.to_owned(), role)));
}

const CA_ENV: &str = "{name: PGHOST, value: db}, {name: PGSSLROOTCERT, value: /etc/ca/ca.crt}";

#[rstest]
#[case::whole_secret(
    "{name: v, mountPath: /etc/ca}",
    "{name: v, secret: {secretName: db-ca}}",
    "file secret/db-ca[ca.crt]"
)]
#[case::items(
    "{name: v, mountPath: /etc/ca/}",
    "{name: v, secret: {secretName: s, items: [{key: root.pem, path: ca.crt}]}}",
    "file secret/s[root.pem]"
)]
#[case::projected(
    "{name: v, mountPath: /etc/ca}",
    "{name: v, projected: {sources: [{configMap: {name: m, items: [{key: a, path: b}]}}, {secret: {name: s, items: [{key: c, path: ca.crt}]}}]}}",
    "file secret/s[c]"
)]
#[case::sub_path(
    "{name: v, mountPath: /etc/ca/ca.crt, subPath: ca.crt}",
    "{name: v, secret: {secretName: db-ca}}",
    "file secret/db-ca[ca.crt]"
)]
#[case::nested_mount_wins(
    "{name: o, mountPath: /etc}, {name: v, mountPath: /etc/ca}",
    "{name: o, emptyDir: {}}, {name: v, secret: {secretName: db-ca}}",
    "file secret/db-ca[ca.crt]"
)]
#[case::config_map(
    "{name: v, mountPath: /etc/ca}",
    "{name: v, configMap: {name: trust}}",
    "file configmap/trust[ca.crt]"
)]
#[case::another_file(
    "{name: v, mountPath: /etc/ca}",
    "{name: v, secret: {secretName: s, items: [{key: ca.crt, path: root.crt}]}}",
    "no such file in s"
)]
#[case::copy("{name: v, mountPath: /etc/ca}", "{name: v, emptyDir: {}}", "copy")]
#[case::image("{name: v, mountPath: /srv}", "{name: v, emptyDir: {}}", "image")]
fn the_provider_of_the_ca_is_followed_through_mounts(#[case] mounts: &str, #[case] volumes: &str, #[case] told: &str) {
    let client = client_of(&format!("env: [{CA_ENV}], volumeMounts: [{mounts}]"), volumes, "").unwrap();
    let ca = client.ca().unwrap();
    let seen = match &ca.provider {
        CaProvider::File(key) => format!("file {key}"),
        CaProvider::NoSuchFile { name, .. } => format!("no such file in {name}"),
        CaProvider::Copy => "copy".into(),
        CaProvider::Image => "image".into(),
        other => format!("{other:?}"),
    };
    assert_eq!(seen, told);
}

#[test]
fn the_wiring_says_how_the_ca_is_mounted() {
    let volumes = "{name: v, secret: {secretName: db-ca, optional: true, defaultMode: 0444, items: [{key: ca.crt, path: ca.crt}]}}";
    let client = client_of(
        &format!("env: [{CA_ENV}], volumeMounts: [{{name: v, mountPath: /etc/ca, readOnly: true}}]"),
        volumes,
        "",
    );
    let client = client.unwrap();
    let ca = client.ca().unwrap();
    assert!(ca.read_only && ca.optional);
    assert_eq!(
        (ca.mode, ca.variable.as_deref(), ca.trust()),
        (Some(0o444), Some("PGSSLROOTCERT"), Some(("db-ca", "ca.crt")))
    );
}

#[rstest]
#[case::mount_that_nothing_names(
    "env: [{name: PGHOST, value: db}], volumeMounts: [{name: v, mountPath: /etc/ca}]",
    true
)]
#[case::certificate_in_a_variable(
    "env: [{name: PGHOST, value: db}, {name: PGSSLROOTCERT, valueFrom: {secretKeyRef: {name: db-ca, key: ca.crt}}}]",
    true
)]
#[case::none("env: [{name: PGHOST, value: db}]", false)]
fn a_ca_is_seen_also_where_it_is_wired_badly(#[case] container: &str, #[case] seen: bool) {
    let client = client_of(container, "{name: v, secret: {secretName: db-ca}}", "").unwrap();
    assert_eq!(client.ca().is_some(), seen, "{:?}", client.ca());
}

#[rstest]
#[case::release("own", Some("a"), "this release")]
#[case::missing_key("own", Some("b"), "without key, this release has a")]
#[case::operator("db-app", Some("uri"), "CloudNativePG, for cluster db")]
#[case::operator_without_that_key(
    "db-app",
    Some("url"),
    "without key, CloudNativePG, for cluster db has username,user,password,dbname,host,port,pgpass,uri,jdbc-uri,fqdn-uri,fqdn-jdbc-uri"
)]
#[case::external_secret("synced", Some("token"), "externalsecret/es")]
#[case::external_secret_without_that_key("synced", Some("other"), "without key, externalsecret/es has token")]
#[case::sealed("sealed", Some("x"), "sealedsecret/sealed")]
#[case::certificate("tls", Some("tls.crt"), "certificate/cert")]
#[case::declared("wildcard", None, "declared in the subject file")]
#[case::nobody("typo", None, "nobody")]
fn the_producer_of_a_secret_is_known(#[case] name: &str, #[case] key: Option<&str>, #[case] told: &str) {
    let key = key.map_or(String::new(), |key| format!(", items: [{{key: {key}, path: {key}}}]"));
    let more = "{apiVersion: v1, kind: Secret, metadata: {name: own}, data: {a: YQ==}}\n---\n{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: es}, spec: {target: {name: synced}, data: [{secretKey: token}]}}\n---\n{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: sealed}, spec: {encryptedData: {x: AgA}}}\n---\n{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: cert}, spec: {secretName: tls}}\n";
    let text = deployment("env: []", &format!("{{name: v, secret: {{secretName: {name}{key}}}}}"));
    let surroundings = Surroundings {
        clusters: vec![Cluster::named("db")],
        provided: vec!["secret/wildcard".into()],
        ..Surroundings::default()
    };
    let graph = graph_in(&format!("{text}---\n{more}"), &surroundings);
    let seen = match graph.producer(&graph.references()[0]) {
        Producer::Known(by) => by,
        Producer::WithoutKey { producer, keys } => format!("without key, {producer} has {}", keys.join(",")),
        Producer::Nobody => "nobody".into(),
    };
    assert_eq!(seen, told);
}

#[test]
fn a_place_names_object_container_and_field() {
    let client = with_env(OPERATOR_URI);
    assert_eq!(client.place().to_string(), "deployment/app, container main");
    let variable = client.container().variable("DATABASE_URL").unwrap();
    assert_eq!(variable.place().to_string(), "deployment/app, container main, spec.template.spec.containers[0].env[0]");
}
