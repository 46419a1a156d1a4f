//! The command `holdfast`.
//!
//! It parses, calls the library and turns what comes back into an exit code. What it knows of its own is the command
//! line; everything that it says to people goes through [`terminal`].

mod commands;
mod existing;
mod failure;
mod gate;
mod ground;
mod log;
mod progress;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use harness::exit;

use commands::Command;
use terminal::Terminal;

/// Says whether a Helm chart that uses PostgreSQL does what the people who run it need, requirement by requirement.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:\n  \
    0   nothing that was asked for is violated, or it is waived, and nothing that had to be told is open\n  \
    1   something that binds is violated\n  \
    3   incomplete: interrupted, or a requested MUST could not be checked\n  \
    64  the command line, or a file that it names, is wrong\n  \
    70  Holdfast or its environment broke; nothing is said about the subject";

fn main() -> ExitCode {
    // Two parts of the dependency tree bring a TLS provider each; the first one to be installed counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let terminal = Terminal::new();
    log::tell(&terminal);
    let code = match Cli::try_parse() {
        Ok(cli) => match cli.command.run(&terminal) {
            Ok(code) => code,
            Err(failure) => {
                terminal.complain(&failure);
                failure.code()
            }
        },
        Err(error) => {
            // Help that was asked for is an answer; clap reports both in the same way, and usage errors with 2.
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            terminal.usage(&error, asked);
            if asked { exit::HOLDS } else { exit::USAGE }
        }
    };
    ExitCode::from(code)
}
