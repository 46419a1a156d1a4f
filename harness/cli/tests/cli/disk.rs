//! A disk that is full: of reports, of what is printed, and of a run.

use std::fs::File;
use std::path::Path;

use rstest::rstest;

use crate::api_server::{ApiServer, GOOD};
use crate::desk::Desk;

/// Runs its arguments where files can hold next to nothing: on a disk of one page below `target` if this user may mount
/// one, else under a limit of the size of files. Either way every write of a run meets the system's refusal. What is
/// left is listed before the disk is gone with its mount.
const SMALL_DISK: &str = "mkdir -p target/holdfast; if unshare --mount true 2>/dev/null; then \
     exec unshare --mount sh -c 'mount -t tmpfs -o size=4k,mode=777 full target && \"$@\"; code=$?; \
     ls -A target/holdfast >../home/left; exit $code' sh \"$@\"; \
     else trap '' XFSZ; ulimit -f 1; \"$@\"; code=$?; ls -A target/holdfast >../home/left; exit $code; fi";

fn on_a_small_disk(desk: &Desk, arguments: &[&str]) -> std::process::Output {
    for program in ["mkdir", "unshare", "mount", "sh", "true", "ls"] {
        desk.borrow(program);
    }
    desk.through(Path::new("/bin/sh"), &["-c", SMALL_DISK, "sh"], arguments).output().unwrap()
}

#[test]
fn a_run_whose_plan_cannot_be_kept_leaves_neither_a_folder_nor_credentials() {
    let (desk, server) = (Desk::new(), ApiServer::start(GOOD));
    server.kubeconfig(&desk);
    let run = ["run", "--subject", "subject.yaml", "--only", "RENDER-11", "--context", "gate"];
    let output = on_a_small_disk(&desk, &[&run[..], &["--kubeconfig", "../home/kubeconfig"]].concat());
    let said = desk.said(&output);
    assert_eq!(output.status.code(), Some(70), "{said}");
    insta::with_settings!({filters => [
        (r"\d{8}-\d{4}-[0-9a-z]+", "[run]"),
        (r"No space left on device \(os error 28\)|File too large \(os error 27\)", "[full]"),
    ]}, {
        insta::assert_snapshot!("a plan that cannot be kept", said);
    });
    assert_eq!(std::fs::read_to_string(desk.path("home/left")).unwrap(), "");
    assert_eq!(desk.left(), [""; 0]);
    assert_eq!(server.made(), [""; 0]);
}

#[rstest]
#[case::a_report("a report on a full disk", &["check", "shop", "--output", "/dev/full"])]
#[case::a_list("a list on a full disk", &["catalog"])]
fn what_cannot_be_written_is_named(#[case] name: &str, #[case] arguments: &[&str]) {
    let desk = Desk::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = desk.command(arguments).stdout(full).output().unwrap();
    let said = desk.said(&output);
    assert_eq!(output.status.code(), Some(70), "{said}");
    insta::assert_snapshot!(name, said);
    assert_eq!(desk.left(), [""; 0]);
}
