//! SYNC: something that copies the database's CA to where its clients read it.
//!
//! A CA that is published in one namespace and read in another has to be carried. Whatever carries it stands between
//! every client and every rotation: it must take the right thing, take it again when it changes, write it where nobody
//! overwrites it, and be able to do nothing else. That goes for whatever carries it, the one that a subject file names and
//! any other beside it.

mod flow;
mod given;
mod kubectl;
mod live;
mod rights;
mod sync_01_what_is_copied_verifies_every_endpoint;
mod sync_02_a_new_ca_is_copied_by_itself;
mod sync_03_what_is_written_is_one_whole_ca;
mod sync_04_nobody_else_writes_the_copy;
mod sync_05_the_copier_has_two_rights;
mod sync_06_no_private_key_is_copied;
mod sync_07_consumers_take_up_the_copy;
mod sync_08_the_copier_can_run_again;
mod taken;
#[cfg(test)]
mod tests;

pub use self::sync_01_what_is_copied_verifies_every_endpoint::SYNC_01;
pub use self::sync_02_a_new_ca_is_copied_by_itself::SYNC_02;
pub use self::sync_03_what_is_written_is_one_whole_ca::SYNC_03;
pub use self::sync_04_nobody_else_writes_the_copy::SYNC_04;
pub use self::sync_05_the_copier_has_two_rights::SYNC_05;
pub use self::sync_06_no_private_key_is_copied::SYNC_06;
pub use self::sync_07_consumers_take_up_the_copy::SYNC_07;
pub use self::sync_08_the_copier_can_run_again::SYNC_08;

use harness::check::Check;
use harness::finding::{Locate, Place};
use harness::graph::Workload;
use harness::rendered::Rendered;
use harness::subject::{CaSync, SyncedKey};

use self::kubectl::{Call, calls};

/// A workload that copies a CA, and what its scripts ask of the API server.
struct Copier<'a> {
    workload: &'a Workload,
    /// What the subject file says, if it is this one that it names.
    declared: Option<&'a CaSync>,
    /// What its scripts do; empty where a program of its own does it.
    calls: Vec<Call>,
}

impl Locate for Copier<'_> {
    fn place(&self) -> Place {
        self.workload.place()
    }
}

impl Copier<'_> {
    /// The Secrets that it writes, as far as the subject file and its scripts tell.
    fn targets(&self) -> Vec<String> {
        let declared = self.declared.map(|plan| plan.target.secret.clone());
        let written = self.calls.iter().filter(|call| call.writes()).filter_map(|call| call.name.clone());
        let mut found: Vec<String> = declared.into_iter().chain(written).collect();
        found.sort();
        found.dedup();
        found
    }

    /// What its scripts read.
    fn reads(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.reads())
    }

    /// The Secret that it copies from, where the subject file says so.
    fn source(&self) -> Option<&SyncedKey> {
        self.declared.and_then(|plan| plan.source.as_ref())
    }
}

/// What copies a CA: the workload that the subject file names, and all that are seen to. Where there is none, the check
/// learns what would tell.
fn copiers<'a>(subject: &'a Rendered, check: &mut Check) -> Vec<Copier<'a>> {
    let plan = subject.subject().database().ca_sync.as_ref();
    let store = subject.graph().store();
    let copier = |workload: &'a Workload| {
        let declared = plan.filter(|plan| plan.workload == workload.reference());
        (declared.is_some() || workload.syncs_a_ca(store)).then(|| {
            let all = workload.containers().iter().flat_map(|container| calls(container, subject));
            Copier { workload, declared, calls: all.collect() }
        })
    };
    let found: Vec<Copier> = subject.workloads().iter().filter_map(copier).collect();
    if found.is_empty() {
        let hint = "no Job and no CronJob is seen to copy a CA; name it under `database.caSync` in the subject file";
        check.undecided(Place::object("the copy of the CA"), "who makes it", hint);
    }
    found
}

/// What would tell where a program of its own does the work.
const OWN_PROGRAM: &str = "its scripts do not show it; a subject file may, under `database.caSync`, else a cluster";
