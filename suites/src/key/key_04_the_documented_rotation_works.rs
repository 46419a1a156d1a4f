//! KEY-04: the documented rotation of a key works as it is written.
//!
//! `--set server.auth.apiKey='new,old'` does not parse: Helm takes what follows the comma for the next value. Whoever
//! rotates a key finds that out at the moment in which the old one has leaked. So the commands of the README are read as
//! a shell reads them, handed to Helm, and what the server would find then is looked at.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::feature::Feature;
use harness::finding::Place;
use harness::helm::PackageFile;
use harness::readme::Readme;
use harness::rendered::{Change, Rendered, renders};
use harness::requirement::{Lane, Level, Requirement};

use super::{listed, plan};

/// The documented rotation of a key works as it is written.
pub const KEY_04: Requirement = Requirement {
    id: "KEY-04",
    title: "The documented rotation of a key works as it is written",
    level: Level::Must,
    source: "S4: `--set server.auth.apiKey='new-key,old-key'`",
    since: "1.0",
    revision: 1,
    features: &[Feature::ApiKeys],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "escape the comma in the README, `--set 'server.auth.apiKey=new\\,old'`, or use --set-literal",
    rendered: Some(rendered),
    live: None,
};

/// Flags of Helm that bring values, each with the value behind it.
const VALUES: &[&str] = &["--set", "--set-string", "--set-literal", "--set-json"];

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let Some(chart) = subject.chart() else {
        let hint = "the manifests came without their chart, and so without its README";
        return check.undecided(Place::object("the chart"), "its README", hint);
    };
    let place = chart.place("README.md");
    let Some(heading) = &plan.rotation else {
        let hint = "which section it is nobody says; name its heading as `apiKeys.rotation` in the subject file";
        return check.undecided(place, "the documented rotation", hint);
    };
    let readme = Readme::parse(chart.readme().and_then(PackageFile::text).unwrap_or_default());
    let commands = readme.section(heading).map(|section| section.commands(&stand_in)).unwrap_or_default();
    let steps = commands.into_iter().filter(|command| changes_a_release(&command.words));
    let steps: Vec<_> = steps.collect();
    let written: Vec<String> = steps.iter().map(|step| step.words.join(" ")).collect();
    if !check.expect(&place, format!("commands of Helm under `{heading}`"), &written[..], not_empty()) {
        return;
    }
    let (mut reused, mut lists) = (Vec::new(), Vec::new());
    for step in &steps {
        if !step.words.iter().any(|word| word == "--reuse-values") {
            reused.clear();
        }
        reused.extend(value_arguments(&step.words));
        let mut at = place.clone();
        at.line = Some(step.line);
        let Some(attempt) = subject.with(&Change::arguments(reused.clone()), check) else { return };
        if !check.expect(&at, "the documented command", &attempt, renders()) {
            return;
        }
        lists.extend(attempt.rendering().and_then(|rendering| listed(rendering, plan)));
    }
    if lists.is_empty() {
        let hint = "the release does not make the Secret of `apiKeys` in the subject file";
        return check.undecided(place, "the list that the server finds", hint);
    }
    let most = lists.iter().map(Vec::len).max().unwrap_or(0);
    check.expect(&place, "keys that are valid at once, at most", &most, equal_to(2_usize));
    let last = lists.last().map_or(0, Vec::len);
    check.expect(&place, "keys that are valid at the end", &last, equal_to(1_usize));
}

/// What stands in for a variable of the shell, when it is told how people would fill it.
fn stand_in(variable: &str) -> String {
    format!("holdfast-{}", variable.to_lowercase().replace('_', "-"))
}

fn changes_a_release(words: &[String]) -> bool {
    words.first().is_some_and(|program| program == "helm")
        && words.iter().any(|word| word == "upgrade" || word == "install")
}

/// The flags with which a command sets values, as it writes them.
fn value_arguments(words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if VALUES.contains(&word.as_str()) {
            found.push(word.clone());
            found.extend(words.next().cloned());
        } else if VALUES.iter().any(|flag| word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))) {
            found.push(word.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::value_arguments;

    #[rstest]
    #[case::behind_the_flag("helm upgrade a . --set k=v --wait", "--set k=v")]
    #[case::in_one_word("helm upgrade a . --set-string=k=v", "--set-string=k=v")]
    #[case::no_values("helm upgrade a . --settle", "")]
    fn a_command_brings_values(#[case] command: &str, #[case] expected: &str) {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(value_arguments(&words).join(" "), expected);
    }
}
