//! RENDER-14: every value has an effect.
//!
//! A value that no template reads is worse than none: people set it, believe in it, and find out in an incident. So
//! every value is changed and looked for in what is rendered. Changing them one by one would take a render each, so all
//! that leave a mark are changed at once, a group that Helm refuses is parted, and only what stayed invisible is changed
//! by itself, in groups. A value of a feature that is off has no effect today; a template that mentions it settles that.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::SETTLED;
use harness::finding::Place;
use harness::helm::{Mentions, Package, ValuePath};
use harness::record::{Experiment, Records};
use harness::rendered::{Attempt, Change, Rendered};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::mark::Mark;
use super::{schema_choices, schema_enums};

/// Every value has an effect.
pub const RENDER_14: Requirement = Requirement {
    id: "RENDER-14",
    title: "Every value and documented variable that users set is read",
    level: Level::Must,
    source: "S3: \"using default values (wrong structure)\"; S4: phantom environment variable",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "read the value in a template, correct its name where it is set, or remove it from values.yaml and its \
             documentation",
    rendered: Some(rendered),
    live: Some(live),
};

/// How often a refused group is parted before its values are looked at one by one.
const PARTS: usize = 8;

const NOTHING: &str = "nothing reads it";

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(chart) = subject.chart() else {
        return check.undecided(Place::object("manifests"), "values", "the chart has them, and it is not here");
    };
    let marks = marks(subject, chart);
    let mut shown = BTreeSet::new();
    let mut parts = PARTS;
    let visible: Vec<&Mark> = marks.iter().filter(|mark| mark.sign.is_some()).collect();
    show(subject, &visible, &mut parts, &mut shown, check);
    let mentions = Mentions::of(chart);
    let open: Vec<&Mark> =
        marks.iter().filter(|mark| !shown.contains(&mark.path) && !mentions.mention(&mark.path)).collect();
    let without_effect = without_effect(subject, &open, check);
    for mark in &marks {
        let reader = match (without_effect.contains(&mark.path), shown.contains(&mark.path)) {
            (true, _) => NOTHING,
            (_, true) => "another value shows, or is refused",
            _ => "a template mentions it, or renders otherwise",
        };
        let at = chart.place("values.yaml").field(mark.path.to_string());
        check.expect(
            at,
            "what a change has for an effect",
            reader,
            that("somebody who reads it", |reader: &str| reader != NOTHING),
        );
    }
}

/// A change for every value of the chart and of the overlay. What subcharts read is theirs to say.
fn marks(subject: &Rendered, chart: &Package) -> Vec<Mark> {
    let stated = subject.stated_values().map(ValuePath::leaves).unwrap_or_default();
    let paths: BTreeSet<ValuePath> = chart.defaults().into_iter().chain(stated).map(|(path, _)| path).collect();
    let foreign = subcharts(chart);
    let own = paths.into_iter().filter(|path| path.keys().first().is_some_and(|first| !foreign.contains(first)));
    let choices = schema_enums(chart);
    let marks = own.enumerate().filter_map(|(number, path)| {
        let value = subject.value(&path).unwrap_or(&Value::Null);
        if choices.contains(&path) {
            return Mark::choice(path.clone(), value, &schema_choices(chart, &path));
        }
        // A mapping that an overlay has filled is judged by what it is filled with.
        let filled = value.as_object().is_some_and(|map| !map.is_empty());
        (!filled).then(|| Mark::new(path, value, number))
    });
    marks.collect()
}

fn subcharts(chart: &Package) -> BTreeSet<String> {
    let listed = chart.description.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    let named = listed
        .flat_map(|entry| ["name", "alias"].map(|field| entry.get(field).and_then(Value::as_str).map(str::to_owned)));
    let folders =
        chart.files.iter().filter_map(|file| Some(file.path.strip_prefix("charts/")?.split('/').next()?.to_owned()));
    named.flatten().chain(folders).chain(["global".to_owned()]).collect()
}

/// Changes a group at once, and notes whose mark shows or who is refused by name; a group refused as a whole is parted.
fn show(subject: &Rendered, group: &[&Mark], parts: &mut usize, shown: &mut BTreeSet<ValuePath>, check: &mut Check) {
    if group.is_empty() || *parts == 0 {
        return;
    }
    *parts -= 1;
    match subject.with(&together(group), check) {
        None => {}
        Some(Attempt::Rendered(rendering)) => {
            let before = subject.rendering().text();
            let visible = group.iter().filter(|mark| mark.shows(rendering.text(), before));
            shown.extend(visible.map(|mark| mark.path.clone()));
        }
        Some(Attempt::Refused(refusal)) => {
            let is_named = |mark: &&&Mark| refusal.is_deliberate() && refusal.names(&mark.path.to_string());
            let (named, rest): (Vec<&Mark>, Vec<&Mark>) = group.iter().partition(|mark| is_named(mark));
            shown.extend(named.iter().map(|mark| mark.path.clone()));
            if !named.is_empty() {
                show(subject, &rest, parts, shown, check);
            } else if let [only] = group {
                shown.insert(only.path.clone());
            } else {
                let (left, right) = group.split_at(group.len() / 2);
                show(subject, left, parts, shown, check);
                show(subject, right, parts, shown, check);
            }
        }
    }
}

/// Those of the values that nothing reads. They are changed together first: a group that renders as before is settled
/// with one question, one that does not is parted.
fn without_effect(subject: &Rendered, open: &[&Mark], check: &mut Check) -> BTreeSet<ValuePath> {
    let mut found = BTreeSet::new();
    let mut groups: Vec<&[&Mark]> = vec![open];
    groups.retain(|group| !group.is_empty());
    while !groups.is_empty() {
        let changes = groups.iter().map(|group| together(group)).collect();
        let mut parted = Vec::new();
        for (change, attempt) in subject.many(changes, check) {
            let first = change.paths().next();
            let Some(group) = groups.iter().find(|group| group.first().map(|mark| &mark.path) == first) else {
                continue;
            };
            if attempt.rendering().is_some_and(|rendering| subject.differs(rendering) == Some(false)) {
                found.extend(group.iter().map(|mark| mark.path.clone()));
            } else if group.len() > 1 {
                let (left, right) = group.split_at(group.len() / 2);
                parted.extend([left, right]);
            }
        }
        groups = parted;
    }
    found
}

fn together(group: &[&Mark]) -> Change {
    group.iter().fold(Change::none(), |change, mark| change.and_set(&mark.path, mark.value.clone()))
}

/// Variables that every process has, and those that a driver of PostgreSQL reads.
fn is_read_elsewhere(name: &str) -> bool {
    let kubernetes = name.starts_with("KUBERNETES_") || name.contains("_SERVICE_") || name.contains("_PORT");
    kubernetes
        || name.starts_with("PG")
        || matches!(name, "PATH" | "HOME" | "HOSTNAME" | "TERM" | "DATABASE_URL" | "DATABASE_URL_FILE")
}

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    // What an image of PostgreSQL reads its publisher says.
    for pod in install.at(SETTLED).pods.iter().filter(|pod| !pod.is_database) {
        let Some(inspected) = &pod.inspected else {
            check.undecided(pod, "variables that the application knows", "the application does not answer `inspect`");
            continue;
        };
        let Some(known) = inspected.settings.as_object().filter(|settings| !settings.is_empty()) else { continue };
        let given = inspected.environment.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let unread: Vec<&str> = given.filter(|name| !known.contains_key(*name) && !is_read_elsewhere(name)).collect();
        check.expect(pod, "variables that the application does not know", unread.as_slice(), empty());
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::record::Experiment;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::RENDER_14;
    use crate::testing::{judge_live, moment, pod, record};

    #[rstest]
    #[case::known(json!({"POOL_SIZE": {}, "PGSSLMODE": {}, "KUBERNETES_PORT": {}}), Holds)]
    #[case::unknown(json!({"POOL_SIZE": {}, "POOL_MAX_AGE": {}}), Violated)]
    fn a_variable_that_the_application_does_not_know_tells(#[case] environment: Value, #[case] verdict: Verdict) {
        let mut pod = pod("deployment/agents", "a");
        let inspected = pod.inspected.as_mut().unwrap();
        inspected.settings = json!({"POOL_SIZE": {"value": 4, "source": "environment"}});
        inspected.environment = environment;
        assert_eq!(judge_live(&RENDER_14, [record(Experiment::Install, [moment(SETTLED, 10, [pod])])]), verdict);
    }

    #[test]
    fn an_application_that_cannot_be_asked_leaves_it_open() {
        let mut pod = pod("deployment/agents", "a");
        pod.inspected = None;
        assert_eq!(judge_live(&RENDER_14, [record(Experiment::Install, [moment(SETTLED, 10, [pod])])]), Unchecked);
    }
}
