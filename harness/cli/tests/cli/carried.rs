//! What the program carries inside, for machines without a checkout.

use std::fs;
use std::path::Path;

use harness::subject::Subject;
use rstest::rstest;

use crate::desk::Desk;
use crate::stdout;

const SUBJECTS: [&str; 4] = ["agents", "certctl", "infisical", "platform"];

#[test]
fn the_examples_are_the_reference_subjects_as_they_are() {
    let desk = Desk::new();
    let output = desk.holdfast(&["examples", "../examples"]);
    assert_eq!(output.status.code(), Some(0), "{}", desk.said(&output));
    let folder = desk.path("examples");
    let told: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
    assert_eq!(told, SUBJECTS.map(|name| format!("holdfast check --subject ../examples/subjects/{name}.yaml")));
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    for name in SUBJECTS {
        let subject = folder.join(format!("subjects/{name}.yaml"));
        let readable = Subject::read(camino::Utf8Path::from_path(&subject).unwrap());
        readable.unwrap_or_else(|error| panic!("{name}: {error}"));
        let chart = format!("charts/{name}/Chart.yaml");
        assert_eq!(fs::read(folder.join(&chart)).unwrap(), fs::read(fixtures.join(&chart)).unwrap(), "{chart}");
    }
    assert!(!folder.join("subjects/specimens").exists());
}

#[test]
fn examples_are_not_written_over_somebodys_files() {
    let desk = Desk::new();
    desk.write("examples/mine.txt", "mine");
    let output = desk.holdfast(&["examples", "../examples"]);
    let said = desk.said(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("there is something in it already"), "{said}");
    assert_eq!(fs::read_dir(desk.path("examples")).unwrap().count(), 1);
}

#[rstest]
#[case::subject("subject")]
#[case::report("report")]
fn a_schema_is_the_committed_one(#[case] name: &str) {
    let desk = Desk::new();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../schemas/{name}.v1.json"));
    let output = desk.holdfast(&["schema", name]);
    let carried = stdout(&output);
    let committed = fs::read_to_string(committed).unwrap();
    let differing = carried.lines().zip(committed.lines()).find(|(carried, committed)| carried != committed);
    assert!(carried == committed, "`holdfast schema {name}` is not what is committed; first: {differing:#?}");
}
