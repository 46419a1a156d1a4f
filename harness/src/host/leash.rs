//! Programs that end when this process does, however it ends.
//!
//! A program that outlives whoever started it goes on installing for nobody. So each runs in a process group of its
//! own, and a shell waits at the other end of a pipe that this process holds: when the pipe closes without a word, the
//! shell ends the group.

use std::io;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Ends the group `$1`, unless it hears that its program came to its end. Not every shell takes `-TERM` before `--`.
const WATCH: &str = r#"read -r over || kill -s TERM -- "-$1" 2>/dev/null"#;

/// By its path: what is on PATH is the user's matter.
const SHELL: &str = "/bin/sh";

/// Runs a program to its end and keeps what it wrote; standard input is the caller's matter.
///
/// A caller that stops waiting ends the program too, with everything that it started.
///
/// # Errors
/// When it cannot be started or watched.
pub(crate) async fn output(mut command: Command) -> io::Result<Output> {
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn()?;
    let watch = watch(&child, SHELL)?;
    let output = child.wait_with_output().await;
    if let Some(mut watch) = watch {
        release(&mut watch).await;
    }
    output
}

/// A shell that holds the other end of the pipe; nothing if the program has ended already.
///
/// A machine without a shell is a container with nothing in it but this program: it ends with it, and so does whatever
/// was started in it.
fn watch(child: &Child, shell: &str) -> io::Result<Option<Child>> {
    let Some(id) = child.id() else { return Ok(None) };
    let mut watch = Command::new(shell);
    watch.args(["-c", WATCH, "watch", &id.to_string()]);
    // Not in the group of the terminal: whoever interrupts this process must not end the shell before it acts.
    watch.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    match watch.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        spawned => spawned.map(Some),
    }
}

async fn release(watch: &mut Child) {
    if let Some(mut pipe) = watch.stdin.take() {
        // A shell that is gone needs to hear nothing.
        let _ = pipe.write_all(b"over\n").await;
    }
    let _ = watch.wait().await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::process::Command;

    use super::{SHELL, output, watch};
    use crate::wait::{Budget, Progress, poll_until};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn what_a_program_wrote_is_kept() {
        let ended = output(shell("echo told; echo warned >&2; exit 3")).await.unwrap();
        assert_eq!((ended.stdout.as_slice(), ended.stderr.as_slice()), (&b"told\n"[..], &b"warned\n"[..]));
        assert_eq!(ended.status.code(), Some(3));
    }

    #[tokio::test]
    async fn without_a_shell_nobody_watches() {
        let child = shell("exec sleep 600").process_group(0).kill_on_drop(true).spawn().unwrap();
        assert!(watch(&child, "/no/such/shell").unwrap().is_none());
        assert!(watch(&child, SHELL).unwrap().is_some());
    }

    #[tokio::test]
    async fn who_stops_waiting_ends_the_program_and_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("grandchild");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let id = tokio::select! {
            _ = output(shell(&script)) => panic!("it cannot come to its end"),
            id = written(&file) => id,
        };
        let gone = poll_until(Budget::seconds("the grandchild to end", 10), || async {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // A zombie has ended; only its parent has not looked yet.
            if stat.is_empty() || stat.contains(") Z ") { Progress::Ready(()) } else { Progress::NotYet(stat) }
        });
        gone.await.unwrap();
    }

    async fn written(file: &std::path::Path) -> String {
        let budget = Budget { name: "the grandchild to start", limit: Duration::from_secs(10) };
        let read = poll_until(budget, || async {
            match std::fs::read_to_string(file) {
                Ok(text) if text.ends_with('\n') => Progress::Ready(text.trim().to_owned()),
                _ => Progress::NotYet("it has not said its number".into()),
            }
        });
        read.await.unwrap()
    }
}
