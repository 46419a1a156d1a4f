//! What long work tells while it is under way: sentences, and steps that begin and end.
//!
//! The library prints nothing. Who calls it passes something that listens, and decides what a person sees of it.

use std::time::Duration;

/// Something that happened during long work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A sentence to read: what is about to be changed on this machine, or what was found.
    Said(&'a str),
    /// A step began.
    Began {
        /// The step's name, unique among the steps that are under way.
        step: &'a str,
        /// What it does, a noun phrase.
        what: &'a str,
        /// How long it took the last time; `None` if that is not known.
        expected: Option<Duration>,
    },
    /// How much work is left, over all steps, as far as earlier durations tell.
    Left {
        /// Steps that have not ended.
        steps: usize,
        /// The time that they will take.
        time: Duration,
    },
    /// A step ended.
    Ended {
        /// The step's name.
        step: &'a str,
        /// Whether it did what it should.
        succeeded: bool,
        /// How long it took.
        took: Duration,
    },
}

/// Somebody who listens. Several threads may tell at once.
pub trait Progress: Send + Sync {
    /// Takes note of what happened.
    fn tell(&self, event: Event<'_>);

    /// Tells a sentence.
    fn say(&self, sentence: &str) {
        self.tell(Event::Said(sentence));
    }
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn tell(&self, _event: Event<'_>) {}
}
