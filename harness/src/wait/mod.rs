//! Waiting is watching: conditions that answer why not yet, within a named budget, and stop early when it is hopeless.
//!
//! A wait ends in one of three ways: the condition became true, the budget was used up, or a state was seen from which
//! the condition cannot become true. The last two carry what was seen last, because a time-out without that is useless
//! to the person who reads it. Nothing here sleeps for a fixed time in the hope that it is enough.

mod objects;
mod pods;

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

pub use self::objects::{Objects, watch_until};
pub use self::pods::{restarts_of, trouble_now, trouble_of, workload_of};

/// How often a condition is asked that nothing announces.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A condition that takes less than this to answer is seen to be true at most so much later.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// How many distinct reasons a time-out shows.
const REASONS_KEPT: usize = 5;

/// What a condition answers. There is no plain "no": not yet has a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<T> {
    /// The condition is true.
    Ready(T),
    /// Not yet, because.
    NotYet(String),
    /// It cannot become true any more, because.
    Hopeless(String),
}

/// How long something may take, named by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What the time is for, a noun phrase.
    pub name: &'static str,
    /// The longest that it may take.
    pub limit: Duration,
}

impl Budget {
    /// A budget of whole seconds.
    pub const fn seconds(name: &'static str, seconds: u64) -> Self {
        Self { name, limit: Duration::from_secs(seconds) }
    }

    /// The same, a while longer.
    #[must_use]
    pub fn longer_by(self, more: Duration) -> Self {
        Self { limit: self.limit + more, ..self }
    }

    /// The same, stretched for a machine that is slower.
    #[must_use]
    pub fn stretched(self, factor: f64) -> Self {
        Self { limit: self.limit.mul_f64(factor), ..self }
    }

    /// The same, if it is not below what somebody asks for.
    #[must_use]
    pub fn at_least(self, asked: Option<Duration>) -> Self {
        Self { limit: self.limit.max(asked.unwrap_or_default()), ..self }
    }
}

/// A wait that did not end with its condition true.
#[derive(Debug, thiserror::Error)]
pub struct WaitError {
    /// What was waited for.
    pub budget: Budget,
    /// How long it was waited for.
    pub elapsed: Duration,
    /// Whether the wait was given up before the budget was used up.
    pub hopeless: bool,
    /// The last distinct reasons, oldest first.
    pub reasons: Vec<String>,
}

impl fmt::Display for WaitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        let name = self.budget.name;
        if self.hopeless {
            write!(formatter, "wait for {name}: gave up after {seconds:.1} s, because it cannot come true any more")?;
        } else {
            write!(formatter, "wait for {name}: not within {seconds:.1} s")?;
        }
        match self.reasons.split_last() {
            None => formatter.write_str("; nothing was seen in that time"),
            Some((last, [])) => write!(formatter, "; last seen: {last}"),
            Some((last, earlier)) => write!(formatter, "; last seen: {last} (before that: {})", earlier.join("; ")),
        }
    }
}

/// Keeps the last distinct reasons of one wait.
#[derive(Debug)]
struct Account {
    budget: Budget,
    began: Instant,
    reasons: Vec<String>,
}

impl Account {
    fn open(budget: Budget) -> Self {
        Self { budget, began: Instant::now(), reasons: Vec::new() }
    }

    fn note(&mut self, reason: String) {
        self.reasons.retain(|known| *known != reason);
        self.reasons.push(reason);
        if self.reasons.len() > REASONS_KEPT {
            self.reasons.remove(0);
        }
    }

    fn close(self, hopeless: bool) -> WaitError {
        WaitError { budget: self.budget, elapsed: self.began.elapsed(), hopeless, reasons: self.reasons }
    }
}

/// Asks a condition that no watch announces, until it is true: a query, a handshake, a dry run.
///
/// # Errors
/// When the budget is used up or the condition says that it is hopeless.
pub async fn poll_until<T, F, Fut>(budget: Budget, mut condition: F) -> Result<T, WaitError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Progress<T>>,
{
    let mut account = Account::open(budget);
    let deadline = tokio::time::Instant::now() + budget.limit;
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        match tokio::time::timeout_at(deadline, condition()).await {
            Ok(Progress::Ready(value)) => return Ok(value),
            Ok(Progress::NotYet(reason)) => account.note(reason),
            Ok(Progress::Hopeless(reason)) => {
                account.note(reason);
                return Err(account.close(true));
            }
            Err(_elapsed) => {
                account.note("the last attempt had not answered when the time was up".into());
                return Err(account.close(false));
            }
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(account.close(false));
        }
        ticks.reset_after(rest_after(asked.elapsed()));
    }
}

/// What takes long to answer is dear to ask, a program in a pod above all, and benches ask side by side: together they must
/// not be what they wait for. So each leaves the machine three quarters of its time, as long as it still looks every few
/// seconds, and half of it otherwise.
fn rest_after(worked: Duration) -> Duration {
    (worked * 3).min(LONGEST_REST).max(worked).max(POLL_INTERVAL)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use rstest::rstest;

    use super::{Budget, Progress, poll_until, rest_after};

    const SOON: Budget = Budget { name: "the answer", limit: Duration::from_millis(200) };

    #[rstest]
    #[case::cheap(1, 50)]
    #[case::dear(200, 600)]
    #[case::dearer(1000, 2000)]
    #[case::as_dear_as_can_be(5000, 5000)]
    fn a_poll_rests(#[case] worked: u64, #[case] rest: u64) {
        assert_eq!(rest_after(Duration::from_millis(worked)), Duration::from_millis(rest));
    }

    #[tokio::test]
    async fn ends_with_the_value_of_the_condition() {
        let asked = Cell::new(0);
        let answer = poll_until(SOON, || {
            asked.set(asked.get() + 1);
            let now = asked.get();
            async move { if now < 3 { Progress::NotYet(format!("asked {now} times")) } else { Progress::Ready(now) } }
        });
        assert_eq!(answer.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_time_out_shows_the_last_distinct_reasons() {
        let asked = Cell::new(0);
        let refused = poll_until(SOON, || {
            asked.set(asked.get() + 1);
            let reason = if asked.get() == 1 { "no endpoints" } else { "connection refused" };
            async move { Progress::<()>::NotYet(reason.into()) }
        })
        .await
        .unwrap_err();
        assert_eq!(refused.reasons, ["no endpoints", "connection refused"]);
        assert!(refused.to_string().starts_with("wait for the answer: not within "), "{refused}");
    }

    #[tokio::test]
    async fn a_hopeless_condition_does_not_use_up_the_budget() {
        let never = Budget::seconds("the impossible", 3600);
        let refused =
            poll_until(never, || async { Progress::<()>::Hopeless("BackoffLimitExceeded".into()) }).await.unwrap_err();
        assert!(refused.hopeless);
        assert_eq!(refused.reasons, ["BackoffLimitExceeded"]);
    }

    #[tokio::test]
    async fn an_attempt_that_never_answers_is_cut_at_the_budget() {
        let refused = poll_until(SOON, std::future::pending::<Progress<()>>).await.unwrap_err();
        assert!(!refused.hopeless);
        assert_eq!(refused.reasons.len(), 1);
    }
}
