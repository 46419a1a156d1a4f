//! Taking measurements one after the other.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use super::MeasureError;
use super::statistics::Samples;

/// Times two things by turns, so that whatever else the machine does meets both.
pub(super) fn alternate(
    count: usize,
    mut subject: impl FnMut() -> Result<(), MeasureError>,
    mut floor: impl FnMut() -> Result<(), MeasureError>,
) -> Result<(Samples, Samples), MeasureError> {
    let (mut subjects, mut floors) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        subjects.push(timed(&mut subject)?);
        floors.push(timed(&mut floor)?);
    }
    Ok((samples(subjects)?, samples(floors)?))
}

/// The measurements, which must be at least one.
pub(super) fn samples(values: Vec<f64>) -> Result<Samples, MeasureError> {
    Samples::of(values).ok_or_else(|| MeasureError::Unusable("no measurement was taken".into()))
}

/// Some time up to the longest, by chance.
pub(super) fn random(longest: Duration) -> Duration {
    let chance = RandomState::new().hash_one(Instant::now());
    longest.mul_f64((chance >> 11) as f64 / (1_u64 << 53) as f64)
}

fn timed(work: &mut impl FnMut() -> Result<(), MeasureError>) -> Result<f64, MeasureError> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use std::time::Duration;

    use super::{alternate, random};
    use crate::benchmark::MeasureError;

    #[test]
    fn the_subject_and_its_floor_take_turns() {
        let turns = RefCell::new(String::new());
        let turn = |letter: char| {
            turns.borrow_mut().push(letter);
            Ok(())
        };
        let (subject, floor) = alternate(3, || turn('s'), || turn('f')).unwrap();
        assert_eq!(*turns.borrow(), "sfsfsf");
        assert_eq!((subject.count(), floor.count()), (3, 3));
    }

    #[test]
    fn chance_reaches_both_halves_of_the_time_and_nothing_beyond() {
        let longest = Duration::from_secs(1);
        let times: Vec<Duration> = (0..200).map(|_| random(longest)).collect();
        assert!(times.iter().all(|time| *time <= longest));
        let early = times.iter().filter(|time| **time < longest / 2).count();
        assert!((50..150).contains(&early), "{early} of 200 are in the first half");
    }

    #[test]
    fn what_breaks_is_not_measured() {
        let broken = alternate(3, || Ok(()), || Err(MeasureError::Unusable("gone".into()))).unwrap_err();
        assert_eq!(broken.to_string(), "gone");
    }
}
