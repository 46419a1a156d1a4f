//! OWN-04: nobody else rotates a managed role.
//!
//! A rotator that issues `ALTER ROLE` by itself works until CloudNativePG looks again: at the next restart or promotion
//! the operator sets what its Secret says, and every client that followed the rotator is locked out. Such outages lasted
//! for a day. So for each role of the operator, everything is looked for that would set its password past the Secret. The
//! live lane rotates by the Secret and has the operator look again: the primary is restarted, and hands over.

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
    revision: 2,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::RotatePassword, Experiment::RotateSwitchingOver],
    decisive: &[Lane::Rendered],
    remedy: "rotate by changing the Secret that the role names, and take the role away from the other rotator",
    rendered: Some(rendered),
    live: Some(live),
};

/// Kinds whose controllers issue `ALTER ROLE` or `CREATE ROLE`, with their API groups.
const ROTATORS: &[(&str, &str)] = &[
    ("VaultDynamicSecret", "secrets.hashicorp.com"),
    ("VaultDynamicSecret", "generators.external-secrets.io"),
    ("DatabaseSecretEngineStaticRole", "redhatcop.redhat.io"),
    ("DatabaseSecretEngineRole", "redhatcop.redhat.io"),
    ("PostgresRole", "engine.kubevault.com"),
    ("PostgresUser", "db.movetokube.com"),
    ("Role", "postgresql.sql.crossplane.io"),
    ("Role", "postgresql.sql.m.crossplane.io"),
];

fn rendered(subject: &Rendered, check: &mut Check) {
    clusters(subject, check, "the roles of the Cluster");
    let roles = roles(subject);
    let objects: Vec<&Object> = subject.companions().objects().chain(subject.manifests().objects()).collect();
    for role in &roles {
        let rotators = objects.iter().filter(|object| rotates(object, role)).map(|object| object.place().to_string());
        let rotators: Vec<String> = rotators.collect();
        check.expect(role, format!("others that set the password of role {}", role.name), &rotators[..], empty());
    }
    for object in objects.iter().filter(|object| is_rotator(object)) {
        if !roles.iter().any(|role| rotates(object, role)) {
            let hint = "which roles it alters stands where its controller keeps its configuration; read it there";
            check.undecided(*object, "the roles whose password it sets", hint);
        }
    }
}

fn is_rotator(object: &Object) -> bool {
    ROTATORS.contains(&(object.kind(), object.group()))
}

/// Whether an object sets the password of a role: a rotator that names it, or anything that holds the statement.
fn rotates(object: &Object, role: &DeclaredRole) -> bool {
    // What the operator itself is told is the other half of the role, not a rival.
    if object.group() == "postgresql.cnpg.io" {
        return false;
    }
    let named = if is_rotator(object) { names } else { alters };
    any_text(object.value(), &|text| named(text, &role.name))
}

/// The role as a word of a path, `database/static-creds/keycloak`.
fn names(text: &str, role: &str) -> bool {
    text.split('/').any(|part| part == role)
}

/// The statement, as commands and ConfigMaps hold it.
fn alters(text: &str, role: &str) -> bool {
    let words: Vec<&str> = text.split(|character: char| character.is_whitespace() || character == ';').collect();
    words.iter().enumerate().any(|(at, word)| {
        let is = |offset: usize, expected: &[&str]| {
            words.get(at + offset).is_some_and(|word| expected.iter().any(|one| word.eq_ignore_ascii_case(one)))
        };
        let begins = word.to_ascii_uppercase().ends_with("ALTER") && is(1, &["ROLE", "USER"]);
        let of_role = words.get(at + 2).is_some_and(|word| word.trim_matches(['"', '\'', '\\']) == role);
        begins && of_role && (3..8).any(|offset| is(offset, &["PASSWORD"]))
    })
}

fn any_text(value: &Value, test: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => test(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, test)),
        Value::Object(map) => map.values().any(|item| any_text(item, test)),
        _ => false,
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

    use super::{BEFORE, Experiment, NEW_CREDENTIAL, OWN_04, alters};
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
    #[case::a_script(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {rotate.sql: \"alter role shop with password 'x'\"}}",
        Violated
    )]
    fn a_role_is_also_set_by(#[case] other: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&OWN_04, &format!("{CLUSTER}{other}")), verdict);
    }

    #[rstest]
    #[case::in_a_command("psql -c \"ALTER ROLE shop PASSWORD '$NEW'\"", true)]
    #[case::quoted("ALTER USER \"shop\" WITH LOGIN PASSWORD 'x';", true)]
    #[case::of_another_role("ALTER ROLE shopper PASSWORD 'x'", false)]
    #[case::another_attribute("ALTER ROLE shop SET search_path = x", false)]
    fn a_text_alters_a_password(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(alters(text, "shop"), expected);
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
