//! MIG: the Job that brings the schema up to date, and what it needs before it can.
//!
//! A migration runs before everything else of its release, so it finds a cluster in which nothing of that release is
//! there. What it needs has to come from elsewhere, in time and whole; where it does not, people have to read at once
//! what is missing, and nothing may have been done half.

mod attempt;
mod mig_01_the_job_takes_no_secret_of_its_own_release;
mod mig_02_every_prerequisite_is_there_before;
mod mig_03_a_hook_needs_nothing_that_comes_after_it;
mod mig_04_missing_prerequisites_are_named_at_once;
mod mig_05_an_installation_that_waits_comes_to_its_end;
mod mig_06_migrations_follow_a_rotation;
mod mig_07_migrations_have_a_role_of_their_own;
mod mig_08_prerequisites_stay_when_services_are_off;
mod mig_09_replicas_migrate_one_after_the_other;

pub use self::mig_01_the_job_takes_no_secret_of_its_own_release::MIG_01;
pub use self::mig_02_every_prerequisite_is_there_before::MIG_02;
pub use self::mig_03_a_hook_needs_nothing_that_comes_after_it::MIG_03;
pub use self::mig_04_missing_prerequisites_are_named_at_once::MIG_04;
pub use self::mig_05_an_installation_that_waits_comes_to_its_end::MIG_05;
pub use self::mig_06_migrations_follow_a_rotation::MIG_06;
pub use self::mig_07_migrations_have_a_role_of_their_own::MIG_07;
pub use self::mig_08_prerequisites_stay_when_services_are_off::MIG_08;
pub use self::mig_09_replicas_migrate_one_after_the_other::MIG_09;

use std::collections::BTreeSet;

use harness::check::Check;
use harness::finding::Place;
use harness::graph::cnpg::Cluster;
use harness::graph::{Container, DatabaseClient, RefKind, Reference, Use, Workload};
use harness::manifests::Object;
use harness::rendered::{Rendered, Rendering};
use serde_json::Value;

/// The Jobs that bring the schema up to date. Where none is seen, the check learns what would tell.
fn migrations<'a>(rendering: &'a Rendering, check: &mut Check) -> Vec<&'a Workload> {
    let found = jobs(rendering);
    if found.is_empty() {
        let hint = "no Job that dials the database has a migration in its name, image or command; if there is one, say so \
                    under `database.migrations` in the subject file";
        check.undecided(Place::object("the migration"), "which Job it is", hint);
    }
    found
}

fn jobs(rendering: &Rendering) -> Vec<&Workload> {
    let mut found: Vec<&Workload> = Vec::new();
    for client in rendering.database_clients().iter().filter(|client| client.workload().migrates()) {
        if found.iter().all(|known| known.reference() != client.workload().reference()) {
            found.push(client.workload());
        }
    }
    found
}

/// The containers of these Jobs that dial the database.
fn migrating(subject: &Rendered) -> impl Iterator<Item = &DatabaseClient> {
    subject.database_clients().iter().filter(|client| client.workload().migrates())
}

/// The containers that dial the database and stay.
fn staying(subject: &Rendered) -> impl Iterator<Item = &DatabaseClient> {
    subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end())
}

/// What a container says that waits for something.
const WAITS: &[&str] = &["wait", "until", "abort_if_pending", "pending"];

/// What a container is called, made of, and told to run, in small letters.
fn said_by(container: &Container) -> String {
    let words = container.words().into_iter().map(|(_, word)| word.to_string());
    let said: Vec<String> = words.chain([container.name().to_owned(), container.image().to_owned()]).collect();
    said.join(" ").to_lowercase()
}

/// Whether a container says that it waits.
fn waits(container: &Container) -> bool {
    let said = said_by(container);
    WAITS.iter().any(|word| said.contains(word))
}

/// The Secrets that a client takes a password from.
fn secrets_of(client: &DatabaseClient) -> BTreeSet<String> {
    client.passwords().map(|key| key.name.clone()).collect()
}

/// The Secrets that a Job takes credentials of the database from.
fn credentials_of(rendering: &Rendering, job: &Workload) -> BTreeSet<String> {
    let own = rendering.database_clients().iter().filter(|client| client.workload().reference() == job.reference());
    own.flat_map(secrets_of).collect()
}

/// What a Job refers to among Secrets, without those for pulling images.
fn secret_references(workload: &Workload) -> Vec<Reference> {
    let is_one = |one: &Reference| one.kind == RefKind::Secret && !matches!(one.usage, Use::ImagePull | Use::Store);
    workload.references().into_iter().filter(is_one).collect()
}

/// What makes a Secret, seen from a Job of the same subject.
enum Maker<'a> {
    /// The Job's own release makes it directly, among its ordinary objects or as a hook.
    Own,
    /// An object of its own or a later release, which a controller makes the Secret from.
    Later(&'a Object),
    /// Somebody else, or nobody.
    Elsewhere,
}

/// Who makes a Secret that a Job takes.
fn maker<'a>(subject: &'a Rendered, job: &Workload, secret: &str) -> Maker<'a> {
    let later = |object: &Object| subject.release_of(object) >= subject.release_of(job.object());
    for object in subject.manifests().objects().filter(|object| later(object)) {
        if object.kind() == "Secret" && object.name() == secret {
            return Maker::Own;
        }
        if object.hooks().is_empty() && makes(object, secret) {
            return Maker::Later(object);
        }
    }
    Maker::Elsewhere
}

/// Whether a controller makes a Secret of this name from an object.
fn makes(object: &Object, secret: &str) -> bool {
    let named = |path: &str| object.get(path).and_then(Value::as_str).unwrap_or_else(|| object.name()) == secret;
    match (object.kind(), object.group()) {
        ("ExternalSecret", _) => named("spec.target.name"),
        ("SealedSecret", _) => named("spec.template.metadata.name"),
        ("Certificate", "cert-manager.io") => object.get("spec.secretName").and_then(Value::as_str) == Some(secret),
        ("Cluster", "postgresql.cnpg.io") => {
            let mut known = Cluster::named(object.name());
            known.superuser = true;
            known.keys_of(secret).is_some()
        }
        _ => false,
    }
}

/// Whether a PostgreSQL that the release itself brings takes the Secret too: nobody could provide it any earlier.
fn is_of_a_bundled_database(rendering: &Rendering, secret: &str) -> bool {
    let is_server = |workload: &&Workload| {
        workload.object().kind() == "StatefulSet"
            && workload.containers().iter().any(|container| container.image().contains("postgres"))
    };
    let mut servers = rendering.workloads().iter().filter(is_server);
    servers.any(|server| secret_references(server).iter().any(|reference| reference.name == secret))
}
