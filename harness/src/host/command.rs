//! Running a program to its end and keeping what it said.

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How much of what a failed program said is kept.
const LINES_KEPT: usize = 12;

/// A program that could not be run, or did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("start `{command}`")]
    Start {
        /// Program and arguments.
        command: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It said no.
    #[error("`{command}` ended with {status}: {said}")]
    Failed {
        /// Program and arguments.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        said: String,
    },
    /// It did not end in time and was killed.
    #[error("`{command}` gave no answer within {} s", limit.as_secs())]
    Slow {
        /// Program and arguments.
        command: String,
        /// How long it had.
        limit: Duration,
    },
}

/// Runs a program to its end and gives what it wrote to standard output.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn output(command: &mut Command) -> Result<String, CommandError> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| CommandError::Start { command: shown.clone(), source })?;
    judge(shown, &output)
}

/// Like [`output`], for a program that may hang: one that asks a daemon.
///
/// # Errors
/// When it cannot be started, does not succeed, or does not end in time.
pub fn output_within(command: &mut Command, limit: Duration) -> Result<String, CommandError> {
    let shown = show(command);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| CommandError::Start { command: shown.clone(), source })?;
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more when the time was up.
        let _ = sender.send(child.wait_with_output());
    });
    match receiver.recv_timeout(limit) {
        Ok(Ok(output)) => judge(shown, &output),
        Ok(Err(source)) => Err(CommandError::Start { command: shown, source }),
        Err(_elapsed) => {
            // The thread above still owns the child and reaps it.
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
            Err(CommandError::Slow { command: shown, limit })
        }
    }
}

fn judge(command: String, output: &std::process::Output) -> Result<String, CommandError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let written = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let said = last_lines(&String::from_utf8_lossy(written), LINES_KEPT);
    Err(CommandError::Failed { command, status: output.status, said })
}

/// The last lines of a text, without blank ones at the end.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn show(command: &Command) -> String {
    let mut shown = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{CommandError, last_lines, output, output_within};

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let refused = output(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).unwrap_err();
        assert!(matches!(&refused, CommandError::Failed { said, .. } if said == "no such thing"), "{refused}");
    }

    #[test]
    fn a_program_that_hangs_is_given_up() {
        let refused = output_within(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap_err();
        assert!(matches!(refused, CommandError::Slow { .. }), "{refused}");
    }

    #[test]
    fn the_last_lines_are_kept() {
        assert_eq!(last_lines("a\nb\nc\n\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }
}
