//! POOL: how many sessions the clients take, and how long they keep them.

mod configuration;
mod pool_01_a_full_roll_fits_the_server;
mod pool_02_sessions_have_an_age_limit;
mod pool_03_a_pooler_recovers_from_a_rotation;
mod pool_04_a_pooler_is_verified_and_verifies;
mod server;
mod settings;
mod stated;
#[cfg(test)]
mod tests;
mod through;

pub use self::pool_01_a_full_roll_fits_the_server::POOL_01;
pub use self::pool_02_sessions_have_an_age_limit::POOL_02;
pub use self::pool_03_a_pooler_recovers_from_a_rotation::POOL_03;
pub use self::pool_04_a_pooler_is_verified_and_verifies::POOL_04;

use harness::check::Check;
use harness::finding::Place;
use harness::manifests::Object;
use harness::rendered::Rendered;

/// The poolers that the release and its companions declare.
fn declared_poolers(subject: &Rendered) -> Vec<&Object> {
    let all = subject.companions().of_kind("Pooler").chain(subject.manifests().of_kind("Pooler"));
    all.filter(|object| object.group() == "postgresql.cnpg.io").collect()
}

/// The same. Where there is none, the check learns what would tell.
fn poolers<'a>(subject: &'a Rendered, check: &mut Check) -> Vec<&'a Object> {
    let found = declared_poolers(subject);
    if found.is_empty() {
        let hint = "no Pooler of CloudNativePG is rendered; name its manifest under `companions` in the subject file";
        check.undecided(Place::object("the pooler"), "its settings", hint);
    }
    found
}
