//! Long work as a person sees it: bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use harness::progress::{Event, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::terminal::Terminal;

/// How often a bar moves while nothing is told.
const TICK: Duration = Duration::from_millis(200);

/// Shows long work on standard error.
pub(crate) fn progress(terminal: &Terminal) -> Box<dyn Progress> {
    if io::stderr().is_terminal() {
        Box::new(Bars::new(terminal.clone()))
    } else {
        Box::new(Lines { terminal: terminal.clone() })
    }
}

/// A line for each step that begins and ends.
struct Lines {
    terminal: Terminal,
}

impl Progress for Lines {
    fn tell(&self, event: Event<'_>) {
        match event {
            Event::Said(sentence) => self.terminal.say(sentence),
            Event::Began { step, what, expected } => {
                let about = expected.map(|time| format!(", about {}", human(time))).unwrap_or_default();
                self.terminal.say(&format!("{step}: {what}{about}"));
            }
            Event::Left { steps: 0, .. } => {}
            Event::Left { steps, time } => {
                self.terminal.say(&format!("{steps} to do, about {} left", human(time)));
            }
            Event::Ended { step, succeeded, took } => {
                let outcome = if succeeded { "done" } else { "failed" };
                self.terminal.say(&format!("{step}: {outcome} after {}", human(took)));
            }
        }
    }
}

/// A bar for each step that is under way, and one line with what is left.
struct Bars {
    terminal: Terminal,
    all: MultiProgress,
    left: ProgressBar,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    fn new(terminal: Terminal) -> Self {
        let all = MultiProgress::new();
        let left = all.add(ProgressBar::new_spinner().with_style(style("{msg}")));
        Self { terminal, all, left, running: Mutex::default() }
    }
}

impl Progress for Bars {
    fn tell(&self, event: Event<'_>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Said(sentence) => self.all.suspend(|| self.terminal.say(sentence)),
            Event::Began { step, what, expected } => {
                let usual = expected.map(|time| format!(" of about {}", human(time))).unwrap_or_default();
                let bar = self.all.insert_before(&self.left, ProgressBar::new_spinner());
                bar.set_style(style("{spinner} {prefix}: {msg}, {elapsed}"));
                bar.set_prefix(step.to_owned());
                bar.set_message(format!("{what}{usual}"));
                bar.enable_steady_tick(TICK);
                running.insert(step.into(), bar);
            }
            Event::Left { steps: 0, .. } => self.left.finish_and_clear(),
            Event::Left { steps, time } => self.left.set_message(format!("{steps} to do, about {} left", human(time))),
            Event::Ended { step, succeeded, took } => {
                if let Some(bar) = running.remove(step) {
                    bar.finish_and_clear();
                }
                let outcome = if succeeded { "done" } else { "failed" };
                self.all.suspend(|| self.terminal.say(&format!("{step}: {outcome} after {}", human(took))));
            }
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.left.finish_and_clear();
    }
}

/// A template of ours; one that does not parse would only look different.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Seconds up to two minutes, then minutes.
fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", (seconds + 30) / 60) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::human;

    #[rstest]
    #[case::nothing(0, "0 s")]
    #[case::seconds(119, "119 s")]
    #[case::minutes(149, "2 min")]
    #[case::rounded_up(150, "3 min")]
    fn times_are_told_as_people_tell_them(#[case] seconds: u64, #[case] expected: &str) {
        assert_eq!(human(Duration::from_secs(seconds)), expected);
    }
}
