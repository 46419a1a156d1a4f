//! RENDER: what Helm makes of the values, before any cluster sees it.
//!
//! A render is the first door that a mistake passes, and the cheapest one to stop it at: whatever Helm lets through
//! costs a rollout to find. The area asks what is refused, what appears, and whether what people set has an effect.

mod mark;
mod render_01_a_named_ca_secret_needs_its_key;
mod render_02_a_missing_input_is_refused;
mod render_03_lint_is_not_the_only_guard;
mod render_04_an_unsupported_choice_is_refused;
mod render_05_an_upgrade_keeps_every_credential;
mod render_06_credentials_in_urls_are_encoded;
mod render_07_no_credential_stands_in_the_open;
mod render_08_what_is_off_renders_nothing;
mod render_09_the_reserved_volume_is_guarded;
mod render_10_structured_variables_parse;
mod render_11_production_is_pinned;
mod render_12_namespaced_stays_in_its_namespace;
mod render_13_every_reference_has_a_producer;
mod render_14_every_value_has_an_effect;
mod written;

pub use self::render_01_a_named_ca_secret_needs_its_key::RENDER_01;
pub use self::render_02_a_missing_input_is_refused::RENDER_02;
pub use self::render_03_lint_is_not_the_only_guard::RENDER_03;
pub use self::render_04_an_unsupported_choice_is_refused::RENDER_04;
pub use self::render_05_an_upgrade_keeps_every_credential::RENDER_05;
pub use self::render_06_credentials_in_urls_are_encoded::RENDER_06;
pub use self::render_07_no_credential_stands_in_the_open::RENDER_07;
pub use self::render_08_what_is_off_renders_nothing::RENDER_08;
pub use self::render_09_the_reserved_volume_is_guarded::RENDER_09;
pub use self::render_10_structured_variables_parse::RENDER_10;
pub use self::render_11_production_is_pinned::RENDER_11;
pub use self::render_12_namespaced_stays_in_its_namespace::RENDER_12;
pub use self::render_13_every_reference_has_a_producer::RENDER_13;
pub use self::render_14_every_value_has_an_effect::RENDER_14;

use harness::check::Check;
use harness::finding::Place;
use harness::helm::{Package, Refusal, ValuePath};
use harness::rendered::{Attempt, Change, Rendered};
use serde_json::Value;

use crate::named::is_there;

/// Says for a subject without a file that only such a file can tell; whether that is so.
fn undeclared(subject: &Rendered, check: &mut Check, what: &str, field: &str) -> bool {
    let bare = !subject.subject().is_declared();
    if bare {
        check.undecided(Place::object("the subject"), what, format!("a subject file tells, in its field `{field}`"));
    }
    bare
}

/// A change under which the CA Secret has a name; the subject's own, where it has one.
fn ca_with(subject: &Rendered, name_value: &str, change: Change) -> Change {
    if subject.value_text(name_value).is_some() { change } else { change.and_set(name_value, "holdfast-ca") }
}

/// What is rendered without each input that the subject guards, one at a time, with its feature on.
fn guards_taken_away(subject: &Rendered, check: &mut Check) -> Vec<(Change, Attempt)> {
    let guards = subject.subject().guards().iter().map(|guard| ValuePath::parse(guard));
    let known: Vec<ValuePath> = guards.filter(|guard| is_there(subject, "guards", guard, check)).collect();
    // As the overlay has it: `enabled` may also mean that something is brought along, and the input is for when it is not.
    let as_it_is = subject.many(known.iter().map(|guard| without(subject, guard)).collect(), check);
    let with_its_feature = known.iter().map(|guard| taken_away(subject, guard)).collect();
    let mut attempts = subject.many(with_its_feature, check);
    for (own, attempt) in as_it_is {
        let same = |(other, _): &&mut (Change, Attempt)| other.paths().next() == own.paths().next();
        if attempt.refusal().is_some()
            && let Some(tried) = attempts.iter_mut().find(same)
        {
            *tried = (own, attempt);
        }
    }
    attempts.retain(|(change, attempt)| is_of_the_guard(subject, change, attempt, check));
    attempts
}

/// Whether it is the missing input that a refusal is about. A feature that was switched on for the trial may want more
/// than that, so it is tried once more with something in the place of the input.
fn is_of_the_guard(subject: &Rendered, change: &Change, attempt: &Attempt, check: &mut Check) -> bool {
    let (Some(refusal), Some(guard)) = (attempt.refusal(), change.paths().next()) else { return true };
    if change.paths().count() == 1 {
        return true; // What is rendered without it is what the subject itself renders.
    }
    let filled = filled(subject, guard).into_iter().map(|filled| with_its_feature(subject, guard, filled)).collect();
    let controls: Vec<Attempt> = subject.many(filled, check).into_iter().map(|(_, control)| control).collect();
    let is_left = |control: &Attempt| control.refusal().is_some_and(|control| !is_another(refusal, control, guard));
    if controls.iter().all(|control| control.refusal().is_some()) && controls.iter().any(is_left) {
        let hint =
            format!("Helm refuses with the input too, so that another one is missing; give it a stub: {refusal}");
        check.undecided(change, "the refusal of what lacks the input", hint);
        return false;
    }
    true
}

/// Whether a refusal is about a value, and not the one that is left when the value is there.
fn is_another(refusal: &Refusal, control: &Refusal, guard: &ValuePath) -> bool {
    refusal.names(&guard.to_string()) && refusal.message != control.message
}

/// An input as it is, or what may stand in its place.
fn filled(subject: &Rendered, guard: &ValuePath) -> Vec<Change> {
    let is_something = |value: &&Value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty());
    match subject.value(guard).filter(is_something) {
        Some(value) => vec![Change::set(guard, value.clone())],
        None => ["holdfast", "http://holdfast:8080"].map(|stand_in| Change::set(guard, stand_in)).into(),
    }
}

/// The value alone taken away.
fn without(subject: &Rendered, guard: &ValuePath) -> Change {
    match subject.value(guard) {
        None | Some(Value::String(_)) => Change::set(guard, ""),
        Some(_) => Change::remove(guard),
    }
}

fn taken_away(subject: &Rendered, guard: &ValuePath) -> Change {
    with_its_feature(subject, guard, without(subject, guard))
}

/// A change of an input, and what it is an input of switched on.
fn with_its_feature(subject: &Rendered, guard: &ValuePath, mut change: Change) -> Change {
    let plan = subject.subject().ca();
    if let Some(plan) = plan.filter(|plan| plan.key_value.as_deref() == Some(&guard.to_string()))
        && let Some(name) = &plan.name_value
    {
        change = ca_with(subject, name, change);
    }
    // An input of a feature is required while the feature is on.
    let keys = guard.keys();
    for length in 1..keys.len() {
        let toggle = ValuePath::parse(&format!("{}.enabled", keys[..length].join(".")));
        if subject.value(&toggle) == Some(&Value::Bool(false)) {
            change = change.and_set(toggle, true);
        }
    }
    change
}

/// The values for which the chart's schema lists choices.
fn schema_enums(chart: &Package) -> Vec<ValuePath> {
    chart
        .values_schema()
        .map(|schema| render_04_an_unsupported_choice_is_refused::enums_of(&schema))
        .unwrap_or_default()
}

/// The choices that the chart's schema lists for a value.
fn schema_choices(chart: &Package, path: &ValuePath) -> Vec<Value> {
    let schema = chart.values_schema().unwrap_or_default();
    let at = path.keys().into_iter().try_fold(&schema, |schema, key| schema.get("properties")?.get(key));
    at.and_then(|at| at.get("enum")?.as_array()).cloned().unwrap_or_default()
}

/// The paths at which two values differ.
fn differing_paths(first: &Value, second: &Value) -> Vec<ValuePath> {
    let (first, second) = (ValuePath::leaves(first), ValuePath::leaves(second));
    let changed = first
        .iter()
        .filter(|(path, value)| second.iter().find(|(other, _)| other == path).is_none_or(|(_, other)| other != value));
    let added = second.iter().filter(|(path, _)| first.iter().all(|(known, _)| known != path));
    changed.chain(added).map(|(path, _)| path.clone()).collect()
}

/// The paths of the strings within a value that pass a test.
fn strings(value: &Value, test: &dyn Fn(&Value) -> bool) -> Vec<String> {
    fn walk(path: &str, value: &Value, test: &dyn Fn(&Value) -> bool, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(&format!("{path}{dot}{}", key.replace('.', "\\.")), value, test, found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(&format!("{path}[{index}]"), item, test, found);
                }
            }
            _ if test(value) => found.push(path.to_owned()),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", value, test, &mut found);
    found
}

#[cfg(test)]
mod tests {
    use harness::helm::{Refusal, ValuePath};
    use rstest::rstest;

    use super::is_another;

    #[rstest]
    #[case::of_the_input("redis.host is required", "redis.password is required", true)]
    #[case::of_another_input("redis.password is required", "redis.password is required", false)]
    #[case::of_another_input_in_other_words("redis.password is required", "redis.user is required", false)]
    #[case::of_both_at_once("set redis.host and redis.password", "set redis.host and redis.password", false)]
    fn a_refusal_is(#[case] refusal: &str, #[case] control: &str, #[case] expected: bool) {
        let said = |message: &str| Refusal { exit_code: 1, message: message.into() };
        assert_eq!(is_another(&said(refusal), &said(control), &ValuePath::parse("redis.host")), expected);
    }
}
