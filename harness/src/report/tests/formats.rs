//! What readers and machines get, whole, as golden files. A change here is a change of an interface.

use insta::{assert_json_snapshot, assert_snapshot};

use super::{Story, eventful, holds, key, plan};
use crate::report::{Report, Style, junit, sarif, summary, text};
use crate::requirement::Lane;
use crate::run::Event;

fn style() -> Style<'static> {
    Style { colour: false, artefacts: Some("target/holdfast/20261122-1412-k3f9".into()) }
}

fn interrupted() -> Report {
    let judged = key("local", "RENDER-01", Lane::Rendered);
    Story::begun(plan()).judged(judged, holds()).then(Event::Interrupted { signal: "SIGTERM".into() }).report()
}

#[test]
fn the_report_for_machines() {
    assert_json_snapshot!(eventful().report());
}

#[test]
fn the_report_for_ci() {
    assert_snapshot!(junit(&eventful().report()).unwrap());
}

#[test]
fn the_report_for_ci_of_a_run_that_was_interrupted() {
    assert_snapshot!(junit(&interrupted()).unwrap());
}

#[test]
fn the_report_on_a_terminal() {
    assert_snapshot!(text(&eventful().report(), style()));
}

#[test]
fn the_report_on_a_terminal_when_everything_holds() {
    assert_snapshot!(text(&Story::good().report(), style()));
}

#[test]
fn the_report_on_a_terminal_of_a_run_that_was_interrupted() {
    assert_snapshot!(text(&interrupted(), style()));
}

#[test]
fn the_report_for_a_merge_request() {
    assert_snapshot!(summary(&eventful().report()));
}

#[test]
fn the_report_for_code_scanning() {
    assert_json_snapshot!(sarif(&eventful().report()));
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let report = eventful().report();
    let coloured = text(&report, Style { colour: true, ..style() });
    let mut plain = String::new();
    for piece in coloured.split('\u{1b}') {
        plain.push_str(piece.split_once('m').filter(|_| piece.starts_with('[')).map_or(piece, |(_, rest)| rest));
    }
    assert_ne!(coloured, plain);
    assert_eq!(plain, text(&report, style()));
}

#[test]
fn the_committed_schema_is_the_one_of_the_code() {
    let generated = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/report.v1.json");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "{path} is stale: run this test with INSTA_UPDATE=always and look at the difference"
    );
}

#[test]
fn reports_validate_against_the_schema_and_read_back_equal() {
    let schema = serde_json::to_value(schemars::schema_for!(Report)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [eventful().report(), interrupted(), Story::good().report()] {
        let value = serde_json::to_value(&report).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(serde_json::from_value::<Report>(value).unwrap(), report);
    }
    let mut broken = serde_json::to_value(eventful().report()).unwrap();
    broken["results"][0]["verdict"] = "passed".into();
    assert!(!validator.is_valid(&broken));
}
