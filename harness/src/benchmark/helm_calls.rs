//! Something that calls Helm, against its calls alone: recorded once, then both by turns.

use std::sync::Arc;

use super::MeasureError;
use super::page::{Figure, Floor};
use super::sampling::alternate;
use super::statistics::Samples;
use crate::helm::{Helms, Recorder};

/// What came of measuring something that calls Helm.
pub(super) struct Measured {
    /// The whole of it.
    pub(super) figure: Figure,
    /// Its Helm calls alone.
    pub(super) floor: Floor,
}

/// Does something once to learn which Helm calls it needs, and then measures it by turns with these calls alone.
///
/// Each time it is given Helms that have answered nothing yet. The first time, which is not measured, also brings the
/// files into the machine's memory. The calls alone do not wait for one another, although some of them follow from the
/// answers of others: the floor is the least that could be, not the least that can be reached.
pub(super) fn measured(
    count: usize,
    work: impl Fn(&Arc<Helms>) -> Result<(), MeasureError>,
) -> Result<Measured, MeasureError> {
    let recorder = Recorder::new()?;
    work(&Arc::new(Helms::at_hand()?.recorded_by(&recorder)))?;
    let calls = recorder.calls()?;
    if calls.is_empty() {
        return Err(MeasureError::Unusable("it called Helm not even once, so that there is no floor".into()));
    }
    let alone = Helms::at_hand()?;
    let (subject, floor): (Samples, Samples) =
        alternate(count, || work(&Arc::new(Helms::at_hand()?)), || Ok(alone.repeat(&calls)?))?;
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let what = format!("its {} Helm calls alone, {cores} at once", calls.len());
    Ok(Measured { figure: Figure::median(&subject), floor: Floor::new(what, Figure::median(&floor)) })
}
