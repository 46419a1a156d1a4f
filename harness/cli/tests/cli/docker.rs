//! A Docker daemon that stops half-way, and images that cannot be had.
//!
//! The daemon is reached through its client everywhere, so a client on PATH that loses its daemon after some answers
//! takes the same path through Holdfast as a real one does. Everything that would be built is in the cache folder.

use std::fs;

use camino::Utf8PathBuf;
use harness::cache::Cache;
use harness::images::{Record, Workshop};
use harness::versions::Versions;
use rstest::rstest;
use serde_json::json;

use crate::desk::Desk;
use crate::stdout;

/// What Docker's client says when nobody listens at its socket.
const GONE: &str = "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon \
     running?' >&2; exit 1";

/// A client whose daemon answers its version, and then as the cases say until it is gone.
fn docker(desk: &Desk, cases: &str) {
    desk.program("docker", &format!("case \"$*\" in version*) echo 29.1.0;; {cases} *) {GONE};; esac"));
}

/// A cache folder in which everything is built, and the tools on PATH at their pinned versions.
fn everything_is_built(desk: &Desk) {
    desk.borrow("tar");
    let root = Utf8PathBuf::from_path_buf(desk.path("cache/holdfast")).unwrap();
    let workshop = Workshop::open(Cache::at(root)).unwrap();
    for name in ["node", "cnpg-manifest", "postgres-library", "workload", "helm3", "helm4", "kind"] {
        let artefact = workshop.artefact(name).unwrap();
        let folder = workshop.path(name).unwrap();
        fs::create_dir_all(&folder).unwrap();
        let record = Record { key: artefact.key, seconds: 1.0, finished: "2026-08-01T12:00:00Z".into() };
        fs::write(folder.join("artefact.json"), serde_json::to_string(&record).unwrap()).unwrap();
        match name {
            "node" | "postgres-library" | "workload" => {
                let manifest = json!([{"RepoTags": [format!("holdfast.dev/{name}:1")]}]).to_string();
                let mut archive = tar::Builder::new(fs::File::create(folder.join("image.tar")).unwrap());
                let mut header = tar::Header::new_gnu();
                header.set_size(manifest.len() as u64);
                header.set_mode(0o644);
                header.set_cksum();
                archive.append_data(&mut header, "manifest.json", manifest.as_bytes()).unwrap();
                archive.finish().unwrap();
                fs::write(folder.join("preloaded.txt"), "").unwrap();
            }
            "cnpg-manifest" => fs::write(folder.join("cnpg.yaml"), "").unwrap(),
            _ => {}
        }
    }
    let kind = Versions::pinned().unwrap().pin("kind.version").unwrap().to_owned();
    // It does what kind does: it asks Docker, and passes on what Docker says.
    desk.program(
        "kind",
        &format!("case \"$1\" in version) echo kind v{kind};; *) docker ps || {{ echo 'ERROR: failed to list clusters' >&2; exit 1; }};; esac"),
    );
}

fn refused(desk: &Desk, arguments: &[&str]) -> String {
    let output = desk.holdfast(arguments);
    let said = desk.said(&output);
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert_eq!(stdout(&output), "");
    assert_eq!(desk.left(), [""; 0]);
    said
}

#[rstest]
#[case::before_an_image_is_loaded("docker stops before an image is loaded", "", "up")]
#[case::before_the_cluster_is_looked_for("docker stops before the cluster is looked for", IMAGES, "up")]
#[case::before_the_cluster_is_made("docker stops before the cluster is made", LISTING, "up")]
#[case::before_the_cluster_is_removed("docker stops before the cluster is removed", "", "down")]
fn a_daemon_that_stops_half_way_is_said_with_what_was_attempted(
    #[case] name: &str,
    #[case] answers: &str,
    #[case] command: &str,
) {
    let desk = Desk::new();
    everything_is_built(&desk);
    docker(&desk, answers);
    insta::with_settings!({filters => [(r"-[0-9a-f]{12}/", "-[key]/"), (r"after \d+ s", "after [time]")]}, {
        insta::assert_snapshot!(name, refused(&desk, &[command]));
    });
    let handle = desk.path("cache/holdfast/clusters/holdfast/handle.json");
    assert!(!handle.exists(), "a cluster that is not there has a handle");
}

const IMAGES: &str = "'image inspect'*) echo sha256:1;;";
/// Every list of containers that asks by their label is empty; kind's own question is another.
const LISTING: &str = "'image inspect'*) echo sha256:1;; 'ps --all'*) exit 0;;";

#[test]
fn a_daemon_that_docker_host_names_and_that_does_not_answer_is_named() {
    let desk = Desk::new();
    desk.borrow("docker");
    let output = desk.command(&["up"]).env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().unwrap();
    let said = desk.said(&output);
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(said.contains("unix:///nowhere/docker.sock, which DOCKER_HOST names; start it, or unset"), "{said}");
}

/// The private daemon of a cluster that stands may be stopped, or the user be in another group.
#[test]
fn a_cluster_that_is_out_of_reach_is_not_said_to_be_gone() {
    let desk = Desk::new();
    desk.program("docker", GONE);
    let handle = json!({"name": "holdfast", "provider": "kind", "kubeconfig": "/k", "context": "kind-holdfast"});
    desk.write("cache/holdfast/clusters/holdfast/handle.json", &handle.to_string());
    let said = refused(&desk, &["down"]);
    assert!(said.contains("Cannot connect to the Docker daemon"), "{said}");
    assert!(desk.path("cache/holdfast/clusters/holdfast/handle.json").exists());
}

#[test]
fn an_image_that_a_registry_refuses_and_that_cannot_be_built_is_said() {
    let desk = Desk::new();
    desk.borrow("tar");
    docker(
        &desk,
        "'manifest inspect'*) exit 0;; 'image inspect'*) exit 1;; \
         'pull '*) echo 'Error response from daemon: manifest unknown' >&2; exit 1;;",
    );
    insta::with_settings!({filters => [(r"sha256:[0-9a-f]{64}", "sha256:[digest]"), (r"after \d+ s", "after [time]")]}, {
        insta::assert_snapshot!("an image that cannot be had", refused(&desk, &["up"]));
    });
}

#[test]
fn an_image_of_no_recipe_is_a_wrong_command_line() {
    let desk = Desk::new();
    let output = desk.holdfast(&["images", "build", "nowhere"]);
    assert_eq!(output.status.code(), Some(64));
    insta::assert_snapshot!("an image of no recipe", desk.said(&output));
}
