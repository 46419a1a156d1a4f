//! What `holdfast doctor` finds on a machine.

use harness::versions::Versions;

use crate::desk::Desk;
use crate::stdout;

#[test]
fn each_helm_is_found_under_the_name_that_tells_its_major_version() {
    let desk = Desk::new();
    let versions = Versions::pinned().unwrap();
    let pinned = |key| versions.pin(key).unwrap().to_owned();
    let (three, four) = (pinned("helm3.version"), pinned("helm4.version"));
    desk.program("helm3", &format!("echo v{three}+g0123456"));
    desk.program("helm4", "echo v4.0.0+g0123456");
    desk.program("helm", &format!("echo v{four}+g0123456"));
    let output = desk.holdfast(&["doctor"]);
    let told = stdout(&output);
    let line = |version: &str| told.lines().find(|line| line.contains(&format!("helm {version}"))).unwrap_or_default();
    assert!(line(&three).ends_with("/bin/helm3"), "{told}");
    assert!(line(&four).ends_with("/bin/helm"), "what is pinned counts, whatever stands before it\n{told}");
}
