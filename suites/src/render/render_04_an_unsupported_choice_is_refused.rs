//! RENDER-04: an unsupported choice is refused.
//!
//! A misspelt `verify-full` that becomes `require`, an unknown authentication type that becomes `none`: the chart
//! decides silently, and always for less. So every value with a fixed set of choices is given one that does not exist.
//! Which values those are, the schema says by `enum`, and for the two that open doors their names do, so that a chart
//! without a schema is asked as well. The live lane forces a mode that does not exist upon the containers, past the
//! chart: who then starts has made something else of it.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty};
use harness::finding::Place;
use harness::helm::ValuePath;
use harness::record::{AFTER, BEFORE, DURING, Experiment, Records};
use harness::rendered::{Change, Rendered, refused};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::schema_enums;

/// An unsupported choice is refused.
pub const RENDER_04: Requirement = Requirement {
    id: "RENDER-04",
    title: "An unsupported choice is refused at render, never downgraded",
    level: Level::Must,
    source: "S4: \"chart now fails at template time\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::ForcedMode],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "list the choices as `enum` in values.schema.json, or `fail` in a template for any other; never fall back",
    rendered: Some(rendered),
    live: Some(live),
};

/// No choice of anything.
const UNSUPPORTED: &str = "no-such-choice";

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(chart) = subject.chart() else {
        return check.undecided(Place::object("manifests"), "choices", "the chart tells them, and it is not here");
    };
    let by_schema = schema_enums(chart);
    let named = subject.values().map(ValuePath::leaves).unwrap_or_default();
    let named = named.into_iter().filter(|(path, value)| value.is_string() && is_known_choice(&path.to_string()));
    let mut singly: Vec<ValuePath> = named.map(|(path, _)| path).filter(|path| !by_schema.contains(path)).collect();
    if by_schema.is_empty() && singly.is_empty() {
        return check.not_applicable("neither the schema of the values nor their names tell of a choice");
    }
    // A schema names everything that it rejects, so one render asks for all of them.
    let together = by_schema.iter().fold(Change::none(), |change, path| change.and_set(path, UNSUPPORTED));
    if !by_schema.is_empty()
        && let Some(attempt) = subject.with(&together, check)
    {
        for path in &by_schema {
            if attempt.refusal().is_some_and(|refusal| refusal.names(&path.to_string())) {
                check.expect(Change::set(path, UNSUPPORTED), "an unsupported choice", &attempt, refused());
            } else {
                singly.push(path.clone());
            }
        }
    }
    let changes = singly.iter().map(|path| Change::set(path, UNSUPPORTED)).collect();
    for (change, attempt) in subject.many(changes, check) {
        // What the rendering does not depend on may belong to a feature that is off: nothing was downgraded.
        if attempt.rendering().is_some_and(|rendering| subject.differs(rendering) != Some(true)) {
            check.undecided(
                &change,
                "an unsupported choice",
                "nothing that is rendered under these values depends on it",
            );
        } else {
            check.expect(&change, "an unsupported choice", &attempt, refused());
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(forced) = records.of(Experiment::ForcedMode) else { return };
    let (before, during, after) = (forced.at(BEFORE), forced.at(DURING), forced.at(AFTER));
    let new: Vec<_> = during.pods_since(before).collect();
    let place = Place::object(format!("experiment {}", forced.experiment));
    check.control(&place, "pods that were told a mode that does not exist", &new[..], not_empty());
    // Afterwards the same pods are told the right mode, and start.
    let unready: Vec<_> = after.pods.iter().filter(|pod| !pod.ready).collect();
    check.control(&place, "pods that do not start with the right mode either", &unready[..], empty());
    for pod in new {
        let readiness = if pod.ready { "ready" } else { "not ready" };
        check.expect(pod, "a pod that was told a mode that does not exist", &readiness, equal_to("not ready"));
        let sessions: Vec<String> = during.sessions_of(pod).iter().map(ToString::to_string).collect();
        check.expect(pod, "its sessions", &sessions[..], empty());
    }
}

/// Whether a value chooses how TLS is done or who may come in, by its path.
fn is_known_choice(path: &str) -> bool {
    let plain = path.to_lowercase().replace(['_', '-'], "");
    let (parents, leaf) = plain.rsplit_once('.').unwrap_or(("", &plain));
    let parent = parents.rsplit('.').next().unwrap_or_default();
    matches!(leaf, "sslmode" | "authtype" | "authmode" | "authmethod" | "auth")
        || parent == "auth" && matches!(leaf, "type" | "mode" | "method")
}

/// The choices that a schema lists at a value, without those within lists.
pub(super) fn enums_of(schema: &Value) -> Vec<ValuePath> {
    let mut found = Vec::new();
    collect(&mut Vec::new(), schema, &mut found);
    found
}

fn collect(keys: &mut Vec<String>, schema: &Value, found: &mut Vec<ValuePath>) {
    if !keys.is_empty() && schema.get("enum").is_some() {
        found.push(ValuePath::parse(&keys.join(".")));
    }
    for (key, below) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        keys.push(key.replace('.', "\\."));
        collect(keys, below, found);
        keys.pop();
    }
}

#[cfg(test)]
mod tests {
    use harness::record::{AFTER, BEFORE, DURING, Experiment, Record};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;
    use serde_json::json;

    use super::{RENDER_04, enums_of, is_known_choice};
    use crate::testing::{judge_live, moment, pod, record};

    #[rstest]
    #[case::mode_of_tls("externalDatabase.sslMode", true)]
    #[case::snake_case("db.ssl_mode", true)]
    #[case::type_of_authentication("server.auth.type", true)]
    #[case::certificate("sslModeCertificate", false)]
    #[case::type_of_something_else("service.type", false)]
    fn a_choice_that_opens_doors_is_known_by_its_name(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_known_choice(path), expected);
    }

    #[test]
    fn the_schema_lists_choices_at_their_paths() {
        let schema = json!({"properties": {
            "image": {"properties": {"pullPolicy": {"enum": ["Always", "Never"]}, "tag": {"type": "string"}}},
            "auth": {"type": "string", "enum": ["apikey"]}
        }});
        let paths: Vec<String> = enums_of(&schema).iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["image.pullPolicy", "auth"]);
    }

    fn forced() -> Record {
        let mut during = moment(DURING, 10, [pod("deployment/agents", "a"), pod("deployment/agents", "b")]);
        during.pods[1].ready = false;
        during.sessions.pop();
        let old = || [pod("deployment/agents", "a")];
        record(Experiment::ForcedMode, [moment(BEFORE, 0, old()), during, moment(AFTER, 60, old())])
    }

    #[rstest]
    #[case::stays_down(|_record: &mut Record| {}, Holds)]
    #[case::starts(|record: &mut Record| record.snapshots[1].pods[1].ready = true, Violated)]
    #[case::gets_a_session(
        |record: &mut Record| record.snapshots[1].sessions[0].client = "address-of-b".into(),
        Violated
    )]
    #[case::was_never_made(|record: &mut Record| { record.snapshots[1].pods.pop(); }, Unchecked)]
    #[case::does_not_start_with_the_right_mode_either(
        |record: &mut Record| record.snapshots[2].pods[0].ready = false,
        Unchecked
    )]
    fn a_pod_that_is_told_a_mode_that_does_not_exist(#[case] change: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = forced();
        change(&mut record);
        assert_eq!(judge_live(&RENDER_04, [record]), verdict);
    }
}
