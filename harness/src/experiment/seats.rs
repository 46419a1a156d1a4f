//! How many benches are at work at once, over all subjects of a run. One with many pods is as much work as several.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Seats for benches at work. Who asks first gets one first, so that whoever needs them all is not passed over.
#[derive(Debug)]
pub struct Seats {
    free: Arc<Semaphore>,
    count: u32,
}

impl Seats {
    /// So many seats.
    pub fn new(count: u32) -> Self {
        // More than any machine has benches for; a semaphore holds more than that on every platform.
        let free = Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(usize::MAX >> 4)));
        Self { free, count }
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
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::Seats;

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
}
