//! Command lines that are wrong, and those that ask for help.

use rstest::rstest;

use crate::{holdfast, stderr, stdout};

#[rstest]
#[case::no_subcommand(&[], "Usage: holdfast <COMMAND>")]
#[case::unknown_subcommand(&["frobnicate"], "unrecognized subcommand 'frobnicate'")]
#[case::unknown_option(&["catalog", "--fast"], "unexpected argument '--fast'")]
#[case::unknown_format(&["catalog", "--format", "yaml"], "invalid value 'yaml' for '--format <FORMAT>'")]
#[case::a_feature(&["explain", "ca.rotation"], "that is a feature, which a subject claims or its manifests show; CA-")]
#[case::a_feature_of_no_requirement(&["explain", "gitops"], "or its manifests show; it makes checks stricter")]
#[case::an_experiment(&["explain", "foreign-ca"], "that is an experiment of the live lane; CA-")]
#[case::unknown_requirement(&["explain", "NOPE-77"], "the contract has none of that id")]
#[case::profile_without_a_version(&["explain", "cnpg-app"], "did you mean cnpg-app@1?")]
#[case::unknown_run(&["report", "20250101-0000-aaaa"], "find the run target/holdfast/20250101-0000-aaaa")]
#[case::unknown_lane(&["mutants", "run", "--lane", "fast"], "invalid value 'fast' for '--lane <LANE>'")]
#[case::no_mutants(&["mutants", "run", "--lane", "live"], "read the mutants in fixtures/mutants")]
#[case::nothing_to_measure_with(&["bench"], "it has no folder `subjects`; run in a checkout")]
#[case::a_variable_that_is_not_set(&["down", "--name", ""], "a name is 1 to 40 of a-z, 0-9 and -")]
#[case::a_name_that_leads_elsewhere(&["sweep", "--name", ".."], "a name is 1 to 40 of a-z, 0-9 and -")]
#[case::no_run_yet(&["report"], "`holdfast run` makes one")]
fn a_wrong_command_line_exits_with_64_and_says_why_on_standard_error(#[case] arguments: &[&str], #[case] why: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = holdfast(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "something was left behind");
}

#[rstest]
#[case::help(&["--help"], "Exit codes:")]
#[case::help_of_a_command(&["report", "--help"], "Usage: holdfast report")]
#[case::version(&["--version"], "holdfast ")]
fn help_that_was_asked_for_is_an_answer(#[case] arguments: &[&str], #[case] answer: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = holdfast(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains(answer), "{}", stdout(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_catalogue_for_machines_is_a_list_in_the_order_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let output = holdfast(folder.path(), &["catalog", "--format", "json"]);
    let entries: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ids: Vec<&str> = entries.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids, suites::CATALOG.iter().map(|requirement| requirement.id).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn every_requirement_can_be_explained() {
    let folder = tempfile::tempdir().unwrap();
    for requirement in suites::CATALOG {
        let output = holdfast(folder.path(), &["explain", &requirement.id.to_lowercase()]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains(requirement.remedy), "{}", stdout(&output));
    }
}
