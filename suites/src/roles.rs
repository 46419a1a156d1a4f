//! What manifests and the subject file say together about roles, databases, and the Secrets of both.

use std::collections::{BTreeMap, BTreeSet};

use harness::finding::Locate as _;
use harness::graph::{DeclaredDatabase, DeclaredRole, RefKind};
use harness::rendered::Rendered;

/// The roles that the release and its companions declare.
pub(crate) fn roles(subject: &Rendered) -> Vec<DeclaredRole> {
    [subject.companions(), subject.manifests()].into_iter().flat_map(DeclaredRole::all).collect()
}

/// The databases that they declare.
pub(crate) fn databases(subject: &Rendered) -> Vec<DeclaredDatabase> {
    [subject.companions(), subject.manifests()].into_iter().flat_map(DeclaredDatabase::all).collect()
}

/// The Secrets that clients take credentials from, each with the workloads that do.
pub(crate) fn users(subject: &Rendered) -> BTreeMap<String, BTreeSet<String>> {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for client in subject.database_clients() {
        for key in client.credentials().iter().filter(|key| key.kind == RefKind::Secret) {
            users.entry(key.name.clone()).or_default().insert(client.place().object);
        }
    }
    users
}

/// Every Secret with a credential of the database that somebody declares or uses.
pub(crate) fn credential_secrets(subject: &Rendered) -> BTreeSet<String> {
    let declared = subject.subject().database().credentials.iter().map(|credential| credential.secret.clone());
    let of_roles = roles(subject).into_iter().filter_map(|role| role.secret);
    users(subject).into_keys().chain(declared).chain(of_roles).collect()
}
