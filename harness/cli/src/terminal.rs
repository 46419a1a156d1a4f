//! The only place that writes to standard output and standard error: masked, and quiet about a reader that went away.

use std::io::{self, IsTerminal, Write};

use harness::redact::{Redactor, Sink};

use crate::failure::Failure;

/// Standard output for what was asked for, standard error for everything else.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    sink: Sink,
}

impl Terminal {
    /// A terminal that knows of no credential yet.
    pub(crate) fn new() -> Self {
        Self::masked(Redactor::in_memory())
    }

    /// A terminal that masks what the redactor knows.
    pub(crate) fn masked(redactor: Redactor) -> Self {
        Self { sink: Sink::new(redactor) }
    }

    /// Whether a person reads standard output, and did not ask for plain text.
    pub(crate) fn colours(&self) -> bool {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        !refused && io::stdout().is_terminal()
    }

    /// Writes what was asked for. A reader that closed the pipe (`| head`) has read enough.
    ///
    /// # Errors
    /// If standard output cannot be written for any other reason.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut output = io::stdout().lock();
        match output.write_all(self.sink.line(text).as_bytes()).and_then(|()| output.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| Failure::broke(format!("write to standard output: {error}"))),
        }
    }

    /// Tells what is going on. If nobody can read it there is nobody to tell that either.
    pub(crate) fn say(&self, line: &str) {
        let mut errors = io::stderr().lock();
        let _ = writeln!(errors, "{}", self.sink.line(line));
    }

    /// Tells why a command failed.
    pub(crate) fn complain(&self, failure: &Failure) {
        self.say(&format!("error: {failure}"));
    }

    /// Prints clap's own text, in its colours.
    pub(crate) fn usage(&self, error: &clap::Error, asked: bool) {
        let styled = error.render();
        if asked {
            let text = if self.colours() { styled.ansi().to_string() } else { styled.to_string() };
            let _ = self.print(&text);
        } else {
            let text = if io::stderr().is_terminal() { styled.ansi().to_string() } else { styled.to_string() };
            self.say(text.trim_end());
        }
    }
}
