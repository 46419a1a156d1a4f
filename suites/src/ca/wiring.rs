//! How the CA reaches a client, in the words of findings.

use harness::check::Check;
use harness::graph::{CaProvider, CaWiring, DatabaseClient, Fact, KeyRef, Mount, RefKind};
use harness::rendered::Rendered;

/// A client that is given a CA, and how.
pub(super) fn clients_with_ca(subject: &Rendered) -> impl Iterator<Item = (&DatabaseClient, &CaWiring)> {
    subject.database_clients().iter().filter_map(|client| Some((client, client.ca()?)))
}

/// Clients whose CA is handed to them, and is no file of their image.
pub(super) fn clients_given_a_ca(subject: &Rendered) -> impl Iterator<Item = (&DatabaseClient, &CaWiring)> {
    clients_with_ca(subject).filter(|(_, ca)| ca.provider != CaProvider::Image)
}

/// Whether a client trusts what its image's distribution trusts.
pub(super) fn is_system(ca: &CaWiring) -> bool {
    let path = ca.path.as_deref().unwrap_or_default();
    ca.provider == CaProvider::Image && (path.is_empty() || SYSTEM.iter().any(|folder| path.starts_with(folder)))
}

/// Says, where no client is given a CA, that there is nothing to judge.
pub(super) fn unless_given(subject: &Rendered, check: &mut Check) {
    if clients_with_ca(subject).all(|(_, ca)| is_system(ca)) {
        check.not_applicable("no client is given a CA: they trust what their image trusts");
    }
}

/// Where distributions keep the certificates that they trust.
const SYSTEM: &[&str] = &["/etc/ssl/certs/", "/etc/pki/", "/usr/"];

/// What provides the CA; two clients that trust the same have the same answer.
pub(super) fn provider(ca: &CaWiring) -> Fact<String> {
    Fact::Known(match &ca.provider {
        CaProvider::Unknown(hint) => return Fact::Unknown(hint.clone()),
        CaProvider::File(key) => key.to_string(),
        CaProvider::Environment(key) => format!("{key} in a variable"),
        CaProvider::Written(digest) => format!("the one that is written out in a variable, SHA-256 {digest:.12}"),
        CaProvider::NoSuchFile { kind, name } | CaProvider::MountOnly { kind, name } => {
            format!("{}/{name}, no key of it", kind.kind().to_lowercase())
        }
        CaProvider::Copy => "a copy in a volume".into(),
        CaProvider::Image => "a file that no volume provides".into(),
    })
}

/// The mount that holds the CA, if there is one.
pub(super) fn mount<'a>(client: &'a DatabaseClient, ca: &CaWiring) -> Option<&'a Mount> {
    client.container().mounts().iter().find(|mount| Some(&mount.path) == ca.mount_path.as_ref())
}

/// How a new content of the CA reaches a running process: [`IN_PLACE`], or why it does not.
pub(super) fn refresh(client: &DatabaseClient, ca: &CaWiring) -> Fact<String> {
    Fact::Known(match (&ca.provider, &ca.sub_path, mount(client, ca)) {
        (CaProvider::Unknown(hint), _, _) => return Fact::Unknown(hint.clone()),
        (CaProvider::Environment(key), _, _) => format!("{key} in a variable, which keeps the value of the start"),
        (CaProvider::Written(_), _, _) => "written out in a variable, which changes with the release".into(),
        (_, Some(sub_path), _) => format!("subPath {sub_path}, which keeps the file of the start"),
        (CaProvider::Copy, _, Some(mount)) if !mount.volume.is_writable_copy() => {
            return Fact::Unknown(format!(
                "whether the driver behind volume {} refreshes its files",
                mount.volume.name
            ));
        }
        (CaProvider::Copy, _, _) => "a copy in a volume, made when the pod started".into(),
        (CaProvider::Image, _, _) => "a file that no volume provides".into(),
        (CaProvider::File(_) | CaProvider::NoSuchFile { .. } | CaProvider::MountOnly { .. }, None, _) => {
            IN_PLACE.into()
        }
    })
}

/// What the kubelet refreshes: the whole volume, never one file of it.
pub(super) const IN_PLACE: &str = "a mounted folder";

/// The Secrets in which the clients' CA is: those that are wired, and the one that the values name.
pub(super) fn ca_secrets(subject: &Rendered) -> Vec<String> {
    let named = subject.subject().ca().and_then(|plan| subject.value_text(plan.name_value.as_deref()?));
    let wired = clients_with_ca(subject).filter_map(|(_, ca)| ca.secret());
    let mut secrets: Vec<String> = named.into_iter().chain(wired).map(str::to_owned).collect();
    secrets.sort();
    secrets.dedup();
    secrets
}

/// Whether a key is one of a Secret that holds a CA, and the clients read the CA from it.
pub(super) fn is_ca_key(subject: &Rendered, key: &KeyRef) -> bool {
    let trusts = |ca: &CaWiring| ca.trust() == Some((&key.name, &key.key));
    key.kind == RefKind::Secret && clients_with_ca(subject).any(|(_, ca)| trusts(ca))
}
