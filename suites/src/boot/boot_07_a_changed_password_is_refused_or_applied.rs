//! BOOT-07: a changed password is refused or applied.
//!
//! A diagnostic tells people what happened, at night. A guard or a step that gives the role its new password lets it not
//! happen.

use harness::check::Check;
use harness::expectation::one_of;
use harness::feature::Feature;
use harness::record::{BEFORE, DURING, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::live::{self, control_rows, expect_outcome};
use super::outcome::{APPLIED, REFUSED, of};
use super::{plan, server};

/// A changed password is refused or applied.
pub const BOOT_07: Requirement = Requirement {
    id: "BOOT-07",
    title: "A changed password is refused or applied",
    level: Level::Should,
    source: "S4: first-boot trap",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[Experiment::ChangeFirstPassword],
    decisive: &[Lane::Live],
    remedy: "compare with the Secret that is there and fail, or run ALTER ROLE over the local socket when PostgreSQL starts",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let Some(server) = server(subject, plan, check) else { return };
    let outcome = of(subject, plan, check);
    check.expect(server, "a changed password on a volume with data", &outcome, one_of(&[REFUSED, APPLIED]));
}

fn live(records: &Records, check: &mut Check) {
    let Some(change) = records.of(Experiment::ChangeFirstPassword) else { return };
    control_rows(change.at(BEFORE), check);
    let allowed = [live::REFUSED, live::APPLIED];
    expect_outcome(change, DURING, "another password on a volume with data", &allowed, check);
}
