//! BOOT-04: the documented remedy that keeps the data works.
//!
//! Three things have to agree in the end: the role, the Secret, and the processes that read it. A remedy that leaves one
//! of them out looks as if it had worked, until something restarts. The rendered lane sees whether it is complete; the
//! live lane loses the password, runs the commands as they are written, and counts the rows.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::feature::Feature;
use harness::finding::{Locate as _, Place};
use harness::graph::Workload;
use harness::record::{AFTER, BEFORE, DURING, Experiment, Records};
use harness::rendered::{Attempt, Change, Rendered};
use harness::requirement::{Lane, Level, Requirement};

use super::live::{control_lost, control_rows, expect_mended};
use super::{dialling, plan, remedy};

/// The documented remedy that keeps the data works.
pub const BOOT_04: Requirement = Requirement {
    id: "BOOT-04",
    title: "The documented remedy that keeps the data works",
    level: Level::Must,
    source: "S4: remediation steps",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[Experiment::MendKeepingData],
    decisive: &[Lane::Live],
    remedy: "document all three steps: ALTER ROLE over the local socket, helm upgrade with the same password, restart of whoever dials",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let heading = plan.remedy_keeping_data.as_deref();
    let Some(remedy) = remedy(subject, heading, "the documented remedy", check) else { return };
    let text = remedy.text().to_uppercase();
    let alters = (text.contains("ALTER ROLE") || text.contains("ALTER USER")) && text.contains("PASSWORD");
    check.expect(&remedy.place, "step that changes the role", &state(alters), equal_to(THERE));
    let value = plan.password_value.as_deref().unwrap_or_default();
    check.expect(
        &remedy.place,
        "step that changes the Secret",
        &state(remedy.has("helm", &["upgrade", value])),
        equal_to(THERE),
    );
    let changed = plan.password_value.as_deref().map(|path| Change::set(path, "holdfast-another-password-1"));
    let changed = changed.and_then(|change| subject.with(&change, check));
    for workload in dialling(subject) {
        let restarts = remedy.has("kubectl", &["restart", workload.object().name()]);
        let rolls = rolls_by_itself(workload, changed.as_ref());
        let how = if restarts || rolls { RESTARTED } else { "stays on the old password" };
        check.expect(workload, "who dials, after the remedy", &how, equal_to(RESTARTED));
    }
}

const THERE: &str = "there";
const RESTARTED: &str = "is restarted, by a step or by the upgrade";

fn state(there: bool) -> &'static str {
    if there { THERE } else { "missing" }
}

/// Whether another password changes the pod template, so that the upgrade rolls the pods.
fn rolls_by_itself(workload: &Workload, changed: Option<&Attempt>) -> bool {
    let rendering = changed.and_then(Attempt::rendering);
    let now = rendering
        .and_then(|rendering| rendering.workloads().iter().find(|one| one.place().object == workload.place().object));
    now.is_some_and(|now| now.template("metadata") != workload.template("metadata"))
}

fn live(records: &Records, check: &mut Check) {
    let Some(mending) = records.of(Experiment::MendKeepingData) else { return };
    let (before, after) = (mending.at(BEFORE), mending.at(AFTER));
    control_rows(before, check);
    control_lost(mending.at(DURING), check);
    expect_mended(after, check);
    for stored in &before.stored {
        let now = after.stored_of(&stored.release).and_then(|now| now.rows);
        check.expect(stored, "rows on its volume, afterwards", &now, equal_to(stored.rows));
    }
    check.expect(Place::object("the workloads"), "pods, afterwards", &after.pods[..], not_empty());
    for pod in &after.pods {
        let state = if pod.ready { "ready" } else { "not ready" };
        check.expect(pod, "each pod, afterwards", &state, equal_to("ready"));
    }
}
