//! Renders that are kept, so that requirements that ask the same question pay once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Answers by the content of their questions. Two askers of one question share one answer, also while it is made.
#[derive(Debug)]
pub(super) struct Cache<T> {
    answers: Mutex<HashMap<String, Arc<OnceLock<T>>>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { answers: Mutex::default() }
    }
}

impl<T: Clone> Cache<T> {
    /// The answer to a question, made only if nobody has asked before.
    pub(super) fn get(&self, question: String, answer: impl FnOnce() -> T) -> T {
        let place = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(question).or_default())
        };
        place.get_or_init(answer).clone()
    }

    /// How many different questions were asked.
    pub(super) fn len(&self) -> usize {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Cache;

    #[test]
    fn askers_at_the_same_time_share_one_answer() {
        let cache = Cache::default();
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| cache.get("same".into(), || made.fetch_add(1, Ordering::SeqCst)));
            }
        });
        cache.get("other".into(), || made.fetch_add(1, Ordering::SeqCst));
        assert_eq!((made.load(Ordering::SeqCst), cache.len()), (2, 2));
    }
}
