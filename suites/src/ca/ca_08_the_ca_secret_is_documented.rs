//! CA-08: the CA Secret is documented.
//!
//! The CA Secret is made by people who did not write the chart, at night, from what its README says. An example with
//! another key than the one that the chart mounts costs them an hour. So the words are checked like code: the README
//! must tell the keys, how to install, to rotate and to roll back, and its examples must fit the chart. The live lane
//! runs the commands one after the other as they are written, and looks after each at whom every pod trusts.

use harness::check::Check;
use harness::expectation::{equal_to, one_of, that};
use harness::experiment::{COMMANDS, INSTALLED_AS_WRITTEN, ROLLED_BACK_AS_WRITTEN, ROTATED_AS_WRITTEN, THROUGH};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::CaWiring;
use harness::helm::{Package, PackageFile, ValuePath};
use harness::manifests::Manifests;
use harness::readme::{ExampleSecret, Readme, values_among};
use harness::record::{Experiment, Records};
use harness::rendered::{Change, Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::wiring::{clients_with_ca, is_system};

/// The CA Secret is documented.
pub const CA_08: Requirement = Requirement {
    id: "CA-08",
    title: "The CA Secret is documented",
    level: Level::Should,
    source: "S0: \"Add documentation for required Secret contents and examples\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Ca],
    experiments: &[Experiment::FollowCaDocumentation],
    decisive: &[Lane::Rendered],
    remedy: "say in the chart's README which keys the CA Secret needs, with an example, and how to rotate and roll back",
    rendered: Some(rendered),
    live: Some(live),
};

/// A Secret and the key in it that clients read the CA from.
type Trust = (String, String);

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(chart) = subject.chart() else {
        let hint = "the manifests came without their chart, and so without its README";
        return check.undecided(Place::object("the chart"), "its README", hint);
    };
    if clients_with_ca(subject).all(|(_, ca)| is_system(ca)) && clients_with_ca(subject).next().is_some() {
        return check.not_applicable("the clients trust what their image trusts, so there is no CA Secret");
    }
    let place = chart.place("README.md");
    let text = chart.readme().and_then(PackageFile::text).unwrap_or_default();
    let state = if text.trim().is_empty() { "none" } else { "there" };
    if !check.expect(&place, "the README", &state, equal_to("there")) {
        return;
    }
    let readme = Readme::parse(text);
    let mut trusted = trusted_in(subject.rendering());
    if trusted.is_empty() {
        return check.undecided(&place, "the keys that it must tell", "which key the clients read is not known");
    }
    let names = subject.subject().ca().and_then(|plan| plan.name_value.as_deref());
    // A client that trusts another Secret is the matter of CA-01. `database.caSecret` tells of `database.caSecret.name`.
    let named = names.and_then(|path| subject.value_text(path));
    let of_named = trusted.iter().filter(|(secret, _)| named.is_none_or(|named| named == secret));
    let words = names.map(|path| path.trim_end_matches(".name")).into_iter().chain(of_named.map(|(_, key)| &**key));
    for word in words {
        let told = if readme.mentions(word) { "told" } else { "not told" };
        check.expect(&place, format!("`{word}` in the README"), &told, equal_to("told"));
    }
    for (what, topics) in [("rotation", &["rotat"][..]), ("rollback", &["roll back", "rollback", "revert"][..])] {
        let steps = if readme.has_steps(topics) { "a section with commands" } else { "none" };
        check.expect(&place, format!("the steps of a {what}"), &steps, equal_to("a section with commands"));
    }
    let examples = examples(subject, chart, &readme, &mut trusted, check);
    judge_examples(&examples, &trusted, &place, check);
}

/// The Secrets of all examples. Examples of values say further Secrets that clients then trust.
fn examples(
    subject: &Rendered,
    chart: &Package,
    readme: &Readme<'_>,
    trusted: &mut Vec<Trust>,
    check: &mut Check,
) -> Vec<ExampleSecret> {
    let mut found = Vec::new();
    let plan = subject.subject().ca().and_then(|plan| plan.name_value.as_deref());
    // The mapping around the value that names the Secret, `caSecret`, and whatever holds a certificate.
    let around = plan.map(|path| ValuePath::parse(path).keys()).and_then(|keys| keys.iter().rev().nth(1).cloned());
    let told: Vec<String> = around.into_iter().chain(["CERTIFICATE".to_owned()]).collect();
    for block in readme.blocks() {
        if block.has_commands() {
            found.extend(block.secrets_by_command());
        }
        let about_ca = told.iter().chain(trusted.iter().flat_map(|(secret, key)| [secret, key]));
        if !block.is_yaml() || !about_ca.into_iter().any(|word| block.text.contains(word)) {
            continue; // An example of something else.
        }
        let mut place = chart.place("README.md");
        place.line = Some(block.line);
        let read = Manifests::parse(&block.text, "the example");
        let state = read.as_ref().map_or_else(ToString::to_string, |_| "YAML".into());
        check.expect(&place, "the example", &state, equal_to("YAML"));
        let Ok(manifests) = read else { continue };
        found.extend(block.secrets_among(&manifests));
        for values in values_among(&manifests).filter(|values| are_of(chart, values)) {
            let leaves = ValuePath::leaves(values).into_iter();
            let change = leaves.fold(Change::none(), |change, (path, value)| change.and_set(path, value.clone()));
            let Some(attempt) = subject.with(&change, check) else { continue };
            check.expect(&place, "the chart with the values of the example", &attempt, renders());
            trusted.extend(attempt.rendering().map(trusted_in).unwrap_or_default());
        }
    }
    found
}

fn judge_examples(examples: &[ExampleSecret], trusted: &[Trust], place: &Place, check: &mut Check) {
    let is_named = |secret: &&ExampleSecret| trusted.iter().any(|(name, _)| *name == secret.name);
    let of_ca: Vec<&ExampleSecret> =
        examples.iter().filter(|secret| is_named(secret) || secret.holds_certificates).collect();
    let some = if of_ca.is_empty() { "none" } else { "one" };
    check.expect(place, "an example of the CA Secret", &some, equal_to("one"));
    for secret in of_ca {
        let wanted = trusted.iter().filter(|(name, _)| *name == secret.name || !is_named(&secret));
        let wanted: Vec<&str> = wanted.map(|(_, key)| key.as_str()).collect();
        let mut place = place.clone();
        place.line = Some(secret.line);
        let fits =
            that("the key that the clients read", |keys: &[String]| keys.iter().any(|key| wanted.contains(&&**key)));
        check.expect(place, format!("keys of Secret {} in the example", secret.name), &secret.keys[..], fits);
    }
}

fn trusted_in(rendering: &Rendering) -> Vec<Trust> {
    let trusts = rendering.database_clients().iter().filter_map(|client| client.ca().and_then(CaWiring::trust));
    let mut trusts: Vec<Trust> = trusts.map(|(secret, key)| (secret.to_owned(), key.to_owned())).collect();
    trusts.sort();
    trusts.dedup();
    trusts
}

/// Values of this chart, and not the configuration of something else.
fn are_of(chart: &Package, values: &Value) -> bool {
    let keys = values.as_object().into_iter().flat_map(|map| map.keys());
    let mut keys = keys.peekable();
    keys.peek().is_some() && keys.all(|key| chart.values.get(key).is_some())
}

fn live(records: &Records, check: &mut Check) {
    let Some(followed) = records.of(Experiment::FollowCaDocumentation) else { return };
    for moment in [INSTALLED_AS_WRITTEN, ROTATED_AS_WRITTEN, ROLLED_BACK_AS_WRITTEN] {
        let seen = followed.at(moment);
        let ran = seen.answers.get(COMMANDS).cloned().unwrap_or_else(|| "not run".into());
        check.expect(Place::object("the README").field(moment), COMMANDS, &ran, equal_to(THROUGH.to_owned()));
        let published = seen.ca_keys();
        for pod in &seen.pods {
            let served = if pod.ready && !seen.sessions_of(pod).is_empty() { "served" } else { "not served" };
            check.expect(pod, format!("the database to it, {moment}"), &served, equal_to("served"));
            // An application of somebody else's does not say whom it trusts.
            let Some(ca) = pod.ca() else { continue };
            let trusted: Vec<&str> = ca.certificates.iter().map(|one| one.spki_sha256.as_str()).collect();
            check.expect(pod, format!("the keys that it trusts, {moment}"), &trusted, equal_to(published.clone()));
        }
        if seen.pods.is_empty() {
            check.expect(Place::object("the release"), format!("its pods, {moment}"), &"none", one_of(&["some"]));
        }
    }
    let keys = |moment| followed.at(moment).ca_keys().join(", ");
    let changed = that("another one than before", |key: &str| key != keys(INSTALLED_AS_WRITTEN));
    let place = || Place::object("the published CA");
    check.expect(place(), "its key after the rotation", &*keys(ROTATED_AS_WRITTEN), changed);
    let back = equal_to(keys(INSTALLED_AS_WRITTEN));
    check.expect(place(), "its key after the way back", &keys(ROLLED_BACK_AS_WRITTEN), back);
}

#[cfg(test)]
mod tests {
    use harness::record::{Record, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::*;
    use crate::testing::{certificate, judge_live, moment, pod, record, trusting};

    fn seen(name: &str, second: i64, key: &str) -> Snapshot {
        let mut seen = moment(name, second, [trusting(pod("deployment/agents", "a"), key)]);
        seen.published_ca = vec![certificate(key)];
        seen.answers = [(COMMANDS.to_owned(), THROUGH.to_owned())].into();
        seen
    }

    fn followed() -> Record {
        let snapshots = [
            seen(INSTALLED_AS_WRITTEN, 0, "old"),
            seen(ROTATED_AS_WRITTEN, 30, "new"),
            seen(ROLLED_BACK_AS_WRITTEN, 60, "old"),
        ];
        record(Experiment::FollowCaDocumentation, snapshots)
    }

    #[rstest]
    #[case::as_they_are_meant(|_record: &mut Record| {}, Holds)]
    #[case::one_fails(|record: &mut Record| {
        record.snapshots[1].answers.insert(COMMANDS.into(), "failed: no such secret".into());
    }, Violated)]
    #[case::rotates_nothing(|record: &mut Record| record.snapshots[1] = seen(ROTATED_AS_WRITTEN, 30, "old"), Violated)]
    #[case::does_not_come_back(|record: &mut Record| record.snapshots[2] = seen(ROLLED_BACK_AS_WRITTEN, 60, "new"), Violated)]
    #[case::a_pod_trusts_the_old_one(|record: &mut Record| {
        record.snapshots[1].pods = seen(INSTALLED_AS_WRITTEN, 0, "old").pods;
    }, Violated)]
    #[case::nobody_is_served(|record: &mut Record| record.snapshots[2].sessions.clear(), Violated)]
    #[case::nobody_is_there(|record: &mut Record| record.snapshots[0].pods.clear(), Violated)]
    #[case::does_not_say_whom_it_trusts(|record: &mut Record| record.snapshots[0].pods[0].inspected = None, Holds)]
    fn the_commands_of_a_readme(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = followed();
        spoil(&mut record);
        assert_eq!(judge_live(&CA_08, [record]), verdict);
    }
}
