//! All mutants of the rendered lane, as `holdfast mutants run` goes through them.

use super::helm_calls::measured;
use super::page::{Budget, Row};
use super::{MeasureError, Request};
use crate::mutant::{self, Trial};

/// It takes about half a minute, and so does its floor.
const SAMPLES: usize = 1;
const BUDGET: Budget = Budget::AtMost { seconds: 30.0 };

pub(super) fn rows(request: &Request<'_>) -> Result<Vec<Row>, MeasureError> {
    let mutants = mutant::read_all(&request.fixtures.join("mutants"))?;
    let subjects = request.fixtures.join("subjects");
    let measured = measured(SAMPLES, |helms| {
        let trial = Trial { catalog: request.catalog, mutants: &mutants, subjects: &subjects, helms };
        let matrix = trial.rendered_lane();
        match matrix.rows.iter().find_map(|row| row.broken.as_ref().map(|problem| (&row.mutant, problem))) {
            Some((mutant, problem)) => Err(MeasureError::Unusable(format!("judge mutant {mutant}: {problem}"))),
            None => Ok(()),
        }
    })?;
    let count = mutants.iter().filter(|mutant| mutant.file.lane.is_rendered()).count();
    let what = format!("kill matrix, {count} rendered mutants");
    Ok(vec![Row::measured(what, measured.figure, Some(measured.floor), Some(BUDGET))])
}
