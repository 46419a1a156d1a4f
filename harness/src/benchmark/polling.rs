//! How soon a wait that asks again and again notices that its condition came true, against a bare timer.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::MeasureError;
use super::page::{Budget, Figure, Floor, Row};
use super::sampling::{random, samples};
use crate::wait::{self, Progress, poll_until};

pub(super) const TRIALS: usize = 200;
pub(super) const BUDGET: Budget = Budget::AtMost { seconds: 0.1 };

/// Trials that wait at the same time; they hardly use a processor.
const AT_ONCE: usize = 4;

/// Longer than the wait takes between two questions, so that the moment meets any part of that time.
const LONGEST: Duration = Duration::from_millis(120);

const PATIENCE: wait::Budget = wait::Budget::seconds("a condition that is about to come true", 30);

pub(super) fn rows() -> Result<Vec<Row>, MeasureError> {
    let (waits, timers) = runtime()?.block_on(all())?;
    let floor = Floor::new("a timer of the runtime", Figure::percentile_95(&samples(timers)?));
    let row = Row::measured(
        "reaction of a wait that asks",
        Figure::percentile_95(&samples(waits)?),
        Some(floor),
        Some(BUDGET),
    );
    Ok(vec![row.noting("the question itself takes no time here")])
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, MeasureError> {
    tokio::runtime::Runtime::new()
        .map_err(|error| MeasureError::Unusable(format!("start the asynchronous runtime: {error}")))
}

async fn all() -> Result<(Vec<f64>, Vec<f64>), MeasureError> {
    let mut lanes = JoinSet::new();
    for _ in 0..AT_ONCE {
        lanes.spawn(trials(TRIALS / AT_ONCE));
    }
    let (mut waits, mut timers) = (Vec::new(), Vec::new());
    while let Some(ended) = lanes.join_next().await {
        let (more_waits, more_timers) =
            ended.map_err(|error| MeasureError::Unusable(format!("measure the reaction of a wait: {error}")))??;
        waits.extend(more_waits);
        timers.extend(more_timers);
    }
    Ok((waits, timers))
}

async fn trials(count: usize) -> Result<(Vec<f64>, Vec<f64>), MeasureError> {
    let (mut waits, mut timers) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let due = Instant::now() + random(LONGEST);
        poll_until(PATIENCE, || async move {
            if Instant::now() >= due { Progress::Ready(()) } else { Progress::NotYet("it is too early".into()) }
        })
        .await?;
        waits.push(due.elapsed().as_secs_f64());

        let due = Instant::now() + random(LONGEST);
        at(due).await;
        timers.push(due.elapsed().as_secs_f64());
    }
    Ok((waits, timers))
}

/// Ready at a moment: the bare timer.
pub(super) async fn at(moment: Instant) {
    let never = std::future::pending::<()>();
    let _elapsed = tokio::time::timeout_at(moment.into(), never).await;
}

#[cfg(test)]
mod tests {
    use super::trials;

    #[tokio::test]
    async fn nothing_is_noticed_before_it_came_true() {
        let (waits, timers) = trials(3).await.unwrap();
        assert_eq!((waits.len(), timers.len()), (3, 3));
        // Time that is measured from the moment on is never negative; a wait that ends at once would be close to zero.
        assert!(waits.iter().chain(&timers).all(|seconds| (0.0..5.0).contains(seconds)), "{waits:?} {timers:?}");
    }
}
