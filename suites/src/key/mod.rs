//! KEY: how clients of the application identify themselves, and how such a key is replaced.
//!
//! A list of keys is what makes a rotation without an outage possible: for a while both are valid. Each link of that can
//! break by itself: the list on its way to the server, the roll that carries it there, the command that people type.

mod key_01_the_server_accepts_a_list;
mod key_02_no_client_with_a_listed_key_is_refused;
mod key_03_a_removed_key_is_refused_everywhere;
mod key_04_the_documented_rotation_works;
mod key_05_an_empty_list_fails_closed;
mod key_06_keys_come_from_a_secret;
mod live;
#[cfg(test)]
mod tests;

pub use self::key_01_the_server_accepts_a_list::KEY_01;
pub use self::key_02_no_client_with_a_listed_key_is_refused::KEY_02;
pub use self::key_03_a_removed_key_is_refused_everywhere::KEY_03;
pub use self::key_04_the_documented_rotation_works::KEY_04;
pub use self::key_05_an_empty_list_fails_closed::KEY_05;
pub use self::key_06_keys_come_from_a_secret::KEY_06;

use harness::check::Check;
use harness::finding::Place;
use harness::graph::{KeyRef, RefKind, Reference, Workload};
use harness::rendered::{Rendered, Rendering};
use harness::subject::ApiKeys;

use crate::pods;

/// Keys that nobody uses, and that no text contains by chance.
const FIRST: &str = "holdfast-key-one-4f1d9a";
const SECOND: &str = "holdfast-key-two-8c27be";

/// What the subject says of its keys. Where it says nothing, the check learns what would tell.
fn plan<'a>(subject: &'a Rendered, check: &mut Check) -> Option<&'a ApiKeys> {
    let plan = subject.subject().file().api_keys.as_ref();
    if plan.is_none() {
        let hint = "the subject claims api-keys and does not say where they are; write `apiKeys` in the subject file";
        check.undecided(Place::object("the API keys"), "where they are", hint);
    }
    plan
}

/// The list as the server finds it, `None` where the release does not make that Secret.
fn written(rendering: &Rendering, plan: &ApiKeys) -> Option<String> {
    rendering.graph().store().content(&the_key(plan)).known().map(str::to_owned)
}

/// The keys in that list, for a server that drops blanks and empty entries.
fn listed(rendering: &Rendering, plan: &ApiKeys) -> Option<Vec<String>> {
    Some(written(rendering, plan)?.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect())
}

fn the_key(plan: &ApiKeys) -> KeyRef {
    KeyRef { kind: RefKind::Secret, name: plan.secret.clone(), key: plan.key.clone() }
}

/// The workloads that ask for a key.
fn servers<'a>(rendering: &'a Rendering, plan: &ApiKeys, check: &mut Check) -> Vec<&'a Workload> {
    let found = pods::behind(rendering, &plan.service);
    if found.is_empty() {
        let hint = "no workload is behind it; correct `apiKeys.service` in the subject file";
        check.undecided(Place::object(format!("service/{}", plan.service)), "who asks for a key", hint);
    }
    found
}

/// Whether a reference brings the list into a pod.
fn brings_the_list(reference: &Reference, plan: &ApiKeys) -> bool {
    reference.kind == RefKind::Secret
        && reference.name == plan.secret
        && reference.key.as_ref().is_none_or(|key| *key == plan.key)
}
