//! The binary as people and pipelines call it: what it prints, where, and with which exit code it ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed; clippy allows it in test functions only"
)]

mod api_server;
mod bad_input;
mod carried;
mod check;
mod desk;
mod disk;
mod dist;
mod docker;
mod docs;
mod doctor;
mod existing;
mod fetched;
mod gate;
mod pages;
mod pipelines;
mod report;
mod usage;

use std::process::{Command, Output};

/// A call of `holdfast` in an empty folder of its own, without the caller's colours.
fn holdfast(folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.current_dir(folder).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
