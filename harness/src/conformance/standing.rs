//! The bench that `holdfast up --subject` leaves, so that a requirement that only looks is judged in a moment.

use camino::Utf8Path;
use jiff::Timestamp;

use super::{SharedError, Stage};
use crate::bench::{Bench, BenchError, Installation, Keep};
use crate::cluster::{Leftover, SweepError};
use crate::error::Chain;
use crate::experiment::erect;
use crate::redact::{PrivateRoom, Sink};
use crate::rendered::Rendered;
use crate::run::{RunDirectory, RunId};
use crate::subject::StandIn;

/// Why no bench was left.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// What it takes to install cannot be had.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The installation does not come to stand.
    #[error("leave a bench that stands")]
    Bench(#[source] BenchError),
    /// A bench of an earlier version of the subject is in the way.
    #[error("take away the bench that stood before")]
    Sweep(#[from] SweepError),
}

/// Leaves a bench on which the subject is installed as it is now, and returns its namespace; one of another version of
/// the subject is taken away.
///
/// # Errors
/// When the installation does not come to stand; then nothing stays.
pub async fn leave_standing(stage: &Stage, rendered: &Rendered, base: &Utf8Path) -> Result<String, StandingError> {
    let installation = Installation::of(rendered).map_err(SharedError::from)?;
    let fingerprint = fingerprint(stage, rendered, &installation)?;
    let (directory, room) =
        RunDirectory::join(base, &PrivateRoom::base(), RunId::at(Timestamp::now())).map_err(SharedError::from)?;
    let sink = Sink::new(room.redactor().map_err(SharedError::from)?);
    let keep =
        Keep { redactor: sink.redactor().clone(), room: room.clone(), sink, diagnostics: directory.diagnostics() };
    let stood = erected(stage, rendered, installation, &fingerprint, keep, &directory).await;
    room.leave().map_err(SharedError::from)?;
    stood
}

async fn erected(
    stage: &Stage,
    rendered: &Rendered,
    installation: Installation,
    fingerprint: &str,
    keep: Keep,
    directory: &RunDirectory,
) -> Result<String, StandingError> {
    let (cluster, run) = (&stage.cluster, directory.id().as_str());
    let remove = async |namespace: String| cluster.remove(&Leftover::namespace(run, namespace)).await;
    let there = Bench::standing(cluster, &installation, fingerprint, &keep).await.map_err(StandingError::Bench)?;
    if let Some((bench, _since)) = there {
        return Ok(bench.namespace().to_owned());
    }
    for namespace in Bench::all_standing(cluster, &installation).await.map_err(StandingError::Bench)? {
        remove(namespace).await?;
    }
    stage.lend_images(rendered.subject()).await.map_err(SharedError::from)?;
    let name = format!("{}-standing", installation.subject);
    let bench = Bench::raise(cluster.clone(), run, &name, installation, keep).await.map_err(StandingError::Bench)?;
    match erect(&bench, &stage.programs.helm, fingerprint).await {
        Ok(()) => Ok(bench.namespace().to_owned()),
        Err(error) => {
            if let Err(left) = bench.clear().await {
                tracing::warn!("left behind: {}", Chain(&left));
            }
            Err(StandingError::Bench(error))
        }
    }
}

/// What the installation is made of, in short.
pub(super) fn fingerprint(
    stage: &Stage,
    rendered: &Rendered,
    installation: &Installation,
) -> Result<String, SharedError> {
    let charts = rendered.charts().map(|chart| chart.digest.as_str());
    let handle = stage.cluster.handle();
    let images = StandIn::ALL.into_iter().filter_map(|stand_in| handle.image(stand_in)).collect::<Vec<_>>().join(" ");
    installation.fingerprint(charts, Some(&images)).map_err(SharedError::Fingerprint)
}
