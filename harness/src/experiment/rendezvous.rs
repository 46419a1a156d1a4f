//! Where the subjects of a run meet for what befalls a whole cluster.
//!
//! While the operator, a kubelet or the API server is away, nothing but rotations under that very fault may be at work.
//! So everybody who is to come through it does so at the same time: they wait until the rest of the run is done, the
//! fault happens once, and each goes on by himself.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::seats::Seats;
use crate::bench::BenchError;
use crate::record::Experiment;

/// Who is expected for which fault, and how far those are who came.
#[derive(Debug, Default)]
pub struct Rendezvous {
    rounds: Mutex<BTreeMap<Experiment, Round>>,
    moved: Notify,
}

/// One fault, from the first who comes for it to the last who leaves.
#[derive(Debug, Default)]
struct Round {
    /// Announced, and neither here nor excused.
    awaited: usize,
    /// Here.
    present: usize,
    /// What is done once for everybody, by name.
    points: BTreeMap<&'static str, Point>,
    /// Every seat of the run, as long as somebody is here.
    seats: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Default)]
struct Point {
    arrived: usize,
    begun: bool,
    outcome: Option<Outcome>,
}

/// When it was done.
type Outcome = Result<Instant, Arc<BenchError>>;

impl Round {
    /// Whether whoever asks is to do it: everybody stands there, and nobody has begun.
    fn leads(&mut self, name: &'static str) -> bool {
        let complete = self.awaited == 0;
        let point = self.points.entry(name).or_default();
        let leads = complete && point.arrived >= self.present && !point.begun;
        point.begun |= leads;
        leads
    }
}

impl Rendezvous {
    /// Expects somebody for each of these.
    pub fn announce(&self, experiments: &[Experiment]) {
        for experiment in experiments.iter().filter(|one| one.runs_alone()) {
            self.rounds().entry(*experiment).or_default().awaited += 1;
        }
    }

    /// Waits for one less: an experiment that was announced does not begin.
    pub(super) fn excuse(&self, experiment: Experiment) {
        if let Some(round) = self.rounds().get_mut(&experiment) {
            round.awaited = round.awaited.saturating_sub(1);
        }
        self.moved.notify_waiters();
    }

    /// Waits until everybody is here and nobody else is at work, which lasts until all have left.
    ///
    /// Whoever holds a seat gives it back before.
    pub(super) async fn attend(&self, experiment: Experiment, seats: &Seats) -> Attendance<'_> {
        {
            let mut rounds = self.rounds();
            let round = rounds.entry(experiment).or_default();
            round.awaited = round.awaited.saturating_sub(1);
            round.present += 1;
        }
        let attendance = Attendance { of: Cell::new(Some((self, experiment))) };
        let emptied = self.once(experiment, "take every seat", async {
            let all = seats.all().await;
            self.rounds().entry(experiment).or_default().seats = all;
            Ok(())
        });
        // Nothing in it can fail.
        let _ = emptied.await;
        attendance
    }

    /// Has the last who arrives do something for everybody, and tells everybody how it ended.
    async fn once(
        &self,
        experiment: Experiment,
        name: &'static str,
        work: impl Future<Output = Result<(), BenchError>>,
    ) -> Outcome {
        self.rounds().entry(experiment).or_default().points.entry(name).or_default().arrived += 1;
        self.moved.notify_waiters();
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            // From here on no move is missed.
            moved.as_mut().enable();
            let leads = {
                let mut rounds = self.rounds();
                let round = rounds.entry(experiment).or_default();
                if let Some(outcome) = round.points.get(name).and_then(|point| point.outcome.clone()) {
                    return outcome;
                }
                round.leads(name)
            };
            if leads {
                let outcome = work.await.map(|()| Instant::now()).map_err(Arc::new);
                let mut rounds = self.rounds();
                let round = rounds.entry(experiment).or_default();
                round.points.entry(name).or_default().outcome = Some(outcome.clone());
                self.moved.notify_waiters();
                return outcome;
            }
            moved.await;
        }
    }

    fn leave(&self, experiment: Experiment) {
        let mut rounds = self.rounds();
        if let Some(round) = rounds.get_mut(&experiment) {
            round.present = round.present.saturating_sub(1);
            if round.present == 0 && round.awaited == 0 {
                rounds.remove(&experiment);
            }
        }
        self.moved.notify_waiters();
    }

    fn rounds(&self) -> MutexGuard<'_, BTreeMap<Experiment, Round>> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One experiment's part in a fault; whoever leaves or drops it is not waited for any more.
pub(super) struct Attendance<'a> {
    of: Cell<Option<(&'a Rendezvous, Experiment)>>,
}

impl Attendance<'_> {
    /// That of an experiment whose fault is its own affair.
    pub(super) fn alone() -> Self {
        Self { of: Cell::new(None) }
    }

    /// Waits until everybody is as far, and returns when they were.
    pub(super) async fn together(&self, name: &'static str) -> Result<Instant, BenchError> {
        match self.of.get() {
            None => Ok(Instant::now()),
            Some((rendezvous, experiment)) => {
                rendezvous.once(experiment, name, async { Ok(()) }).await.map_err(BenchError::Together)
            }
        }
    }

    /// Has something done once for everybody who is here, when all are as far.
    pub(super) async fn once(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<(), BenchError>>,
    ) -> Result<(), BenchError> {
        match self.of.get() {
            None => work.await,
            Some((rendezvous, experiment)) => {
                rendezvous.once(experiment, name, work).await.map(drop).map_err(BenchError::Together)
            }
        }
    }

    /// Goes on alone, whatever the others do.
    pub(super) fn leave(&self) {
        if let Some((rendezvous, experiment)) = self.of.take() {
            rendezvous.leave(experiment);
        }
    }
}

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;
    use futures::future::join;

    use super::{Attendance, Rendezvous};
    use crate::bench::BenchError;
    use crate::experiment::Seats;
    use crate::record::Experiment;

    const FAULT: Experiment = Experiment::RotateKillingApiServer;

    fn expecting(count: usize) -> Rendezvous {
        let rendezvous = Rendezvous::default();
        (0..count).for_each(|_| rendezvous.announce(&[Experiment::Install, FAULT]));
        rendezvous
    }

    async fn both<'a>(rendezvous: &'a Rendezvous, seats: &Seats) -> (Attendance<'a>, Attendance<'a>) {
        join(rendezvous.attend(FAULT, seats), rendezvous.attend(FAULT, seats)).await
    }

    #[tokio::test]
    async fn it_begins_when_the_last_one_is_there_and_no_seat_is_taken() {
        let (rendezvous, seats) = (expecting(2), Seats::new(2));
        let busy = seats.some(1).await;
        let mut first = Box::pin(rendezvous.attend(FAULT, &seats));
        assert!(first.as_mut().now_or_never().is_none(), "somebody is expected");
        let mut second = Box::pin(rendezvous.attend(FAULT, &seats));
        assert!(second.as_mut().now_or_never().is_none(), "a seat is taken");
        drop(busy);
        let (first, second) = join(first, second).await;
        drop(first);
        assert!(seats.some(1).now_or_never().is_none(), "one of them is still at it");
        drop(second);
        assert!(seats.some(1).now_or_never().is_some(), "all have left");
    }

    #[tokio::test]
    async fn what_befalls_all_is_done_once_when_all_are_as_far() {
        let (rendezvous, seats, done) = (expecting(2), Seats::new(2), Cell::new(0));
        let (first, second) = both(&rendezvous, &seats).await;
        let kill = async || {
            done.set(done.get() + 1);
            Ok(())
        };
        let mut early = Box::pin(first.once("kill", kill()));
        assert!(early.as_mut().now_or_never().is_none(), "the other one is not as far");
        assert_eq!(done.get(), 0);
        let (early, late) = join(early, second.once("kill", kill())).await;
        assert!(early.is_ok() && late.is_ok());
        assert_eq!(done.get(), 1);
    }

    #[tokio::test]
    async fn what_fails_has_failed_for_all() {
        let (rendezvous, seats) = (expecting(2), Seats::new(2));
        let (first, second) = both(&rendezvous, &seats).await;
        let fail = async || Err(BenchError::Unsuited("no kubelet here".to_owned()));
        let (first, second) = join(first.once("stop", fail()), second.once("stop", fail())).await;
        assert_eq!(first.unwrap_err().to_string(), second.unwrap_err().to_string());
    }

    #[tokio::test]
    async fn nobody_waits_for_who_is_excused_or_has_left() {
        let (rendezvous, seats) = (expecting(3), Seats::new(2));
        let mut pair = Box::pin(both(&rendezvous, &seats));
        assert!(pair.as_mut().now_or_never().is_none(), "a third one is expected");
        rendezvous.excuse(FAULT);
        let (first, second) = pair.await;
        let mut waiting = Box::pin(first.together("change"));
        assert!(waiting.as_mut().now_or_never().is_none(), "the other one is not as far");
        second.leave();
        assert!(waiting.now_or_never().is_some(), "nobody else is there");
    }

    #[tokio::test]
    async fn whoever_was_not_announced_goes_alone_and_again() {
        let (rendezvous, seats) = (Rendezvous::default(), Seats::new(1));
        for _ in 0..2 {
            let alone = rendezvous.attend(FAULT, &seats).await;
            assert!(alone.together("change").await.is_ok());
        }
    }
}
