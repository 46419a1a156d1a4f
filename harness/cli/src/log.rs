//! What the library warns of, told to whoever watches. What concerns a verdict is in the report, too.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::terminal::Terminal;

/// Chooses what is told: directives as of `tracing-subscriber`, `harness=debug`.
const VARIABLE: &str = "HOLDFAST_LOG";
/// The libraries below us warn of every connection that a fault cuts on purpose.
const OURS: &str = "off,harness=warn,suites=warn,holdfast=warn";

/// Tells warnings from now on, on standard error.
pub(crate) fn tell(terminal: &Terminal) {
    let asked = std::env::var(VARIABLE).ok().filter(|directives| !directives.is_empty());
    let filter = asked.map_or_else(|| EnvFilter::try_new(OURS), EnvFilter::try_new).unwrap_or_else(|error| {
        terminal.say(&format!("{VARIABLE} is left out of account: {error}"));
        EnvFilter::new(OURS)
    });
    let lines = terminal.clone();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Lines(lines.clone()))
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .init();
}

/// A writer that gets each event in one piece.
struct Lines(Terminal);

impl Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.say(String::from_utf8_lossy(event).trim());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
