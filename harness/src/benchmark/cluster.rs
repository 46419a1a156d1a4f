//! `holdfast up` where the cluster stands already, against the proof that it takes databases.

use super::page::{Figure, Floor, Row};
use super::sampling::alternate;
use super::{MeasureError, Request};

const SAMPLES: usize = 3;

const WHAT: &str = "`up` on the cluster that stands";

/// A cluster that stands, and how to ask for it.
pub struct Standing<'a> {
    /// Everything that `holdfast up` does.
    pub up: &'a dyn Fn() -> Result<(), String>,
    /// Proves that the cluster takes databases, and does nothing else.
    pub proof: &'a dyn Fn() -> Result<(), String>,
}

pub(super) fn rows(request: &Request<'_>) -> Result<Vec<Row>, MeasureError> {
    let standing = match &request.cluster {
        Err(why) => return Ok(vec![Row::absent(WHAT, why, None)]),
        Ok(standing) => standing,
    };
    let ask = |work: &dyn Fn() -> Result<(), String>| work().map_err(MeasureError::Cluster);
    // The first time finds tools and images that are in nobody's memory yet.
    ask(standing.up)?;
    let (up, proof) = alternate(SAMPLES, || ask(standing.up), || ask(standing.proof))?;
    let floor = Floor::new("a dry run that CloudNativePG accepts", Figure::median(&proof));
    let row = Row::measured(WHAT, Figure::median(&up), Some(floor), None);
    Ok(vec![row.noting("making it anew has a budget of 45 s and is not measured: this one would have to go")])
}
