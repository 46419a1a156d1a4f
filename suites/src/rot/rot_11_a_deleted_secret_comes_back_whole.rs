//! ROT-11: a deleted Secret comes back whole.
//!
//! "Delete the Secret and sync" is how people rotate what generates itself. Until it is back there is no Secret: the
//! role must keep its password meanwhile, and no pod may start with an empty one. Then there has to be one credential,
//! in every key, that the database takes, and the old one must open nothing.

use harness::check::Check;
use harness::expectation::{empty, equal_to, one_of};
use harness::experiment::{BY_ITSELF, BY_UPGRADE, FOLLOW, MADE_BY};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{DatabaseClient, Use, Workload};
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::{control_rotated, expect_old_refused};
use crate::clients::clients_of;

/// A deleted Secret comes back whole.
pub const ROT_11: Requirement = Requirement {
    id: "ROT-11",
    title: "A deleted Secret comes back whole",
    level: Level::Must,
    source: "S1: \"Delete the target secret ... Helm regenerates with new random password\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PasswordRotation],
    experiments: &[Experiment::RecreateCredential],
    decisive: &[Lane::Live],
    remedy: "refer to the Secret without optional, and let its maker make every key of it at once",
    rendered: Some(rendered),
    live: Some(live),
};

/// A pod that may start without its credential starts with an empty one.
fn rendered(subject: &Rendered, check: &mut Check) {
    let keys = subject.database_clients().iter().flat_map(DatabaseClient::credentials);
    let names: Vec<&str> = keys.map(|key| key.name.as_str()).collect();
    let uses = |usage: Use| matches!(usage, Use::Env | Use::EnvFrom | Use::Volume);
    let references = subject.workloads().iter().filter(|one| !only_looks(subject, one)).flat_map(Workload::references);
    for reference in references.filter(|one| uses(one.usage) && names.contains(&one.name.as_str())) {
        let binding = if reference.optional { "optional" } else { "required" };
        check.expect(reference.place.clone(), "the reference to its credential", &binding, equal_to("required"));
    }
}

/// Whether it ends by itself and dials no database: it may look whether a credential is there, and uses none.
fn only_looks(subject: &Rendered, workload: &Workload) -> bool {
    let dials = |client: &DatabaseClient| client.workload().reference() == workload.reference();
    workload.runs_to_an_end() && !subject.database_clients().iter().any(dials)
}

fn live(records: &Records, check: &mut Check) {
    let Some(remade) = records.of(Experiment::RecreateCredential) else { return };
    control_rotated(remade, check);
    clients_of(remade, check);
    let after = remade.at(AFTER);
    let maker = after.answers.get(MADE_BY).map_or("nobody", String::as_str);
    check.expect(Place::object("the Secret"), MADE_BY, &maker, one_of(&[BY_ITSELF, BY_UPGRADE]));
    expect_old_refused(remade, after, check);
    let behind: Vec<&str> = remade.step(FOLLOW).iter().filter_map(|step| step.unmet.as_deref()).collect();
    check.expect(Place::object("the consumers"), "what kept them from the new credential", &behind[..], empty());
    let troubles: Vec<String> = remade.changes.iter().filter_map(|change| change.trouble.clone()).collect();
    check.expect(Place::object("the consumers"), "trouble at any moment", &troubles[..], empty());
}
