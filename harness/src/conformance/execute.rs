//! Carrying out a run: the rendered lane on all processors, the live lane bench by bench, each judgement journalled
//! as soon as it is known.

use std::collections::BTreeSet;
use std::time::Instant;

use super::live::judge_live;
use super::planning::{Scene, disposition, key, plan, scenes};
use super::{Request, Stage};
use crate::bench::{Installation, InstallationError, Keep};
use crate::check::Judgement;
use crate::error::Chain;
use crate::experiment::{Campaign, Experiment, Records, conduct};
use crate::judge::{judge_all, unrendered};
use crate::redact::{PrivateRoom, RedactError, Sink};
use crate::report::{Report, ReportError, conclude};
use crate::requirement::{Lane, Requirement};
use crate::run::{Disposition, Event, Journal, RunDirectory, RunError};

/// What a run that came to its end leaves.
pub struct Outcome {
    /// The report.
    pub report: Report,
    /// The run directory.
    pub directory: RunDirectory,
}

/// Why a run did not come to its end. What it had judged by then is in its directory.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// The run directory failed.
    #[error("keep the run")]
    Run(#[from] RunError),
    /// Artefacts cannot be written or masked.
    #[error("keep the artefacts of the run")]
    Redact(#[from] RedactError),
    /// The report cannot be made.
    #[error("report the run")]
    Report(#[from] ReportError),
    /// A subject cannot be turned into something to install.
    #[error("prepare the installation")]
    Installation(#[from] InstallationError),
}

/// Runs what is asked for, from the plan to the report.
///
/// When `stop` is ready before the run is (with the name of a signal), what was made on the cluster is removed and the
/// report says what was judged by then; it is incomplete and passes nothing.
///
/// # Errors
/// When the run directory cannot be kept. Whatever happens on the cluster becomes a verdict instead.
pub async fn run(request: &Request, stop: impl Future<Output = String>) -> Result<Outcome, ConformanceError> {
    let (directory, room) = RunDirectory::create(&request.base, &PrivateRoom::base())?;
    let sink = Sink::new(room.redactor()?);
    let scenes = scenes(request);
    let journal = directory.begin(&plan(request, directory.id(), &scenes), &sink)?;
    let work = Work { request, directory: &directory, room: &room, sink: &sink, journal: &journal };

    tokio::select! {
        done = work.both_lanes(&scenes) => done?,
        signal = stop => {
            journal.record(Event::Interrupted { signal })?;
            if let Ok(stage) = &request.stage {
                stage.cluster.abandon(directory.id().as_str()).await;
            }
        }
    }
    let report = conclude(&directory, &journal, &sink, room)?;
    Ok(Outcome { report, directory })
}

struct Work<'a> {
    request: &'a Request,
    directory: &'a RunDirectory,
    room: &'a PrivateRoom,
    sink: &'a Sink,
    journal: &'a Journal,
}

impl Work<'_> {
    async fn both_lanes(&self, scenes: &[Scene]) -> Result<(), ConformanceError> {
        for scene in scenes {
            self.rendered_lane(scene)?;
        }
        if let Ok(stage) = &self.request.stage {
            for scene in scenes.iter().filter(|scene| scene.live) {
                self.live_lane(stage, scene).await?;
            }
        }
        Ok(())
    }

    fn rendered_lane(&self, scene: &Scene) -> Result<(), RunError> {
        let wanted = self.wanted(scene, Lane::Rendered);
        match &scene.rendered {
            Ok(rendered) => {
                for judged in judge_all(rendered, &wanted) {
                    let (requirement, judgement) = (judged.requirement, judged.judgement);
                    self.journal(scene, requirement, Lane::Rendered, judgement, judged.took.as_secs_f64(), Vec::new())?;
                }
            }
            Err(error) => {
                for requirement in wanted {
                    self.journal(scene, requirement, Lane::Rendered, unrendered(error), 0.0, Vec::new())?;
                }
            }
        }
        Ok(())
    }

    async fn live_lane(&self, stage: &Stage, scene: &Scene) -> Result<(), ConformanceError> {
        let wanted = self.wanted(scene, Lane::Live);
        let experiments: BTreeSet<Experiment> =
            wanted.iter().flat_map(|requirement| requirement.experiments).copied().collect();
        let rendered = match &scene.rendered {
            Ok(rendered) => rendered,
            Err(error) => {
                for requirement in wanted {
                    self.journal(scene, requirement, Lane::Live, unrendered(error), 0.0, Vec::new())?;
                }
                return Ok(());
            }
        };
        let campaign = Campaign {
            run: self.directory.id().as_str().to_owned(),
            name: self.request.subjects[scene.subject].name().to_owned(),
            helm: stage.helm.clone(),
            installation: Installation::of(rendered)?,
            keep: Keep {
                redactor: self.sink.redactor().clone(),
                room: self.room.clone(),
                sink: self.sink.clone(),
                diagnostics: self.directory.diagnostics(),
            },
            wanted: experiments.into_iter().collect(),
        };
        let sealed = conduct(&stage.cluster, &campaign, |record| {
            if let Err(error) = self.directory.seal(record, self.journal, self.sink) {
                tracing::error!("a record was lost: {}", Chain(&error));
            }
        });
        let records: Records = sealed.await.into_iter().collect();
        self.journal.record(Event::EnvironmentObserved { facts: stage.cluster.facts().await })?;
        for requirement in wanted {
            let began = Instant::now();
            let judgement = judge_live(requirement, &records);
            let evidence = requirement.experiments.iter().map(|one| record_path(scene, self.request, *one)).collect();
            self.journal(scene, requirement, Lane::Live, judgement, began.elapsed().as_secs_f64(), evidence)?;
        }
        Ok(())
    }

    /// What is to be judged of a scene in a lane; the plan says the same, by the same function.
    fn wanted(&self, scene: &Scene, lane: Lane) -> Vec<&'static Requirement> {
        let in_lane = self.request.catalog.iter().copied().filter(|one| one.lanes().any(|known| known == lane));
        in_lane.filter(|one| disposition(self.request, Some(scene), one, lane) == Disposition::Judge).collect()
    }

    fn journal(
        &self,
        scene: &Scene,
        requirement: &Requirement,
        lane: Lane,
        judgement: Judgement,
        seconds: f64,
        evidence: Vec<String>,
    ) -> Result<(), RunError> {
        let key = key(&self.request.subjects[scene.subject], &scene.overlay, requirement, lane);
        self.journal.record(Event::Judged { key, judgement, seconds, evidence })
    }
}

fn record_path(scene: &Scene, request: &Request, experiment: Experiment) -> String {
    RunDirectory::record_path(request.subjects[scene.subject].name(), &scene.overlay, experiment)
}
