//! BOOT-01: a changed password does not pass silently.
//!
//! The upgrade is green, the pods are ready, and the database still has the old password: docker-library's image takes
//! one only on an empty volume. It shows at the next restart of a pod, weeks later, as 28P01. So a changed password is
//! refused, or applied, or at least people find out before the old pods are gone, and read what to do. Whether the log
//! says it in time is for the live lane.

use harness::check::Check;
use harness::expectation::{equal_to, one_of};
use harness::feature::Feature;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::outcome::{APPLIED, DOCUMENTED, REFUSED, of};
use super::{dialling, plan, server};
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
    experiments: &[],
    decisive: &[Lane::Live],
    remedy: "refuse another password, or give it to the role when PostgreSQL starts, or document 28P01 with both remedies and let the old pods serve on",
    rendered: Some(rendered),
    live: None,
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
