//! The rendered lane of the kill matrix: what Helm renders of every mutant, judged on all processors.

use std::sync::Arc;

use super::file::Mutant;
use super::matrix::{Baseline, KillMatrix};
use super::plant;
use super::row::Row;
use super::trial::{Original, Subjects, Trial};
use crate::check::Judgement;
use crate::error::Chain;
use crate::judge;
use crate::redact::PrivateRoom;
use crate::rendered::{Rendered, in_parallel};
use crate::requirement::Lane;
use crate::subject::{Overlay, Subject};

impl Trial<'_> {
    /// Judges the catalogue on every mutant of the rendered lane, and on each of their subjects without a defect.
    ///
    /// A mutant that cannot be planted is a row that says so.
    pub fn rendered_lane(&self) -> KillMatrix {
        let mutants = self.of(Lane::Rendered);
        let subjects = self.read(&mutants);
        let rows = in_parallel(&mutants, |mutant| match self.judge_mutant(mutant, &subjects) {
            Ok(judgements) => Row::judged(self.catalog, mutant, Lane::Rendered, &judgements),
            Err(problem) => Row::broken(self.catalog, mutant, Lane::Rendered, problem),
        });
        let readable = |original: &Original<'_>| subjects[original.subject].is_ok();
        let originals: Vec<Original<'_>> = Original::all(&mutants).into_iter().filter(readable).collect();
        let baseline = in_parallel(&originals, |original| self.judge_original(*original, &subjects));
        KillMatrix { rows, baseline }
    }

    fn judge_mutant(&self, mutant: &Mutant, subjects: &Subjects<'_>) -> Result<Vec<(&'static str, Judgement)>, String> {
        let subject = subjects[mutant.file.subject.as_str()].as_ref().map_err(Clone::clone)?;
        let planted = plant::plant(subject, mutant, &PrivateRoom::base()).map_err(|error| Chain(&error).to_string())?;
        self.judge(&planted.subject, &planted.overlay)
    }

    fn judge_original(&self, original: Original<'_>, subjects: &Subjects<'_>) -> Baseline {
        let judged = subjects[original.subject].as_ref().map_err(Clone::clone).and_then(|subject| {
            let overlay = plant::overlay(subject, original.overlay).map_err(|error| Chain(&error).to_string())?;
            self.judge(subject, overlay)
        });
        Baseline::of(original, Lane::Rendered, judged)
    }

    fn judge(&self, subject: &Arc<Subject>, overlay: &Overlay) -> Result<Vec<(&'static str, Judgement)>, String> {
        let rendered = Rendered::new(Arc::clone(subject), overlay, Arc::clone(self.helms));
        let rendered = rendered.map_err(|error| Chain(&error).to_string())?;
        let checked = self.catalog.iter().filter(|requirement| requirement.rendered.is_some());
        Ok(checked.map(|requirement| (requirement.id, judge::judge_rendered(&rendered, requirement))).collect())
    }
}
