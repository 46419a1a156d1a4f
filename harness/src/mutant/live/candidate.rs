//! Who is installed: a mutant, or a subject without a defect, ready for a bench.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{Judgements, agenda};
use crate::bench::Installation;
use crate::error::Chain;
use crate::mutant::Mutant;
use crate::mutant::plant::{self, Planted};
use crate::mutant::trial::{Original, Subjects, Trial};
use crate::record::Experiment;
use crate::redact::PrivateRoom;
use crate::rendered::{Rendered, in_parallel};
use crate::requirement::Lane;
use crate::subject::{Overlay, Subject};

/// What a candidate is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    /// A subject without a defect.
    Original(Original<'a>),
    /// A mutant.
    Mutant(&'a Mutant),
}

/// Somebody to install.
pub(super) struct Candidate<'a> {
    /// What it is.
    pub(super) of: Of<'a>,
    /// What its benches and records are called after.
    pub(super) stem: String,
    /// What is to be done to it.
    pub(super) experiments: BTreeSet<Experiment>,
    /// What is installed, or why nothing can be.
    pub(super) prepared: Result<Prepared, String>,
    /// What came of it, once it is known.
    pub(super) judged: OnceLock<Result<Judgements, String>>,
}

/// What is installed.
pub(super) struct Prepared {
    /// What Helm renders of it.
    pub(super) rendered: Rendered,
    /// What goes onto a bench.
    pub(super) installation: Installation,
    /// The files of a mutant; they go when this is dropped.
    _planted: Option<Planted>,
}

/// Plants and renders everybody whom the live lane installs, all at once. The subjects without a defect come first: to
/// them everything is done, so that they take longest.
///
/// The copies are made in the private folder, so that whoever sweeps after a run that was killed takes them away, too.
pub(super) fn all<'a>(trial: &Trial<'a>, room: &PrivateRoom) -> Vec<Candidate<'a>> {
    let mutants = trial.of(Lane::Live);
    let subjects = trial.read(&mutants);
    let originals = Original::all(&mutants).into_iter().map(|original| {
        let experiments = agenda::experiments_on(trial.catalog, original, &mutants);
        (Of::Original(original), experiments)
    });
    let originals = originals.filter(|(_, experiments)| !experiments.is_empty());
    let copies = mutants.iter().map(|mutant| (Of::Mutant(mutant), agenda::experiments_of(trial.catalog, mutant)));
    let everybody: Vec<(usize, (Of<'_>, BTreeSet<Experiment>))> = originals.chain(copies).enumerate().collect();
    in_parallel(&everybody, |(place, (of, experiments))| Candidate {
        of: *of,
        stem: agenda::stem(*place, &of.to_string()),
        experiments: experiments.clone(),
        prepared: prepare(trial, *of, &subjects, room),
        judged: OnceLock::new(),
    })
}

fn prepare(trial: &Trial<'_>, of: Of<'_>, subjects: &Subjects<'_>, room: &PrivateRoom) -> Result<Prepared, String> {
    match of {
        Of::Original(original) => {
            let subject = subjects[original.subject].as_ref().map_err(Clone::clone)?;
            let overlay = plant::overlay(subject, original.overlay).map_err(|error| Chain(&error).to_string())?;
            install(trial, subject, overlay, None)
        }
        Of::Mutant(mutant) => {
            let subject = subjects[mutant.file.subject.as_str()].as_ref().map_err(Clone::clone)?;
            if !mutant.file.manifests.is_empty() {
                return Err("it changes manifests, and Helm installs charts; change the chart's files instead".into());
            }
            let planted = plant::plant(subject, mutant, room.folder()).map_err(|error| Chain(&error).to_string())?;
            let (subject, overlay) = (Arc::clone(&planted.subject), planted.overlay.clone());
            let mut prepared = install(trial, &subject, &overlay, Some(planted))?;
            prepared.installation.deleted.clone_from(&mutant.file.deleted);
            Ok(prepared)
        }
    }
}

fn install(
    trial: &Trial<'_>,
    subject: &Arc<Subject>,
    overlay: &Overlay,
    planted: Option<Planted>,
) -> Result<Prepared, String> {
    let rendered = Rendered::new(Arc::clone(subject), overlay, Arc::clone(trial.helms));
    let rendered = rendered.map_err(|error| Chain(&error).to_string())?;
    let installation = Installation::of(&rendered).map_err(|error| Chain(&error).to_string())?;
    Ok(Prepared { rendered, installation, _planted: planted })
}

impl fmt::Display for Of<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original(original) => original.fmt(formatter),
            Self::Mutant(mutant) => formatter.write_str(&mutant.name),
        }
    }
}
