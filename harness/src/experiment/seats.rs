//! How many benches are at work at once, over all subjects of a run. One with many pods is as much work as several.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::cluster::{Cluster, Provider};
use crate::host::CpuPressure;
use crate::wait::{Budget, Progress, poll_until};

/// How many benches stand at once, over all subjects. Bringing one up is waiting for the most part; but each rollout is
/// work, and experiments give a subject so many seconds, which benches that stand in each other's way use up.
const BENCHES: u32 = 4;

/// So many experiments are at work at once on any machine: while one waits, the other works.
const FEW: usize = 2;

/// For which share of the time somebody may wait for a processor. Above it, what is measured is the machine.
const KEEPS_UP: f64 = 0.8;

/// Longer than any two experiments.
const TURN: Budget = Budget::seconds("the machine to keep up with the experiments that are at work", 1200);

/// Seats for benches at work. Who asks first gets one first, so that whoever needs them all is not passed over.
#[derive(Debug)]
pub struct Seats {
    free: Arc<Semaphore>,
    count: u32,
    /// Whoever is the next to begin an experiment.
    door: Mutex<()>,
    at_work: AtomicUsize,
    /// For which share of the time somebody waits for a processor, where that is known.
    pressure: fn() -> Option<f64>,
    /// The same since there are seats.
    since: Option<CpuPressure>,
}

/// An experiment at work. It ends when the value is dropped.
#[derive(Debug)]
pub(super) struct Turn<'seats>(&'seats AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seats {
    /// So many seats, on a cluster that does not say whether it keeps up.
    pub fn new(count: u32) -> Self {
        // More than any machine has benches for; a semaphore holds more than that on every platform.
        let free = Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(usize::MAX >> 4)));
        Self { free, count, door: Mutex::default(), at_work: AtomicUsize::new(0), pressure: || None, since: None }
    }

    /// As many seats as a cluster bears. One of kind is on this machine, which says whether it keeps up.
    pub fn on(cluster: &Cluster) -> Self {
        match cluster.handle().provider {
            Provider::Kind => Self { pressure: CpuPressure::lately, since: CpuPressure::begin(), ..Self::new(BENCHES) },
            _ => Self::new(BENCHES),
        }
    }

    /// What a reader of the report has to know of the machine.
    pub fn facts(&self) -> Option<(String, String)> {
        let share = self.since?.share()?;
        Some(("a processor was waited for".into(), format!("{:.0} % of the time", share * 100.0)))
    }

    /// Waits for so many seats, or for all that there are; they are given back when they are dropped.
    pub(super) async fn some(&self, wanted: u32) -> Option<SemaphorePermit<'_>> {
        // Closed seats are for nobody to wait for; then all start at once, which is only slower.
        self.free.acquire_many(wanted.clamp(1, self.count)).await.ok()
    }

    /// Waits until every seat is free, and takes them all.
    pub(super) async fn all(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().acquire_many_owned(self.count).await.ok()
    }

    /// Waits until another experiment does not take from those at work what they need to be in time.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let _first = self.door.lock().await;
        // Whoever has waited for so long begins all the same, which is only slower.
        let _in_time = poll_until(TURN, || async {
            crowded(self.at_work.load(Ordering::Relaxed), (self.pressure)())
                .map_or(Progress::Ready(()), Progress::NotYet)
        })
        .await;
        self.at_work.fetch_add(1, Ordering::Relaxed);
        Turn(&self.at_work)
    }
}

/// Why another experiment should not begin beside so many, if it should not. `pressure` is the share of the time in which
/// somebody waits for a processor.
fn crowded(at_work: usize, pressure: Option<f64>) -> Option<String> {
    let pressure = pressure.filter(|pressure| *pressure > KEEPS_UP && at_work >= FEW)?;
    Some(format!("{at_work} are, and for {:.0} % of the time a processor is waited for", pressure * 100.0))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use rstest::rstest;

    use super::{Ordering, Seats, crowded};

    #[tokio::test]
    async fn whoever_needs_all_seats_waits_for_the_last_one_and_is_not_passed_over() {
        let seats = Seats::new(2);
        let held = seats.some(1).await;
        let mut alone = Box::pin(seats.all());
        assert!(alone.as_mut().now_or_never().is_none(), "one seat is taken");
        assert!(seats.some(1).now_or_never().is_none(), "a seat is free, but somebody came before");
        drop(held);
        assert!(alone.await.is_some());
        assert!(seats.some(1).now_or_never().is_some(), "all are free again");
        assert!(seats.some(7).now_or_never().is_some(), "nobody needs more than there are");
    }

    #[rstest]
    #[case::two_on_a_machine_that_does_not_keep_up(2, Some(0.95), true)]
    #[case::one_on_a_machine_that_does_not_keep_up(1, Some(0.95), false)]
    #[case::three_on_a_machine_that_keeps_up(3, Some(0.5), false)]
    #[case::three_on_a_machine_of_which_that_is_not_known(3, None, false)]
    fn an_experiment_waits_beside(#[case] at_work: usize, #[case] pressure: Option<f64>, #[case] waits: bool) {
        assert_eq!(crowded(at_work, pressure).is_some(), waits);
    }

    #[tokio::test]
    async fn an_experiment_is_at_work_until_its_turn_is_over() {
        let seats = Seats::new(4);
        let turns = [seats.turn().await, seats.turn().await];
        assert_eq!(seats.at_work.load(Ordering::Relaxed), 2);
        drop(turns);
        assert_eq!(seats.at_work.load(Ordering::Relaxed), 0);
    }
}
