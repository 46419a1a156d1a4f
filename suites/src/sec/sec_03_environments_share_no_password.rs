//! SEC-03: environments share no password.
//!
//! A password that staging and production share is production's password on every developer's desk. It gets there by a
//! file of values that both read. So what each overlay renders is compared with what the others render, and which entries
//! of a store it reads with which they read; whether two environments have one store no manifest tells.

use std::collections::BTreeMap;

use harness::check::Check;
use harness::expectation::empty;
use harness::finding::Place;
use harness::graph::DatabaseClient;
use harness::plaintext::is_password_name;
use harness::rendered::{Rendered, Rendering};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

/// Environments share no password.
pub const SEC_03: Requirement = Requirement {
    id: "SEC-03",
    title: "No two environments render the same password",
    level: Level::Must,
    source: "S1: \"Each environment (dev/staging/prod) has unique database credentials\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "take the password out of what the environments share, and let each make its own",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let stubs: Vec<&str> = subject.subject().stubs().values().filter_map(Value::as_str).collect();
    let (own, own_entries) = (passwords(subject.rendering(), &stubs), entries(subject.rendering()));
    let others = subject.siblings(check);
    for (name, other) in &others {
        let at = Place::object(format!("overlay {}", subject.overlay().name));
        let (theirs, their_entries) = (passwords(other, &stubs), entries(other));
        if !own.is_empty() && !theirs.is_empty() {
            check.expect(
                &at,
                format!("passwords that overlay {name} renders too"),
                &shared(&own, &theirs)[..],
                empty(),
            );
        }
        if own_entries.is_empty() || their_entries.is_empty() {
            continue;
        }
        let both = shared(&own_entries, &their_entries);
        let what = format!("passwords that overlay {name} reads from the same entry of a store");
        if both.is_empty() {
            check.expect(at, what, &both[..], empty());
        } else {
            let hint = "whether both stores are one nobody sees here; put the environment into the name of the entry";
            check.undecided(at, what, format!("{}: {hint}", both.join(", ")));
        }
    }
    if others.is_empty() {
        check.not_applicable("the subject has one overlay");
    } else {
        check.not_applicable(
            "no two overlays render a password or read one from a store; stubs stand in for what is of one",
        );
    }
}

/// Who holds in one environment what another one has too.
fn shared(own: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> Vec<String> {
    own.iter().filter(|(held, _)| theirs.contains_key(*held)).map(|(_, holder)| holder.clone()).collect()
}

/// The entries of stores that ExternalSecrets read passwords from, `ClusterSecretStore/vault shop/db[password]`, with
/// who reads them.
fn entries(rendering: &Rendering) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for object in rendering.manifests().of_kind("ExternalSecret") {
        let target = object.get("spec.target.name").and_then(Value::as_str).unwrap_or(object.name());
        let is_read = |key: Option<&str>| {
            let mut keys = rendering.database_clients().iter().flat_map(DatabaseClient::passwords);
            keys.any(|read| read.name == target && key.is_none_or(|key| read.key == key))
        };
        let listed = |path: &str| object.get(path).and_then(Value::as_array).into_iter().flatten();
        let data = listed("spec.data").filter(|entry| {
            let key = text(entry, "/secretKey");
            key.is_some_and(|key| is_password_name(key) || is_read(Some(key)))
        });
        let whole = listed("spec.dataFrom").filter(|_| is_read(None));
        for (entry, remote) in data.map(|one| (one, "/remoteRef")).chain(whole.map(|one| (one, "/extract"))) {
            let Some(key) = text(entry, &format!("{remote}/key")) else { continue };
            let own = entry.pointer("/sourceRef/storeRef").or_else(|| object.get("spec.secretStoreRef"));
            let store = |field: &str| own.and_then(|own| own.get(field)?.as_str());
            let (kind, store) = (store("kind").unwrap_or("SecretStore"), store("name").unwrap_or_default());
            let property = text(entry, &format!("{remote}/property")).unwrap_or_default();
            found.insert(format!("{kind}/{store} {key}[{property}]"), format!("{} ({key})", object.reference()));
        }
    }
    found
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// Values with who holds them. A stub stands in for what each environment has of its own, and an id opens nothing.
fn passwords(rendering: &Rendering, stubs: &[&str]) -> BTreeMap<String, String> {
    let found = rendering.credentials().into_iter().filter(|(_, value)| {
        let public = value.contains("BEGIN CERTIFICATE") && !value.contains("PRIVATE KEY");
        !public && !stubs.iter().any(|stub| value.contains(stub))
    });
    let found = found.filter(|(holder, _)| !is_an_id(holder));
    found.map(|(holder, value)| (value, holder)).collect()
}

/// Whether the key of a Secret holds the id of something, `secret/env[GITHUB_APP_ID]`.
fn is_an_id(holder: &str) -> bool {
    let key = holder.rsplit('[').next().unwrap_or_default().trim_end_matches(']');
    key.ends_with("Id") || key.to_lowercase().rsplit(['-', '_', '.']).next() == Some("id")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness::rendered::Rendered;
    use harness::subject::Subject;
    use rstest::rstest;

    use super::{entries, is_an_id};

    #[rstest]
    #[case::a_password("data: [{secretKey: password, remoteRef: {key: shop/db, property: p}}]", &["ClusterSecretStore/vault shop/db[p]"])]
    #[case::by_a_store_of_its_own(
        "data: [{secretKey: password, remoteRef: {key: db}, sourceRef: {storeRef: {name: own}}}]", &["SecretStore/own db[]"]
    )]
    #[case::what_a_client_logs_in_with("dataFrom: [{extract: {key: shop/db}}]", &["ClusterSecretStore/vault shop/db[]"])]
    #[case::no_password("data: [{secretKey: username, remoteRef: {key: shop/db}}]", &[])]
    fn an_external_secret_reads(#[case] spec: &str, #[case] expected: &[&str]) {
        let text = format!(
            "{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: db}}, spec: {{secretStoreRef: \
             {{name: vault, kind: ClusterSecretStore}}, {spec}}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: \
             {{name: a}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db}}, {{name: \
             PGPASSWORD, valueFrom: {{secretKeyRef: {{name: db, key: password}}}}}}]}}]}}}}}}}}"
        );
        let rendered = Rendered::of_manifests(Arc::new(Subject::of_manifests("test")), &text).unwrap();
        assert_eq!(entries(rendered.rendering()).into_keys().collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case::of_an_app("secret/env[GITHUB_APP_ID]", true)]
    #[case::in_camel_case("secret/env[clientId]", true)]
    #[case::a_word_that_ends_so("secret/env[GRID]", false)]
    #[case::a_password("secret/env[DB_PASSWORD]", false)]
    #[case::in_a_url("the password in secret/env[DATABASE_URL]", false)]
    fn an_id_is_no_password(#[case] holder: &str, #[case] expected: bool) {
        assert_eq!(is_an_id(holder), expected);
    }
}
