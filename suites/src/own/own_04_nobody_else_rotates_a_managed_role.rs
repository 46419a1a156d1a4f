//! OWN-04: nobody else rotates a managed role.
//!
//! A rotator that issues `ALTER ROLE` by itself works until CloudNativePG looks again: at the next restart or promotion
//! the operator sets what its Secret says, and every client that followed the rotator is locked out. Such outages lasted
//! for a day. So for each role of the operator, everything is looked for that would set its password past the Secret: the
//! objects of rotators, paths under which Vault hands out credentials of a database, and statements in scripts. Where one
//! of them does not tell whose password it sets, that stays open. The live lane rotates by the Secret and has the operator
//! look again: the primary is restarted, and hands over.

use harness::check::Check;
use harness::expectation::empty;
use harness::experiment::NEW_CREDENTIAL;
use harness::feature::Feature;
use harness::finding::{Locate as _, Place};
use harness::graph::DeclaredRole;
use harness::manifests::Object;
use harness::record::{BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::{statement, vault};
use crate::logins::expect_accepted;
use crate::roles::roles;
use crate::tls::cluster::clusters;

/// Nobody else rotates a managed role.
pub const OWN_04: Requirement = Requirement {
    id: "OWN-04",
    title: "Nobody but CloudNativePG sets the password of a role that it manages",
    level: Level::Must,
    source: "S1: \"Vault does not directly manage Postgres roles\"",
    since: "1.0",
    revision: 3,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::RotatePassword, Experiment::RotateSwitchingOver],
    decisive: &[Lane::Rendered],
    remedy: "rotate by changing the Secret that the role names, and take the role away from the other rotator",
    rendered: Some(rendered),
    live: Some(live),
};

/// Where an object of a rotator says whose password it sets.
enum Says {
    /// By a path of Vault, in `spec.mount` and `spec.path`.
    ByPath,
    /// By its own name.
    ByItsName,
    /// In one field, which holds the role itself.
    Role(&'static str),
    /// In one field, which holds a name of its controller's.
    Entry(&'static str),
    /// Somewhere.
    Anywhere,
}

/// Kinds whose controllers issue `ALTER ROLE` or `CREATE ROLE`, with their API groups.
const ROTATORS: &[(&str, &str, Says)] = &[
    ("VaultDynamicSecret", "secrets.hashicorp.com", Says::ByPath),
    ("VaultDynamicSecret", "generators.external-secrets.io", Says::ByPath),
    ("DatabaseSecretEngineStaticRole", "redhatcop.redhat.io", Says::Role("spec.username")),
    ("DatabaseSecretEngineRole", "redhatcop.redhat.io", Says::Anywhere),
    ("PostgresRole", "engine.kubevault.com", Says::Anywhere),
    ("PostgresUser", "db.movetokube.com", Says::Entry("spec.role")),
    ("Role", "postgresql.sql.crossplane.io", Says::ByItsName),
    ("Role", "postgresql.sql.m.crossplane.io", Says::ByItsName),
];

/// Whose password something sets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    /// That of the role of this name.
    Role(String),
    /// That of a role which by custom has this name; another one is possible.
    Entry(String),
    /// Nobody knows here; the text says what would tell.
    Open(&'static str),
}

fn rendered(subject: &Rendered, check: &mut Check) {
    clusters(subject, check, "the roles of the Cluster");
    let roles = roles(subject);
    let objects = subject.companions().objects().chain(subject.manifests().objects());
    let all: Vec<(&Object, Vec<Whose>)> = objects.map(|object| (object, sets_the_password_of(object))).collect();
    for role in &roles {
        let rotators = all.iter().filter(|(_, whose)| whose.iter().any(|one| names(one, role)));
        let rotators: Vec<String> = rotators.map(|(object, _)| object.place().to_string()).collect();
        check.expect(role, format!("others that set the password of role {}", role.name), &rotators[..], empty());
    }
    for (object, whose) in &all {
        let open = whose.iter().find_map(|one| if let Whose::Open(hint) = one { Some(*hint) } else { None });
        let is_entry = whose.iter().any(|one| matches!(one, Whose::Entry(_)));
        let is_known = whose.iter().any(|one| roles.iter().any(|role| names(one, role)));
        if let Some(hint) = open.or((is_entry && !is_known).then_some(OF_ITS_CONTROLLER)) {
            check.undecided(*object, "the roles whose password it sets", hint);
        }
    }
}

const OF_ITS_CONTROLLER: &str =
    "which roles it alters stands where its controller keeps its configuration; read it there";
const OF_A_STATEMENT: &str =
    "its statement gets the name of the role when it is run; write the name into the statement";
const OF_A_MOUNT: &str = "whether its mount in Vault is of a database, its name does not say; read it there";

fn names(whose: &Whose, role: &DeclaredRole) -> bool {
    matches!(whose, Whose::Role(name) | Whose::Entry(name) if *name == role.name)
}

/// Whose passwords an object sets: a rotator, or anything that holds a path of Vault or the statement.
fn sets_the_password_of(object: &Object) -> Vec<Whose> {
    // What the operator itself is told is the other half of the role, not a rival.
    if object.group() == "postgresql.cnpg.io" {
        return Vec::new();
    }
    let kind = ROTATORS.iter().find(|(kind, group, _)| (*kind, *group) == (object.kind(), object.group()));
    if let Some((_, _, says)) = kind {
        return rotated(object, says);
    }
    texts(object).flat_map(|text| of_vault(text).chain(of_statements(text))).collect()
}

fn rotated(object: &Object, says: &Says) -> Vec<Whose> {
    let text = |path: &str| object.get(path).and_then(Value::as_str);
    let or_open = |whose: Option<Whose>| vec![whose.unwrap_or(Whose::Open(OF_ITS_CONTROLLER))];
    match says {
        Says::ByPath => {
            let parts = [text("spec.mount"), text("spec.path")].into_iter().flatten();
            let path = parts.map(|part| part.trim_matches('/')).collect::<Vec<_>>().join("/");
            let found: Vec<Whose> = of_vault(&path).collect();
            let mount: Vec<&str> = path.split('/').take(1).collect();
            // Another path of a database is one that is not known here; another path of anything else is none.
            let is_another = vault::credentials_in(&path).is_empty() && vault::is_of_a_database(&mount) == Some(true);
            if path.is_empty() || is_another { or_open(None) } else { found }
        }
        Says::ByItsName => {
            let name = object.annotation("crossplane.io/external-name").unwrap_or(object.name());
            vec![Whose::Role(name.to_owned())]
        }
        Says::Role(field) => or_open(text(field).map(|role| Whose::Role(role.to_owned()))),
        Says::Entry(field) => or_open(text(field).map(|role| Whose::Entry(role.to_owned()))),
        Says::Anywhere => {
            let spec = object.get("spec").map(texts_in).unwrap_or_default();
            let parts = spec.into_iter().flat_map(|text| text.split('/'));
            let found: Vec<Whose> = parts.map(|part| Whose::Entry(part.to_owned())).collect();
            if found.is_empty() { or_open(None) } else { found }
        }
    }
}

fn of_vault(text: &str) -> impl Iterator<Item = Whose> + use<> {
    vault::credentials_in(text).into_iter().filter_map(|credential| match credential.is_of_a_database {
        Some(true) => Some(Whose::Entry(credential.entry)),
        Some(false) => None,
        None => Some(Whose::Open(OF_A_MOUNT)),
    })
}

fn of_statements(text: &str) -> impl Iterator<Item = Whose> + use<> {
    statement::sets_the_password_of(text).into_iter().map(|whose| match whose {
        statement::Whose::Role(role) => Whose::Role(role),
        statement::Whose::Open => Whose::Open(OF_A_STATEMENT),
    })
}

/// What an object says, without its own name and labels, which are nobody's instructions.
fn texts(object: &Object) -> impl Iterator<Item = &str> {
    let fields = object.value().as_object().into_iter().flatten().filter(|(field, _)| *field != "metadata");
    let annotations = object.get("metadata.annotations").into_iter();
    fields.map(|(_, value)| value).chain(annotations).flat_map(texts_in)
}

fn texts_in(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts_in).collect(),
        Value::Object(map) => map.values().flat_map(texts_in).collect(),
        _ => Vec::new(),
    }
}

fn live(records: &Records, check: &mut Check) {
    for rotation in records.all_of(OWN_04.experiments) {
        for seen in rotation.snapshots.iter().filter(|seen| seen.moment != BEFORE) {
            let place =
                Place::object("the database").field(format!("experiment {}, {}", rotation.experiment, seen.moment));
            expect_accepted(check, place, "a login with the value of the Secret", seen, NEW_CREDENTIAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::RESTARTED;
    use harness::probe::Login;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::{BEFORE, Experiment, NEW_CREDENTIAL, OWN_04};
    use crate::testing::{judge_live, judge_manifests, moment, record};

    const CLUSTER: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {managed: {roles: [{name: shop, passwordSecret: {name: shop-auth}}]}}}\n---\n";

    #[rstest]
    #[case::nobody("{apiVersion: v1, kind: Namespace, metadata: {name: a}}", Holds)]
    #[case::vault(
        "{apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultDynamicSecret, metadata: {name: v}, spec: {mount: database, path: static-creds/shop}}",
        Violated
    )]
    #[case::vault_with_a_name_of_its_own(
        "{apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultDynamicSecret, metadata: {name: v}, spec: {mount: database, path: creds/readers}}",
        Unchecked
    )]
    #[case::vault_for_a_cloud(
        "{apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultDynamicSecret, metadata: {name: shop, labels: {app: shop}}, spec: {mount: aws, path: creds/shop, destination: {name: shop}}}",
        Holds
    )]
    #[case::vault_for_certificates(
        "{apiVersion: generators.external-secrets.io/v1alpha1, kind: VaultDynamicSecret, metadata: {name: shop}, spec: {path: /pki/issue/shop}}",
        Holds
    )]
    #[case::vault_by_a_generator(
        "{apiVersion: generators.external-secrets.io/v1alpha1, kind: VaultDynamicSecret, metadata: {name: v}, spec: {path: /database/creds/shop}}",
        Violated
    )]
    #[case::vault_by_a_mount_that_may_be_any(
        "{apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultDynamicSecret, metadata: {name: v}, spec: {mount: prod, path: static-creds/shop}}",
        Unchecked
    )]
    #[case::vaults_agent(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {metadata: {annotations: {vault.hashicorp.com/agent-inject-secret-db: database/static-creds/shop}}, spec: {containers: []}}}}",
        Violated
    )]
    #[case::vaults_agent_for_another_role(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {metadata: {annotations: {vault.hashicorp.com/agent-inject-secret-db: database/creds/readers}}, spec: {containers: []}}}}",
        Unchecked
    )]
    #[case::vaults_agent_for_a_cloud(
        "{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {vault.hashicorp.com/agent-inject-secret-db: aws/creds/shop}}, spec: {containers: []}}",
        Holds
    )]
    #[case::a_store(
        "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {data: [{secretKey: a, remoteRef: {key: database/static-creds/shop}}]}}",
        Violated
    )]
    #[case::another_operator(
        "{apiVersion: postgresql.sql.crossplane.io/v1alpha1, kind: Role, metadata: {name: shop}, spec: {forProvider: {}}}",
        Violated
    )]
    #[case::another_operator_for_another_role(
        "{apiVersion: postgresql.sql.crossplane.io/v1alpha1, kind: Role, metadata: {name: readers, labels: {app: shop}}, spec: {forProvider: {}}}",
        Holds
    )]
    #[case::an_entry_of_its_own(
        "{apiVersion: redhatcop.redhat.io/v1alpha1, kind: DatabaseSecretEngineStaticRole, metadata: {name: shop}, spec: {path: database, username: readers}}",
        Holds
    )]
    #[case::a_script(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {rotate.sql: \"alter role shop with password 'x'\"}}",
        Violated
    )]
    #[case::a_script_for_another_role(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {rotate.sql: \"alter role shopper with password 'x'\"}}",
        Holds
    )]
    #[case::a_script_that_is_told_the_role(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {rotate.sh: \"psql -c \\\"ALTER ROLE ${DB_USER} WITH PASSWORD '$NEW'\\\"\"}}",
        Unchecked
    )]
    fn a_role_is_also_set_by(#[case] other: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&OWN_04, &format!("{CLUSTER}{other}")), verdict);
    }

    #[rstest]
    #[case::still_what_the_secret_says(Login::Accepted, Holds)]
    #[case::set_by_somebody_else(Login::Refused { sqlstate: "28P01".into() }, Violated)]
    fn after_a_restart_of_the_primary_a_role_is(#[case] login: Login, #[case] verdict: Verdict) {
        let mut seen = moment(RESTARTED, 30, []);
        seen.tried.insert(NEW_CREDENTIAL.into(), login);
        let rotation = record(Experiment::RotatePassword, [moment(BEFORE, 0, []), seen]);
        assert_eq!(judge_live(&OWN_04, [rotation]), verdict);
    }
}
