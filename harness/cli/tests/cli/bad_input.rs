//! Files, names and programs that are wrong: one message that says what was attempted, on what, why it failed and what
//! to do, and nothing left behind.

use rstest::rstest;

use crate::desk::Desk;
use crate::stdout;

/// The whole message is pinned: whoever changes one reads it again.
fn refused(desk: &Desk, arguments: &[&str], code: i32) -> String {
    let output = desk.holdfast(arguments);
    let said = desk.said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(stdout(&output), "");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    assert_eq!(desk.left(), [""; 0]);
    said
}

#[rstest]
#[case::a_chart("a missing chart", &["check", "nowhere"])]
#[case::a_values_file("a missing values file", &["check", "shop", "-f", "nowhere.yaml"])]
#[case::manifests("missing manifests", &["check", "--manifests", "nowhere.yaml"])]
#[case::a_subject_to_check("a missing subject to check", &["check", "--subject", "nowhere.yaml"])]
#[case::a_subject_to_run("a missing subject to run", &["run", "--subject", "nowhere.yaml"])]
#[case::a_report("a missing run", &["report", "nowhere"])]
fn a_file_that_is_not_there_is_named(#[case] name: &str, #[case] arguments: &[&str]) {
    insta::assert_snapshot!(name, refused(&Desk::new(), arguments, 64));
}

#[rstest]
#[case::to_check("a chart that does not render", &["check", "shop"])]
fn a_chart_that_does_not_render_shows_what_helm_says(#[case] name: &str, #[case] arguments: &[&str]) {
    let desk = Desk::new();
    desk.helm_that_refuses();
    insta::assert_snapshot!(name, refused(&desk, arguments, 64));
}

#[test]
fn manifests_that_are_no_yaml_are_shown_with_their_path_and_position() {
    let desk = Desk::new();
    desk.write("work/shop/values.yaml", "a: [b\n");
    let arguments = ["check", "--manifests", "shop/values.yaml"];
    insta::assert_snapshot!("manifests that are no YAML", refused(&desk, &arguments, 64));
}

#[test]
fn a_duplicate_key_in_a_values_file_is_shown_with_its_position() {
    let desk = Desk::new();
    desk.write("work/values.yaml", "database:\n  host: a\n  port: 5432\n  host: b\n");
    insta::assert_snapshot!("a duplicate key", refused(&desk, &["check", "shop", "-f", "values.yaml"], 64));
}

#[rstest]
#[case::a_field("a subject with an unknown field", "kind: Subject", "kind: Subject\noverlay: {}")]
#[case::a_nested_field("a subject with a misspelt field", "values: [", "valeus: [")]
#[case::a_duplicate("a subject with a duplicate key", "kind: Subject", "kind: Subject\nkind: Subject")]
#[case::another_kind("a subject of another kind", "kind: Subject", "kind: Deployment")]
#[case::a_file_in_it("a subject that names a missing file", "[values.yaml]", "[nowhere.yaml]")]
fn what_is_wrong_in_a_subject_is_shown_with_its_position(#[case] name: &str, #[case] text: &str, #[case] with: &str) {
    let desk = Desk::new();
    let subject = std::fs::read_to_string(desk.path("work/subject.yaml")).unwrap();
    desk.write("work/subject.yaml", &subject.replacen(text, with, 1));
    insta::assert_snapshot!(name, refused(&desk, &["run", "--subject", "subject.yaml"], 64));
}

#[rstest]
#[case::to_check("an unknown overlay to check", &["check", "--subject", "subject.yaml", "--overlay", "prod"])]
#[case::to_run("an unknown overlay to run", &["run", "--subject", "subject.yaml", "--overlay", "prod"])]
fn an_overlay_that_the_subject_does_not_have_is_refused_before_anything_is_made(
    #[case] name: &str,
    #[case] arguments: &[&str],
) {
    insta::assert_snapshot!(name, refused(&Desk::new(), arguments, 64));
}

#[rstest]
#[case::too_old("helm 2", "helm", "echo v2.17.0")]
#[case::not_helm_at_all("a helm that says nothing", "helm", "exit 1")]
fn a_helm_of_the_wrong_major_is_refused(#[case] name: &str, #[case] program: &str, #[case] script: &str) {
    let desk = Desk::new();
    std::fs::remove_file(desk.path("bin/helm4")).unwrap();
    desk.program(program, script);
    insta::assert_snapshot!(name, refused(&desk, &["check", "shop"], 70));
}

#[test]
fn without_any_helm_it_is_said_how_to_get_one() {
    let desk = Desk::new();
    std::fs::remove_file(desk.path("bin/helm4")).unwrap();
    insta::assert_snapshot!("no helm", refused(&desk, &["check", "shop"], 70));
}
