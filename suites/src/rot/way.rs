//! On which way a new password comes to a running client.

use harness::check::Check;
use harness::graph::{DatabaseClient, Fact, KeyRef, RefKind};
use harness::rendered::Rendered;

use crate::trigger::{by_itself, restart};

/// The long-lived clients of the database, with each key of a Secret that holds their password.
pub(super) fn given_a_password(subject: &Rendered) -> impl Iterator<Item = (&DatabaseClient, &KeyRef)> {
    // What runs to an end reads the password when it starts the next time.
    let long_lived = subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end());
    long_lived.flat_map(|client| client.passwords().map(move |key| (client, key)))
}

/// The way, also one that people have to go.
pub(super) fn way(subject: &Rendered, client: &DatabaseClient, key: &KeyRef, check: &mut Check) -> Fact<String> {
    resolve(subject, client, key, restart(subject, client.workload(), &key.name, check))
}

/// The way that nobody has to go.
pub(super) fn way_without_people(
    subject: &Rendered,
    client: &DatabaseClient,
    key: &KeyRef,
    check: &mut Check,
) -> Fact<String> {
    resolve(subject, client, key, by_itself(subject, client.workload(), &key.name, check).map(Fact::Known))
}

fn resolve(subject: &Rendered, client: &DatabaseClient, key: &KeyRef, restart: Option<Fact<String>>) -> Fact<String> {
    if let Some(restart) = restart {
        return restart;
    }
    let in_a_variable = client.container().env().iter().any(|variable| variable.key() == Some(key));
    if in_a_variable {
        return Fact::Known("none: a variable keeps the value of the start, and nothing restarts the pods".into());
    }
    let mount = client
        .container()
        .mounts()
        .iter()
        .find(|mount| mount.volume.keys().any(|(kind, name)| kind == RefKind::Secret && name == key.name));
    match mount {
        Some(mount) if mount.sub_path.is_some() => Fact::Known(
            "none: a file that is mounted by subPath is never refreshed, and nothing restarts the pods".into(),
        ),
        Some(_) if !subject.subject().is_declared() => {
            Fact::Unknown("claim `password.rotation` in the subject file if the application reads the file anew".into())
        }
        Some(_) => Fact::Known("a mounted folder, which the application reads anew".into()),
        None => Fact::Unknown("how the credential comes into the container".into()),
    }
}
