//! RENDER-08: what is switched off renders nothing.
//!
//! A service account that stays behind waits for whoever creates a workload of that name; a reference that stays behind
//! keeps the pods from starting, because nobody makes the Secret any more. So each toggle is rendered on and off: what
//! a workload leaves behind when it goes is found by its component, by its name and by who used it. A toggle that changes
//! nothing switches nothing off: what bears its name is there all the same. And every overlay must say what it wants,
//! since a default changes with the next version of the chart.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::finding::{Locate as _, Place};
use harness::graph::{Producer, Workload};
use harness::helm::{Refusal, ValuePath};
use harness::manifests::Object;
use harness::rendered::{Change, Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use crate::named::is_there;

/// What is switched off renders nothing.
pub const RENDER_08: Requirement = Requirement {
    id: "RENDER-08",
    title: "What is switched off renders nothing, and every overlay states each toggle",
    level: Level::Must,
    source: "S2: \"optional releases stay disabled where expected\", \"overlays set `installed` consistently\"; \
             S3: MongoDB deployed although it was not wanted",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "put every object and every reference of the service under its toggle; state the toggle in each overlay",
    rendered: Some(rendered),
    live: None,
};

/// How many toggles of a chart without a subject file are tried.
const TRIED: usize = 8;

fn rendered(subject: &Rendered, check: &mut Check) {
    let declared = subject.subject().is_declared();
    let toggles = if declared {
        subject.subject().toggles().iter().map(ValuePath::from).collect()
    } else {
        conventional_toggles(subject)
    };
    let mut judged = false;
    for toggle in &toggles {
        if declared {
            if !is_there(subject, "toggles", toggle, check) {
                continue;
            }
            let stated = subject.stated_values().is_some_and(|values| toggle.get(values).is_some());
            let at = Place::object(format!("values of overlay {}", subject.overlay().name)).field(toggle.to_string());
            check.expect(at, "whether the overlay states it", &stated, equal_to(true));
        }
        if let Some((on, off)) = on_and_off(subject, toggle, check) {
            let change = Change::set(toggle, false);
            if !switches(subject, toggle, &on, &off, check) {
                continue;
            }
            judged = true;
            let dangling = dangling(&on, &off);
            if declared || dangling.is_empty() {
                check.expect(&change, "references that nobody answers any more", &dangling[..], empty());
            } else {
                // A toggle may stand for "make the Secret", and somebody else makes it then.
                check.undecided(&change, "references that the chart answers no more", unanswered(&dangling));
            }
            check.expect(&change, "objects that stay behind", &leftovers(&on, &off)[..], empty());
        }
    }
    if !judged {
        check.not_applicable("nothing of the chart can be switched off, as far as the subject and the values tell");
    }
}

fn unanswered(dangling: &[String]) -> String {
    format!("a subject file tells whether somebody else does, in its field `external`: {}", dangling.join("; "))
}

/// Values called `enabled` that are on, without those that switch a field and not a service.
fn conventional_toggles(subject: &Rendered) -> Vec<ValuePath> {
    let leaves = subject.values().map(ValuePath::leaves).unwrap_or_default();
    let on = leaves.into_iter().filter(|(path, value)| {
        let text = path.to_string();
        let of_a_field = text.to_lowercase().contains("probe") || text.to_lowercase().contains("securitycontext");
        **value == Value::Bool(true) && text.ends_with(".enabled") && !of_a_field
    });
    on.map(|(path, _)| path).take(TRIED).collect()
}

/// The rendering with the toggle on, and with it off; one of them is the subject's own.
fn on_and_off(subject: &Rendered, toggle: &ValuePath, check: &mut Check) -> Option<(Rendering, Rendering)> {
    let is_on = subject.value(toggle).and_then(Value::as_bool);
    let change = Change::set(toggle, is_on != Some(true));
    let other = subject.with(&change, check)?;
    let own = subject.rendering().clone();
    match (is_on, other.rendering()) {
        (Some(true), Some(off)) => Some((own, off.clone())),
        (_, Some(on)) => Some((on.clone(), own)),
        // Who thought of it refuses to render, and so leaves nothing behind; that the toggle is one, is not shown.
        (Some(true), None)
            if subject.subject().is_declared() && !other.refusal().is_some_and(Refusal::is_deliberate) =>
        {
            check.expect(&change, "rendering with it off", &other, renders());
            None
        }
        _ => {
            let refusal = other.refusal().map(ToString::to_string).unwrap_or_default();
            check.undecided(&change, "what belongs to it", format!("Helm refuses to switch it by itself: {refusal}"));
            None
        }
    }
}

/// Whether a toggle changes anything that is rendered; what does not is no proof that nothing stays behind.
fn switches(subject: &Rendered, toggle: &ValuePath, on: &Rendering, off: &Rendering, check: &mut Check) -> bool {
    let was_on = subject.value(toggle) == Some(&Value::Bool(true));
    let differs = subject.differs(if was_on { off } else { on });
    let names = |rendering: &Rendering| -> BTreeSet<String> {
        rendering.manifests().objects().map(Object::reference).collect()
    };
    if differs == Some(true) || names(on) != names(off) {
        return true;
    }
    let hint = match differs {
        Some(_) => {
            "nothing that is rendered depends on it under these values; correct it under `toggles`, or set what \
                    else it needs"
        }
        None => "chance changes so much between two renders that what the toggle changes cannot be told from it",
    };
    let change = Change::set(toggle, false);
    let releases: Vec<&str> = subject.subject().releases().iter().map(|release| release.name.as_str()).collect();
    let running = runs_all_the_same(toggle, off, &releases);
    if !running.is_empty() {
        check.expect(&change, "objects of what is switched off", &running[..], empty());
    } else if differs.is_none() || subject.subject().is_declared() && !is_off_above(subject, toggle) {
        check.undecided(&change, "what belongs to it", hint);
    }
    false
}

/// Whether what the toggle is a part of is off: then it is judged under the values that have it on.
fn is_off_above(subject: &Rendered, toggle: &ValuePath) -> bool {
    let keys = toggle.keys();
    let mut above = (1..keys.len().saturating_sub(1)).map(|length| format!("{}.enabled", keys[..length].join(".")));
    above.any(|path| subject.value(path.as_str()) == Some(&Value::Bool(false)))
}

/// What runs, or leads to what runs, and bears the name of what a toggle switches; or comes from a chart of that name.
fn runs_all_the_same(toggle: &ValuePath, off: &Rendering, releases: &[&str]) -> Vec<String> {
    let Some(service) = service_of(toggle) else { return Vec::new() };
    let subchart = format!("/charts/{service}/");
    let is_its = |object: &&Object| {
        let runs = object.kind() == "Service" || off.workloads().iter().any(|one| one.place() == object.place());
        let own = releases.iter().find_map(|release| object.name().strip_prefix(release)).unwrap_or(object.name());
        object.source().is_some_and(|source| source.template.contains(&subchart))
            || runs && (component(object) == Some(&service) || format!("-{own}-").contains(&format!("-{service}-")))
    };
    off.manifests().objects().filter(is_its).map(|object| object.place().to_string()).collect()
}

/// What a toggle switches, by its path: `mongodb` of `mongodb.enabled`. `None`: the path does not tell.
fn service_of(toggle: &ValuePath) -> Option<String> {
    let keys = toggle.keys();
    let [.., service, switch] = &keys[..] else { return None };
    matches!(&switch[..], "enabled" | "install" | "installed" | "create" | "deploy").then(|| service.to_string())
}

/// References that somebody answered with the toggle on, and nobody does with it off.
fn dangling(on: &Rendering, off: &Rendering) -> Vec<String> {
    let open = off.references().iter().filter(|reference| !reference.optional);
    let open = open.filter(|reference| off.producer(reference) == Producer::Nobody);
    open.filter(|reference| on.producer(reference) != Producer::Nobody)
        .map(|reference| format!("{reference} at {}", reference.place()))
        .collect()
}

/// Objects that belonged to workloads that are gone, and to no other.
fn leftovers(on: &Rendering, off: &Rendering) -> Vec<String> {
    let left = off.workloads();
    let gone: Vec<&Workload> =
        on.workloads().iter().filter(|one| left.iter().all(|other| other.reference() != one.reference())).collect();
    let only_of_gone = |of: &dyn Fn(&Workload) -> Option<String>| -> Vec<String> {
        let gone = gone.iter().filter_map(|workload| of(workload));
        gone.filter(|name| left.iter().all(|other| of(other).as_ref() != Some(name))).collect()
    };
    let components = only_of_gone(&|workload| component(workload.object()).map(str::to_owned));
    let names = only_of_gone(&|workload| Some(workload.object().name().to_owned()));
    let accounts = only_of_gone(&|workload| Some(workload.template("spec.serviceAccountName")?.as_str()?.to_owned()));
    let holds = |object: &&Object| {
        let name = object.name().to_owned();
        component(object).is_some_and(|component| components.iter().any(|gone| gone == component))
            // Data outlives its workload on purpose.
            || names.contains(&name) && object.kind() != "PersistentVolumeClaim"
            || object.kind() == "ServiceAccount" && accounts.contains(&name)
            || object.kind().ends_with("RoleBinding") && binds_only(object, &accounts)
            || object.kind() == "Service" && selects_only(object, &gone, left)
    };
    let stayed = off.manifests().objects().filter(|object| is_the_same(object, on)).filter(holds);
    stayed.map(|object| object.place().to_string()).collect()
}

/// Whether an object was there with the toggle on too. What another template makes instead did not stay behind.
fn is_the_same(object: &Object, on: &Rendering) -> bool {
    let template = |object: &Object| object.source().map(|source| source.template.clone());
    on.manifests().find(object.kind(), object.name()).is_some_and(|before| template(before) == template(object))
}

fn component(object: &Object) -> Option<&str> {
    object.label("app.kubernetes.io/component")
}

fn binds_only(binding: &Object, accounts: &[String]) -> bool {
    let subjects = binding.get("subjects").and_then(Value::as_array).into_iter().flatten();
    let named: Vec<&str> = subjects.filter_map(|subject| subject.get("name")?.as_str()).collect();
    !named.is_empty() && named.iter().all(|name| accounts.iter().any(|account| account == name))
}

fn selects_only(service: &Object, gone: &[&Workload], left: &[Workload]) -> bool {
    gone.iter().any(|workload| workload.is_behind(service)) && !left.iter().any(|workload| workload.is_behind(service))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness::helm::ValuePath;
    use harness::rendered::Rendered;
    use harness::subject::Subject;
    use rstest::rstest;

    use super::runs_all_the_same;

    #[rstest]
    #[case::workload("StatefulSet", "shop-mongodb", "", &["statefulset/shop-mongodb"])]
    #[case::service("Service", "mongodb", "", &["service/mongodb"])]
    #[case::component("Deployment", "shop-documents", "app.kubernetes.io/component: mongodb", &["deployment/shop-documents"])]
    #[case::secret_for_one_that_runs_elsewhere("Secret", "shop-mongodb", "", &[])]
    #[case::longer_word("StatefulSet", "shop-mongodbs", "", &[])]
    #[case::name_of_the_release("Deployment", "mongodb-operator", "", &[])]
    fn what_is_switched_off_runs(
        #[case] kind: &str,
        #[case] name: &str,
        #[case] label: &str,
        #[case] expected: &[&str],
    ) {
        let text = format!(
            "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: {name}, labels: {{{label}}}}}, spec: {{template: {{spec: {{}}}}}}}}"
        );
        let rendered = Rendered::of_manifests(Arc::new(Subject::of_manifests("test")), &text).unwrap();
        let toggle = ValuePath::parse("mongodb.enabled");
        let releases = if name == "mongodb-operator" { &["mongodb"] } else { &["shop"] };
        assert_eq!(runs_all_the_same(&toggle, rendered.rendering(), releases), expected);
    }
}
