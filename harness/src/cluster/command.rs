//! Running another program to its end, with an error that a person can act on.

use std::ffi::OsStr;
use std::process::Stdio;

use camino::Utf8PathBuf;
use tokio::process::Command;

use crate::host::leash;

/// Why a program did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It cannot be started.
    #[error("start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What it is to read cannot be opened.
    #[error("open {path}")]
    Input {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended with another code than 0.
    #[error("run `{line}`: it ended with {status}{}", said(.message))]
    Failed {
        /// Program and arguments.
        line: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines that it wrote to standard error.
        message: String,
    },
}

/// The last lines of an error output tell more than the first.
const LINES_KEPT: usize = 8;

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" and said: {message}") }
}

/// Runs a program to its end and returns its standard output.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub(crate) async fn run(command: Command) -> Result<String, CommandError> {
    run_reading(command, Stdio::null()).await
}

/// As [`run`], with an open file or pipe as standard input.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub(crate) async fn run_reading(mut command: Command, input: Stdio) -> Result<String, CommandError> {
    let line = line_of(&command);
    command.stdin(input);
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let ended = leash::output(command).await.map_err(|source| CommandError::Start { program, source })?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&ended.stderr);
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let message = lines[lines.len().saturating_sub(LINES_KEPT)..].join("\n");
    Err(CommandError::Failed { line, status: ended.status, message })
}

fn line_of(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use tokio::process::Command;

    use super::{CommandError, run};

    #[tokio::test]
    async fn a_failure_tells_the_line_the_code_and_the_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo working; echo 'no such network' >&2; exit 3"]);
        let failed = run(command).await.unwrap_err();
        let text = failed.to_string();
        assert!(text.contains("exit status: 3 and said: no such network"), "{text}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let missing = run(Command::new("no-such-program-anywhere")).await.unwrap_err();
        assert!(matches!(missing, CommandError::Start { ref program, .. } if program == "no-such-program-anywhere"));
    }
}
