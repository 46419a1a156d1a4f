//! BOOT-06: the documented remedy that deletes the data says so, and touches nothing else.
//!
//! The command is copied by somebody who wants the error to go away. It has to say beforehand what it takes away, and its
//! selector has to name the release: `app.kubernetes.io/name` alone is the same for every release of the chart in the
//! namespace. The live lane runs it as it is written, beside a second release.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::Workload;
use harness::record::{AFTER, BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::live::{control_rows, expect_mended};
use super::{plan, remedy, server};

/// The documented remedy that deletes the data says so, and touches nothing else.
pub const BOOT_06: Requirement = Requirement {
    id: "BOOT-06",
    title: "The documented remedy that deletes the data says so, and touches nothing else",
    level: Level::Must,
    source: "S4: remediation paths",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[Experiment::MendDeletingData],
    decisive: &[Lane::Live],
    remedy: "say before the command that all data goes, and select the claims by the release too, app.kubernetes.io/instance",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let Some(server) = server(subject, plan, check) else { return };
    let heading = plan.remedy_deleting_data.as_deref();
    let Some(remedy) = remedy(subject, heading, "the documented remedy", check) else { return };
    let words = remedy.words.to_lowercase();
    let warned =
        words.contains("data") && ["delete", "destroy", "lost", "lose"].iter().any(|word| words.contains(word));
    let state = if warned { "said" } else { "not said" };
    check.expect(&remedy.place, "before the first command, that data are deleted", &state, equal_to("said"));
    let again = remedy.has("helm", &["install"]);
    check.expect(&remedy.place, "installation at the end", &if again { "there" } else { "missing" }, equal_to("there"));
    let deletes = remedy.commands.iter().filter(|command| deletes_claims(&command.words));
    let deletes: Vec<_> = deletes.collect();
    let shown: Vec<String> = deletes.iter().map(|command| command.words.join(" ")).collect();
    check.expect(&remedy.place, "commands that delete the claim", &shown[..], not_empty());
    let release = subject.subject().releases().first().map(|release| release.name.as_str()).unwrap_or_default();
    let claims = claims_of(server);
    for command in deletes {
        check.expect(
            &remedy.place,
            "claims that it deletes",
            &reach(&command.words, &claims, release),
            equal_to(ONLY_OURS),
        );
    }
}

const ONLY_OURS: &str = "those of this release";

/// A claim of the database, with the labels that Kubernetes gives it.
struct Claim {
    name: String,
    labels: Vec<(String, String)>,
}

/// The claims of a StatefulSet: their own labels, and those of its selector.
fn claims_of(server: &Workload) -> Vec<Claim> {
    let pairs = |value: Option<&Value>| -> Vec<(String, String)> {
        let map = value.and_then(Value::as_object).into_iter().flatten();
        map.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    };
    let templates = server.object().get("spec.volumeClaimTemplates").and_then(Value::as_array).into_iter().flatten();
    let claim = |template: &Value| {
        let mut labels = pairs(template.pointer("/metadata/labels"));
        labels.extend(pairs(server.object().get("spec.selector.matchLabels")));
        let own = template.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        Claim { name: format!("{own}-{}-0", server.object().name()), labels }
    };
    templates.map(claim).collect()
}

fn deletes_claims(words: &[String]) -> bool {
    let kinds = ["pvc", "persistentvolumeclaim", "persistentvolumeclaims"];
    let is_claim = |word: &String| kinds.contains(&word.split('/').next().unwrap_or_default());
    words.first().is_some_and(|word| word == "kubectl")
        && words.iter().any(|word| word == "delete")
        && words.iter().any(is_claim)
}

/// What a command deletes, beside the claims that it should.
fn reach(words: &[String], claims: &[Claim], release: &str) -> &'static str {
    let selector =
        words.iter().zip(words.iter().skip(1)).find(|(flag, _)| ["-l", "--selector"].contains(&flag.as_str()));
    let joined = words.iter().find_map(|word| word.strip_prefix("--selector=").or_else(|| word.strip_prefix("-l=")));
    let Some(selector) = joined.or(selector.map(|(_, value)| value.as_str())) else {
        let named = claims.iter().any(|claim| words.iter().any(|word| word.rsplit('/').next() == Some(&claim.name)));
        return if named { ONLY_OURS } else { "none of this release" };
    };
    let pairs: Vec<(&str, &str)> = selector
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim_start_matches('=').trim()))
        .collect();
    let selects = |claim: &Claim| {
        pairs.iter().all(|(name, value)| claim.labels.iter().any(|label| label.0 == *name && label.1 == *value))
    };
    if !claims.iter().any(selects) {
        "none of this release"
    } else if !pairs.iter().any(|(name, value)| names_a_release(name) && *value == release) {
        "those of every release in the namespace"
    } else {
        ONLY_OURS
    }
}

/// A release may be called as its chart is, so that the value alone tells nothing.
fn names_a_release(label: &str) -> bool {
    let last = label.rsplit('/').next().unwrap_or(label);
    matches!(last, "instance" | "release")
}

fn live(records: &Records, check: &mut Check) {
    let Some(mending) = records.of(Experiment::MendDeletingData) else { return };
    let (before, after) = (mending.at(BEFORE), mending.at(AFTER));
    control_rows(before, check);
    let [own, beside] = &before.stored[..] else {
        return check.undecided(Place::object("the second release"), "its data", "it was not looked at");
    };
    check.control(beside, "rows on its volume, before", &beside.rows.is_some(), equal_to(true));
    expect_mended(after, check);
    let now = after.stored_of(&own.release);
    let rows = now.and_then(|now| now.rows);
    check.expect(own, "rows of before on its volume", &rows, equal_to(None));
    let tables = now.map(|now| now.tables.clone()).unwrap_or_default();
    check.expect(own, "tables of the application, made again", &tables[..], not_empty());
    let kept = now.is_some_and(|now| now.claims.values().any(|uid| own.claims.values().any(|known| known == uid)));
    let fate = if kept { "are the ones of before" } else { "are new" };
    check.expect(own, "its volume claims", &fate, equal_to("are new"));
    let now = after.stored_of(&beside.release);
    let rows = now.and_then(|now| now.rows);
    check.expect(beside, "rows on the volume of a release beside it", &rows, equal_to(beside.rows));
    let claims = now.map(|now| now.claims.clone()).unwrap_or_default();
    check.expect(beside, "the volume claims of a release beside it", &claims, equal_to(beside.claims.clone()));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Claim, ONLY_OURS, reach};

    #[rstest]
    #[case::by_release("kubectl delete pvc -l app=c,instance=r1", ONLY_OURS)]
    #[case::by_release_in_one_word("kubectl delete pvc --selector=app=c,instance=r1", ONLY_OURS)]
    #[case::by_a_chart_that_is_called_as_the_release(
        "kubectl delete pvc -l chart=r1",
        "those of every release in the namespace"
    )]
    #[case::by_name("kubectl delete pvc/data-r1-postgres-0", ONLY_OURS)]
    #[case::by_chart("kubectl delete pvc -l app=c", "those of every release in the namespace")]
    #[case::by_a_label_that_claims_do_not_have("kubectl delete pvc -l release=r1", "none of this release")]
    #[case::another_name("kubectl delete pvc data-other-0", "none of this release")]
    fn a_command_deletes(#[case] command: &str, #[case] expected: &str) {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let labels = vec![
            ("app".to_owned(), "c".to_owned()),
            ("instance".to_owned(), "r1".to_owned()),
            ("chart".to_owned(), "r1".to_owned()),
        ];
        assert_eq!(reach(&words, &[Claim { name: "data-r1-postgres-0".into(), labels }], "r1"), expected);
    }
}
