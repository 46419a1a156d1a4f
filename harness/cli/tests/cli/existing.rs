//! A cluster of somebody else's: named on the command line, proven before anything is made, never taken down.

use rstest::rstest;
use serde_json::{Value, json};

use crate::api_server::{ApiServer, Character, DEAD, GOOD, kubeconfig};
use crate::desk::Desk;
use crate::stdout;

/// A run on the context `gate` of the desk's kubeconfig, of one requirement that needs no cluster.
const RUN: [&str; 9] = [
    "run",
    "--subject",
    "subject.yaml",
    "--only",
    "RENDER-11",
    "--context",
    "gate",
    "--kubeconfig",
    "../home/kubeconfig",
];

fn refused(desk: &Desk, arguments: &[&str], code: i32) -> String {
    let output = desk.holdfast(arguments);
    let said = desk.said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(stdout(&output), "");
    assert_eq!(desk.left(), [""; 0]);
    said
}

#[test]
fn a_context_that_does_not_exist_is_refused_with_those_that_do() {
    let desk = Desk::new();
    kubeconfig(&desk, "127.0.0.1:1");
    let mut arguments = RUN;
    arguments[6] = "prod";
    insta::assert_snapshot!("a context that does not exist", refused(&desk, &arguments, 64));
}

#[test]
fn a_kubeconfig_that_does_not_exist_is_named() {
    insta::assert_snapshot!("a kubeconfig that does not exist", refused(&Desk::new(), &RUN, 64));
}

#[rstest]
#[case::no_yaml("a kubeconfig that is not YAML", "users:\n- user:\n    token: hunter2\n  name: [\n")]
#[case::something_else("a kubeconfig that is none", "contexts: hunter2\n")]
fn what_is_wrong_in_a_kubeconfig_is_said_without_quoting_it(#[case] name: &str, #[case] text: &str) {
    let desk = Desk::new();
    desk.write("home/kubeconfig", text);
    let said = refused(&desk, &RUN, 64);
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!(name, said);
}

#[test]
fn a_kubeconfig_alone_does_not_choose_a_cluster() {
    let desk = Desk::new();
    let said = refused(&desk, &["run", "--subject", "subject.yaml", "--kubeconfig", "../home/kubeconfig"], 64);
    assert!(said.contains("--context <NAME>"), "{said}");
}

#[test]
fn a_server_that_is_not_reached_is_named() {
    let desk = Desk::new();
    // Port 1 of this machine: nobody listens there.
    kubeconfig(&desk, "127.0.0.1:1");
    insta::assert_snapshot!("a server that is not reached", refused(&desk, &RUN, 70));
}

fn may_do_little(resource: &str, verb: &str) -> bool {
    !matches!(
        (resource, verb),
        ("namespaces", "create" | "delete") | ("pods/exec", "create") | ("clusterroles", "bind")
    )
}

fn may_do_all_but_make_namespaces(resource: &str, verb: &str) -> bool {
    (resource, verb) != ("namespaces", "create")
}

fn may_enter(resource: &str, _verb: &str) -> bool {
    matches!(resource, "namespaces" | "clusters" | "rolebindings" | "clusterroles")
}

fn half_a_role() -> Value {
    json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch", "create", "patch"]}])
}

fn whole_role() -> Value {
    json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
}

#[rstest]
#[case::a_stranger("a user whom the server does not know", Character { knows_the_user: false, ..GOOD })]
#[case::no_rights("a user without rights", Character { allows: |_, _| false, ..GOOD })]
#[case::some_rights("a user with some rights", Character { allows: may_do_little, ..GOOD })]
#[case::no_namespaces(
    "a user who may not make namespaces", Character { allows: may_do_all_but_make_namespaces, ..GOOD })]
#[case::no_role("a user whose role is not there", Character { allows: may_enter, ..GOOD })]
#[case::half_a_role(
    "a user whose role grants half", Character { allows: may_enter, bench_role: Some(half_a_role), ..GOOD })]
#[case::no_operator("a cluster without CloudNativePG", Character { operator: false, ..GOOD })]
fn what_a_cluster_lacks_is_said_all_at_once_before_anything_is_made(#[case] name: &str, #[case] character: Character) {
    let (desk, server) = (Desk::new(), ApiServer::start(character));
    server.kubeconfig(&desk);
    insta::assert_snapshot!(name, refused(&desk, &RUN, 70));
    assert_eq!(server.made(), [""; 0]);
}

#[rstest]
#[case::rights_everywhere(GOOD)]
#[case::rights_in_its_own_namespaces(Character { allows: may_enter, bench_role: Some(whole_role), ..GOOD })]
fn a_run_on_a_cluster_that_is_fit_says_in_its_report_where_images_come_from(#[case] character: Character) {
    let (desk, server) = (Desk::new(), ApiServer::start(character));
    server.kubeconfig(&desk);
    let output = desk.holdfast(&RUN);
    let report = std::fs::read_to_string(desk.path("work/target/holdfast/latest/report.json"));
    let report: Value = serde_json::from_str(&report.unwrap_or_else(|_| panic!("{}", desk.said(&output)))).unwrap();
    assert_eq!(report["environment"]["provider"], "existing", "{}", report["environment"]);
    assert_eq!(report["environment"]["context"], "gate");
    assert_eq!(report["environment"]["kubernetes"], "1.36.3");
    assert!(report["environment"]["images"].as_str().unwrap().starts_with("pulled by the nodes"));
    // The requirement needs no experiment, so nothing is made on the cluster either.
    assert_eq!(server.made(), [""; 0]);
}

#[test]
fn a_cluster_of_somebody_elses_is_not_taken_down() {
    let desk = Desk::new();
    let handle = json!({
        "name": "gate", "provider": "existing", "kubeconfig": "/home/me/.kube/config", "context": "gate",
    });
    desk.write("cache/holdfast/clusters/gate/handle.json", &handle.to_string());
    insta::assert_snapshot!("down on a cluster of somebody else's", refused(&desk, &["down", "--name", "gate"], 64));
    assert!(desk.path("cache/holdfast/clusters/gate/handle.json").exists());
}

#[test]
fn what_a_dead_run_left_is_swept_with_the_least_rights() {
    let (desk, server) = (Desk::new(), ApiServer::start(GOOD));
    server.kubeconfig(&desk);
    let output = desk.holdfast(&["sweep", "--context", "gate", "--kubeconfig", "../home/kubeconfig"]);
    assert_eq!(output.status.code(), Some(0), "{}", desk.said(&output));
    assert_eq!(
        stdout(&output),
        format!("run 20260101-0000-dead: removed namespace {DEAD}\nNothing of a dead run is left.\n")
    );
    assert_eq!(server.made(), [format!("DELETE /api/v1/namespaces/{DEAD}?")]);
}

#[test]
fn the_manifest_of_the_least_rights_is_printed_as_it_is_applied() {
    let output = Desk::new().holdfast(&["rbac"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), harness::cluster::RBAC_MANIFEST);
}
