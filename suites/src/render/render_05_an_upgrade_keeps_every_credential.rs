//! RENDER-05: an upgrade keeps every credential.
//!
//! `randAlphaNum` makes another password at each render, and the database keeps the first one. `lookup` looks like the
//! cure, but it finds nothing without a cluster, and a GitOps controller renders without one: then each sync mints a
//! new password. So the same values are rendered twice. Who claims `gitops` owes the same bytes; for others only what
//! becomes a Secret counts, and a chart that looks up is left to the live lane.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty};
use harness::feature::Feature;
use harness::finding::{Locate, Place};
use harness::manifests::Manifests;
use harness::record::{AFTER, BEFORE, Experiment, Records};
use harness::rendered::{Attempt, Rendered};
use harness::requirement::{Lane, Level, Requirement};

use crate::upgrade::{is_applied_by_upgrades, looks_up};

/// An upgrade keeps every credential.
pub const RENDER_05: Requirement = Requirement {
    id: "RENDER-05",
    title: "An upgrade with unchanged values changes no credential",
    level: Level::Must,
    source: "S1: \"preserves existing passwords (via lookup)\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Upgrade],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "let an operator or a person make the credential and refer to its Secret; do not generate it in a template, \
             not even behind `lookup` when the chart is rendered without a cluster",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(again) = subject.again(check) else { return };
    let first = subject.rendering();
    let Attempt::Rendered(second) = again else {
        return check.undecided(
            Place::object("values"),
            "a second render of the same values",
            "Helm refuses what it rendered before; see whether a template depends on the time or on chance",
        );
    };
    let differing = differing_fields(first.manifests(), second.manifests());
    if subject.subject().claims(Feature::Gitops) {
        let mut shown: Vec<String> = differing.iter().map(ToString::to_string).collect();
        if shown.is_empty() && first.text() != second.text() {
            shown.push("the text between the fields".into());
        }
        let at = differing.into_iter().next().unwrap_or_else(|| Place::object("manifests"));
        check.expect(at, "fields that differ between two renders of the same values", shown.as_slice(), empty());
        return;
    }
    let looks_up = looks_up(subject);
    for secret in first.manifests().of_kind("Secret").filter(|secret| is_applied_by_upgrades(secret)) {
        let own: Vec<&Place> = differing.iter().filter(|place| place.object == secret.reference()).collect();
        let fields: Vec<&str> = own.iter().filter_map(|place| place.field.as_deref()).collect();
        if looks_up && !fields.is_empty() {
            let hint = format!(
                "{}: generated, and the chart looks up what exists; the live lane upgrades on a cluster",
                fields.join(", ")
            );
            check.undecided(secret, "fields that differ between two renders", hint);
        } else {
            check.expect(secret, "fields that differ between two renders", fields.as_slice(), empty());
        }
    }
    if !first.manifests().of_kind("Secret").any(is_applied_by_upgrades) {
        check.not_applicable("an upgrade applies no Secret of the chart, and the subject does not claim gitops");
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(upgrade) = records.of(Experiment::Upgrade) else { return };
    let (before, after) = (&upgrade.at(BEFORE).credentials, &upgrade.at(AFTER).credentials);
    let names: Vec<&String> = before.keys().collect();
    check.control(Place::object("the namespace"), "Secrets with credentials", &names[..], not_empty());
    for (secret, keys) in before {
        for (key, digest) in keys {
            let state = match after.get(secret).and_then(|keys| keys.get(key)) {
                Some(now) if now == digest => "as before",
                Some(_) => "another one",
                None => "gone",
            };
            let place = Place::object(format!("secret/{secret}")).field(format!("data.{key}"));
            check.expect(place, "the credential after two upgrades without a change", &state, equal_to("as before"));
        }
    }
}

/// Where two renders differ: fields of objects that both have, and objects that one of them lacks. Never the values.
fn differing_fields(first: &Manifests, second: &Manifests) -> Vec<Place> {
    let mut differing = Vec::new();
    for object in first.objects() {
        match second.find(object.kind(), object.name()) {
            None => differing.push(object.place()),
            Some(other) => {
                let paths = super::differing_paths(object.value(), other.value());
                differing.extend(paths.iter().map(|path| object.at(&path.to_string())));
            }
        }
    }
    let added = second.objects().filter(|object| first.find(object.kind(), object.name()).is_none());
    differing.extend(added.map(Locate::place));
    differing
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use harness::manifests::Manifests;
    use harness::record::{AFTER, BEFORE, Experiment};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::{RENDER_05, differing_fields};
    use crate::testing::{judge_live, moment, record};

    const SECRET: &str = "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {key: one, user: app}}";

    #[rstest]
    #[case::the_same(SECRET, &[])]
    #[case::another_value(
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {key: two, user: app}}",
        &["secret/a, stringData.key"]
    )]
    #[case::another_name(
        "{apiVersion: v1, kind: Secret, metadata: {name: a-x7}, stringData: {key: one, user: app}}",
        &["secret/a", "secret/a-x7"]
    )]
    fn two_renders_differ_in_places(#[case] second: &str, #[case] expected: &[&str]) {
        let parse = |text| Manifests::parse(text, "test").unwrap();
        let places: Vec<String> =
            differing_fields(&parse(SECRET), &parse(second)).iter().map(ToString::to_string).collect();
        assert_eq!(places, expected);
    }

    #[rstest]
    #[case::keeps_it(&[("password", "one")], &[("password", "one")], Holds)]
    #[case::changes_it(&[("password", "one")], &[("password", "two")], Violated)]
    #[case::loses_it(&[("password", "one")], &[], Violated)]
    #[case::adds_another(&[("password", "one")], &[("password", "one"), ("token", "new")], Holds)]
    fn an_upgrade(#[case] before: &[(&str, &str)], #[case] after: &[(&str, &str)], #[case] verdict: Verdict) {
        let snapshot = |name, keys: &[(&str, &str)]| {
            let mut snapshot = moment(name, 0, []);
            let keys = keys.iter().map(|(key, digest)| ((*key).to_owned(), (*digest).to_owned())).collect();
            snapshot.credentials = BTreeMap::from([("session".to_owned(), keys)]);
            snapshot
        };
        let upgrade = record(Experiment::Upgrade, [snapshot(BEFORE, before), snapshot(AFTER, after)]);
        assert_eq!(judge_live(&RENDER_05, [upgrade]), verdict);
    }

    #[test]
    fn without_a_credential_nothing_was_kept() {
        let upgrade = record(Experiment::Upgrade, [moment(BEFORE, 0, []), moment(AFTER, 9, [])]);
        assert_eq!(judge_live(&RENDER_05, [upgrade]), Unchecked);
    }
}
