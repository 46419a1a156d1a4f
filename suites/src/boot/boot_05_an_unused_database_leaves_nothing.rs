//! BOOT-05: an unused database leaves nothing.
//!
//! Whoever dials a PostgreSQL of somebody else switches the bundled one off. What stays behind then, a claim, a Secret
//! with a password that opens nothing, a variable, misleads the next person who looks for the database.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::feature::Feature;
use harness::finding::Place;
use harness::manifests::Object;
use harness::rendered::{Change, Rendered, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::plan;

/// An unused database leaves nothing.
pub const BOOT_05: Requirement = Requirement {
    id: "BOOT-05",
    title: "An unused database leaves nothing",
    level: Level::Must,
    source: "S4: \"Disabling embedded postgres\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "put the StatefulSet, its claim, its Secret and every POSTGRES_ variable under the value that switches it on",
    rendered: Some(rendered),
    live: None,
};

/// A password that nobody has.
const PASSWORD: &str = "holdfast-left-behind-7d41";

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let Some(switch) = &plan.enabled_value else {
        return check.not_applicable("the bundled database cannot be switched off");
    };
    let mut change = Change::set(switch.as_str(), false);
    if let Some(path) = &plan.password_value {
        change = change.and_set(path.as_str(), PASSWORD);
    }
    let Some(attempt) = subject.with(&change, check) else { return };
    let Some(rendering) = attempt.rendering() else {
        check.expect(&change, "rendering without it", &attempt, renders());
        return;
    };
    let is_database = |object: &&Object| {
        let claims =
            object.get("spec.volumeClaimTemplates").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        object.name() == plan.stateful_set || object.kind() == "PersistentVolumeClaim" || claims
    };
    let left: Vec<String> = rendering.manifests().objects().filter(is_database).map(Object::reference).collect();
    check.expect(&change, "objects of the database", &left[..], empty());
    for container in rendering.containers() {
        let named = container.env().iter().filter(|variable| variable.name.starts_with("POSTGRES_"));
        let named: Vec<&str> = named.map(|variable| variable.name.as_str()).collect();
        check.expect(container.at("env"), "variables of the database", &named[..], empty());
    }
    let holds = |object: &&Object| {
        let entries = rendering.graph().store().entries(harness::graph::RefKind::Secret, object.name());
        let held = object.kind() == "Secret" && entries.into_iter().any(|(_, text)| text.known() == Some(PASSWORD));
        held || object.value().to_string().contains(PASSWORD)
    };
    let held: Vec<String> = rendering.manifests().objects().filter(holds).map(Object::reference).collect();
    let state = if held.is_empty() { "nowhere".to_owned() } else { held.join(", ") };
    check.expect(Place::object("manifests"), "where its password still stands", &state.as_str(), equal_to("nowhere"));
}
