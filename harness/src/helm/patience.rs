//! Programs that are waited for until they end, and no longer than that they may take.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, Output};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Gives a program its standard input and keeps what it writes, until it ends. One that takes longer is ended, and there
/// is nothing of it.
///
/// # Errors
/// When it cannot be given or heard to its end.
pub(super) fn end_within(mut child: Child, given: Vec<u8>, limit: Duration) -> io::Result<Option<Output>> {
    let deadline = Instant::now() + limit;
    let stdin = child.stdin.take();
    let fed = aside(move || match stdin.map_or(Ok(()), |mut stdin| stdin.write_all(&given)) {
        // A program that gives up before it has read all says why by itself.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    });
    let (stdout, stderr) = (drained(child.stdout.take()), drained(child.stderr.take()));
    let left = || deadline.saturating_duration_since(Instant::now());
    let (Ok(stdout), Ok(stderr), Ok(fed)) =
        (stdout.recv_timeout(left()), stderr.recv_timeout(left()), fed.recv_timeout(left()))
    else {
        child.kill()?;
        child.wait()?;
        return Ok(None);
    };
    fed?;
    Ok(Some(Output { status: child.wait()?, stdout: stdout?, stderr: stderr? }))
}

fn drained(pipe: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Vec<u8>>> {
    aside(move || {
        let mut bytes = Vec::new();
        pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes)).map(|_| bytes)
    })
}

/// Does something in a thread of its own, because it may never come to its end.
fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // Who gave up does not listen any more.
        let _ = tell.send(work());
    });
    told
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use rstest::rstest;

    use super::end_within;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(100);

    fn run(script: &str, given: usize, limit: Duration) -> Option<(Option<i32>, usize)> {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = end_within(command.spawn().unwrap(), vec![b'a'; given], limit).unwrap();
        ended.map(|output| (output.status.code(), output.stdout.len() + output.stderr.len()))
    }

    #[rstest]
    #[case::answers("cat", 200_000, LONG, Some((Some(0), 200_000)))]
    #[case::refuses_and_reads_nothing("echo no >&2; exit 3", 200_000, LONG, Some((Some(3), 3)))]
    #[case::never_ends("exec sleep 60", 0, SHORT, None)]
    #[case::never_reads("exec sleep 60", 200_000, SHORT, None)]
    fn a_program(
        #[case] script: &str,
        #[case] given: usize,
        #[case] limit: Duration,
        #[case] expected: Option<(Option<i32>, usize)>,
    ) {
        assert_eq!(run(script, given, limit), expected);
    }
}
