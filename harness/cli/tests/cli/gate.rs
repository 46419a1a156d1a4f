//! What the owner of a gate demands and accepts: profiles and waivers.

use std::process::Output;
use std::sync::Arc;

use camino::Utf8Path;
use harness::subject::Subject;
use harness::waiver::Waiver;
use rstest::rstest;

use crate::desk::Desk;
use crate::stdout;

/// A client that dials in the clear, which TLS-01 does not let through.
const IN_THE_CLEAR: &str = "apiVersion: apps/v1\\nkind: Deployment\\nmetadata: {name: shop}\\nspec:\\n  template:\\n    \
     spec:\\n      containers:\\n      - name: shop\\n        image: example.org/shop:1\\n        env:\\n        \
     - {name: PGHOST, value: db}\\n        - {name: PGSSLMODE, value: disable}\\n";

fn waivers(waiver: &str) -> String {
    format!("apiVersion: holdfast.dev/v1\nkind: Waivers\nwaivers:\n  - {{{waiver}}}\n")
}

/// A machine whose chart dials in the clear, and a file of one waiver.
fn desk(waiver: &str) -> Desk {
    let desk = Desk::new();
    desk.helm(IN_THE_CLEAR);
    // Outside the folder whose content a test looks at.
    desk.write("home/waivers.yaml", &waivers(waiver));
    desk
}

const REST: &str = "subject: shop, reason: the new driver comes in January, owner: platform-team";

fn checked(desk: &Desk, more: &[&str]) -> Output {
    desk.holdfast(&[&["check", "--subject", "subject.yaml", "--only", "TLS-01"], more].concat())
}

#[rstest]
#[case::good(
    "expires: 2999-12-31",
    0,
    "not conformant, because 1 violation is waived: TLS-01 of shop by platform-team until 2999-12-31"
)]
#[case::expired(
    "expires: 2020-01-31",
    1,
    "the waiver of TLS-01 of shop by platform-team expired on 2020-01-31 and does not count"
)]
fn a_violation_is_waived_for_a_time(#[case] until: &str, #[case] code: i32, #[case] said: &str) {
    let desk = desk(&format!("id: TLS-01, {REST}, {until}"));
    assert_eq!(checked(&desk, &[]).status.code(), Some(1), "without the waiver");
    let output = checked(&desk, &["--waivers", "../home/waivers.yaml"]);
    assert!(stdout(&output).contains(said), "{}{}", stdout(&output), desk.said(&output));
    assert_eq!(output.status.code(), Some(code));
}

#[test]
fn a_waiver_that_nothing_needs_is_said() {
    let desk = desk(&format!("id: TLS-01, {REST}, expires: 2999-12-31"));
    desk.helm(&IN_THE_CLEAR.replace("disable", "verify-full"));
    let output = checked(&desk, &["--waivers", "../home/waivers.yaml"]);
    let said = "the waiver of TLS-01 of shop by platform-team was not needed: what was judged of it is not violated";
    assert!(stdout(&output).contains(said), "{}{}", stdout(&output), desk.said(&output));
}

#[test]
fn what_a_profile_demands_and_a_subject_does_not_claim_is_violated() {
    let desk = Desk::new();
    let rotation = |more: &[&str]| {
        desk.holdfast(&[&["check", "--subject", "subject.yaml", "--only", "ROT-01,ROT-04"], more].concat())
    };
    assert_eq!(rotation(&[]).status.code(), Some(3), "nothing applies, so nothing was judged");
    let output = rotation(&["--profile", "cnpg-app@1"]);
    assert_eq!(output.status.code(), Some(1), "{}", desk.said(&output));
    insta::with_settings!({filters => [(r"again   \S+", "again   holdfast"), (r"\d+\.\d s  ", "[time]  "), (r"\d+ not-run", "[many] not-run")]}, {
        insta::assert_snapshot!("a profile that demands more", stdout(&output));
    });
}

#[test]
fn a_feature_that_only_makes_checks_stricter_is_judged_as_if_it_were_claimed() {
    let desk = Desk::new();
    desk.write("home/mine.yaml", "apiVersion: holdfast.dev/v1\nkind: Profile\nmetadata: {name: mine, version: 1}\nsummary: Mine\ndemands: [gitops]\n");
    let renders = |more: &[&str]| {
        let output = desk.holdfast(
            &[&["check", "--subject", "subject.yaml", "--only", "RENDER-05", "--format", "json"], more].concat(),
        );
        let report: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
        let results = report["results"].as_array().unwrap();
        let of_it = results.iter().find(|result| result["id"] == "RENDER-05" && result["lane"] == "rendered");
        of_it.unwrap()["verdict"].clone()
    };
    assert_eq!(renders(&[]), "not-applicable");
    assert_eq!(renders(&["--profile", "../home/mine.yaml"]), "holds");
}

#[rstest]
#[case::a_profile("an unknown profile", &["--profile", "cnpg-app@7"])]
#[case::a_file("a missing profile", &["--profile", "./nowhere.yaml"])]
#[case::waivers("missing waivers", &["--waivers", "nowhere.yaml"])]
fn what_is_not_there_is_named(#[case] name: &str, #[case] more: &[&str]) {
    insta::assert_snapshot!(name, refused(&Desk::new(), more));
}

#[rstest]
#[case::an_unknown_id("a waiver of an unknown id", "id: TLS-77, expires: 2999-12-31")]
#[case::a_duplicate_key("a waiver with a duplicate key", "id: TLS-01, id: TLS-02, expires: 2999-12-31")]
#[case::a_day_that_is_none("a waiver until no day", "id: TLS-01, expires: soon")]
#[case::no_such_overlay("a waiver under an unknown overlay", "id: TLS-01, overlay: prod, expires: 2999-12-31")]
fn what_is_wrong_in_a_file_of_waivers_is_shown_with_its_position(#[case] name: &str, #[case] waiver: &str) {
    let desk = desk(&format!("{waiver}, {REST}"));
    insta::assert_snapshot!(name, refused(&desk, &["--waivers", "../home/waivers.yaml"]));
}

#[test]
fn a_subject_for_a_later_contract_is_refused() {
    let desk = Desk::new();
    let subject = std::fs::read_to_string(desk.path("work/subject.yaml")).unwrap();
    desk.write("work/subject.yaml", &subject.replace("\"1.0\"", "\"1.7\""));
    insta::assert_snapshot!("a subject for a later contract", refused(&desk, &[]));
}

/// `run` and `check` say the same, before anything is made.
fn refused(desk: &Desk, more: &[&str]) -> String {
    let said = |command: &str| {
        let output = desk.holdfast(&[&[command, "--subject", "subject.yaml"], more].concat());
        assert_eq!(output.status.code(), Some(64), "{}", desk.said(&output));
        assert_eq!(stdout(&output), "");
        assert_eq!(desk.left(), [""; 0]);
        desk.said(&output)
    };
    let (checked, run) = (said("check"), said("run"));
    assert_eq!(checked, run);
    run
}

#[test]
fn the_catalogue_names_every_profile_and_each_can_be_explained() {
    let desk = Desk::new();
    let listed = desk.holdfast(&["catalog"]);
    for profile in suites::profiles().unwrap() {
        assert!(stdout(&listed).contains(&profile.summary), "{}", stdout(&listed));
        let explained = desk.holdfast(&["explain", &profile.name]);
        assert_eq!(explained.status.code(), Some(0));
        for feature in &profile.demands {
            assert!(stdout(&explained).contains(&format!("demands     {feature}\n")), "{}", stdout(&explained));
        }
    }
    let unknown = desk.holdfast(&["explain", "cnpg-app@7"]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(desk.said(&unknown).contains("Holdfast brings bundled-postgres@1, cnpg-app@1"), "{}", desk.said(&unknown));
}

#[test]
fn the_example_in_the_readme_is_a_file_that_is_read() {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("fixtures/gates/waivers.yaml");
    let subject = Subject::read(&root.join("fixtures/subjects/agents.yaml")).unwrap();
    let waivers = Waiver::read_all(&file, suites::CATALOG, &[Arc::new(subject)]).unwrap();
    assert_eq!(waivers.len(), 1);
    let text = std::fs::read_to_string(&file).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains(&text), "README.md shows another file than {file}");
}
