//! BOOT-01: a changed password does not pass silently.
//!
//! The upgrade is green, the pods are ready, and the database still has the old password: docker-library's image takes
//! one only on an empty volume. It shows at the next restart of a pod, weeks later, as 28P01. So a changed password is
//! refused, or applied, or at least people find out before the old pods are gone, and read what to do. The live lane
//! restarts whoever dials, so that nothing stays green for weeks.

use harness::check::Check;
use harness::expectation::{equal_to, one_of};
use harness::feature::Feature;
use harness::finding::Place;
use harness::record::{BEFORE, DURING, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::live::{self, EXPLAINED, control_rows, expect_outcome};
use super::outcome::{APPLIED, DOCUMENTED, REFUSED, of};
use super::{dialling, plan, server};
use crate::clients::clients_of;
use crate::pods::{KEEPS_ALL, roll_of};

/// A changed password does not pass silently.
pub const BOOT_01: Requirement = Requirement {
    id: "BOOT-01",
    title: "A changed password does not pass silently",
    level: Level::Must,
    source: "S4: \"bound to pg_authid exactly once\", \"the ergonomic answer is the runtime diagnostic\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[Experiment::ChangeFirstPassword],
    decisive: &[Lane::Live],
    remedy: "refuse another password, or give it to the role when PostgreSQL starts, or document 28P01 with both remedies and let the old pods serve on",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let Some(server) = server(subject, plan, check) else { return };
    let outcome = of(subject, plan, check);
    check.expect(server, "a changed password on a volume with data", &outcome, one_of(&[REFUSED, APPLIED, DOCUMENTED]));
    if outcome == DOCUMENTED {
        for workload in dialling(subject) {
            check.expect(workload, "a roll that stalls for a wrong password", &roll_of(workload), equal_to(KEEPS_ALL));
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(change) = records.of(Experiment::ChangeFirstPassword) else { return };
    let (before, during) = (change.at(BEFORE), change.at(DURING));
    control_rows(before, check);
    let allowed = [live::REFUSED, live::APPLIED, EXPLAINED];
    let outcome = expect_outcome(change, DURING, "another password on a volume with data", &allowed, check);
    if outcome == EXPLAINED {
        let workloads = during.workloads();
        for workload in clients_of(change, check) {
            let pods = workloads.get(workload.as_str());
            // A new one that counts as ready without a session serves nobody.
            let serves = pods.is_some_and(|pods| pods.iter().any(|pod| pod.ready && before.pod(&pod.uid).is_some()));
            let state = if serves { "serve on" } else { "are gone or not ready" };
            check.expect(Place::object(&workload), "the pods of before, meanwhile", &state, equal_to("serve on"));
        }
    }
    for stored in &before.stored {
        let now = during.stored_of(&stored.release).and_then(|now| now.rows);
        check.expect(stored, "rows on its volume, afterwards", &now, equal_to(stored.rows));
    }
}
