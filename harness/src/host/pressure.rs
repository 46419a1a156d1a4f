//! For how much of the time somebody on this machine waits for a processor, as the kernel tells it.

use std::fs;
use std::time::{Duration, Instant};

/// A beginning, from which the waiting is counted.
#[derive(Debug, Clone, Copy)]
pub struct CpuPressure {
    began: Instant,
    before: Duration,
}

/// What the kernel tells.
#[derive(Debug, PartialEq)]
struct Told {
    /// The share of the last minute.
    lately: f64,
    /// Since the machine runs.
    total: Duration,
}

impl CpuPressure {
    /// Begins to count; nothing where the kernel does not say.
    pub fn begin() -> Option<Self> {
        told().map(|told| Self { began: Instant::now(), before: told.total })
    }

    /// The share of the time since the beginning, 0 to 1.
    pub fn share(&self) -> Option<f64> {
        let waited = told()?.total.saturating_sub(self.before);
        Some((waited.as_secs_f64() / self.began.elapsed().as_secs_f64()).min(1.0))
    }

    /// The share of the last minute, 0 to 1.
    pub fn lately() -> Option<f64> {
        told().map(|told| told.lately)
    }
}

fn told() -> Option<Told> {
    read(&fs::read_to_string("/proc/pressure/cpu").ok()?)
}

fn read(text: &str) -> Option<Told> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let field = |name: &str| some.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let lately = field("avg60")?.parse::<f64>().ok()? / 100.0;
    Some(Told { lately, total: Duration::from_micros(field("total")?.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Told, read};

    #[test]
    fn the_kernel_tells_a_share_and_a_sum() {
        let text = "some avg10=17.74 avg60=53.50 avg300=77.49 total=10267527032\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(read(text), Some(Told { lately: 0.535, total: Duration::from_micros(10_267_527_032) }));
        assert_eq!(read("full avg10=0.00\n"), None);
    }
}
