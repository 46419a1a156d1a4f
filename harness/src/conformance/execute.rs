//! Carrying out a run: the rendered lane on all processors, the live lane bench by bench, each judgement journalled
//! as soon as it is known.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::future::try_join_all;

use super::clerk::{Clerk, images_of};
use super::live::judge_live;
use super::planning::{Scene, disposition, faults, key, plan, scenes};
use super::{Request, Stage};
use crate::bench::{Installation, InstallationError, Keep};
use crate::check::Judgement;
use crate::experiment::{Campaign, Rendezvous, Seats, conduct};
use crate::judge::{judge_all, unrendered};
use crate::progress::Progress;
use crate::record::{Experiment, Records};
use crate::redact::{PrivateRoom, RedactError, Sink};
use crate::rendered::Rendered;
use crate::report::{Report, ReportError, conclude};
use crate::requirement::{Lane, Requirement};
use crate::run::{Disposition, Event, Journal, Plan, RunDirectory, RunError};
use crate::verdict::Verdict;

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
    #[error("keep the run; see whether its folder, which --output chooses, has room and may be written")]
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
/// report says what was judged by then; it is incomplete and passes nothing. When it is ready again meanwhile, nothing
/// more is removed.
///
/// # Errors
/// When the run directory cannot be kept. Whatever happens on the cluster becomes a verdict instead.
pub async fn run(
    request: &Request,
    progress: &dyn Progress,
    stop: impl AsyncFn() -> String,
) -> Result<Outcome, ConformanceError> {
    let (directory, room) = RunDirectory::create(&request.base, &PrivateRoom::base())?;
    let report = carry_out(request, &directory, &room, progress, stop).await;
    if report.is_err() {
        // A run that cannot be kept leaves no credential behind; what it had judged stays, and says incomplete.
        let _ = room.remove();
    }
    Ok(Outcome { report: report?, directory })
}

async fn carry_out(
    request: &Request,
    directory: &RunDirectory,
    room: &PrivateRoom,
    progress: &dyn Progress,
    stop: impl AsyncFn() -> String,
) -> Result<Report, ConformanceError> {
    let scenes = scenes(request);
    let (sink, journal) = begin(request, directory, room, &scenes).inspect_err(|_unkept| {
        // Nothing was judged, so there is nothing that the folder could tell.
        directory.discard();
    })?;
    progress.say(&format!("Run {}: what it does and finds goes to {}", directory.id(), directory.path()));
    let work = Work { request, directory, room, sink: &sink, journal: &journal, progress };
    let (interrupted, ended) = tokio::select! {
        done = work.both_lanes(&scenes) => (false, done),
        signal = stop() => {
            progress.say(&format!("{signal}: what the run made on the cluster is removed; a second one breaks that off"));
            (true, journal.record(Event::Interrupted { signal }).map_err(ConformanceError::from))
        }
    };
    if interrupted || ended.is_err() {
        work.abandon(stop()).await;
    }
    ended?;
    Ok(conclude(directory, &journal, &sink, room.clone())?)
}

fn begin(
    request: &Request,
    directory: &RunDirectory,
    room: &PrivateRoom,
    scenes: &[Scene],
) -> Result<(Sink, Journal), ConformanceError> {
    let sink = Sink::new(room.redactor()?);
    let private = Some(room.folder().to_owned());
    let journal = directory.begin(&Plan { private, ..plan(request, directory.id(), scenes) }, &sink)?;
    Ok((sink, journal))
}

/// What is to be done to one subject on the cluster, and judged by what that leaves.
struct Prepared<'a> {
    scene: &'a Scene,
    wanted: Vec<&'static Requirement>,
    campaign: Campaign,
    /// Rotations under a fault, and why those are not run that are not.
    faults: BTreeMap<Experiment, Option<String>>,
    /// Those whose fault befalls nothing that the subject has.
    pointless: Vec<Experiment>,
}

struct Work<'a> {
    request: &'a Request,
    directory: &'a RunDirectory,
    room: &'a PrivateRoom,
    sink: &'a Sink,
    journal: &'a Journal,
    progress: &'a dyn Progress,
}

impl Work<'_> {
    /// Removes what this run made on the cluster, until `stop` is ready.
    async fn abandon(&self, stop: impl Future<Output = String>) {
        if let Ok(stage) = &self.request.stage {
            for text in stage.cluster.abandon(self.directory.id().as_str(), stop).await {
                self.progress.say(&self.sink.line(&text));
                // The run is at its end; who cannot read it in the report has just been told.
                let _ = self.journal.record(Event::Noted { text });
            }
        }
    }

    async fn both_lanes(&self, scenes: &[Scene]) -> Result<(), ConformanceError> {
        for scene in scenes {
            self.rendered_lane(scene)?;
        }
        if let Ok(stage) = &self.request.stage {
            let rendezvous = Arc::new(Rendezvous::default());
            let live = scenes.iter().filter(|scene| scene.live);
            let prepared = try_join_all(live.map(|scene| self.prepare(stage, scene, &rendezvous))).await?;
            let mut prepared: Vec<Prepared<'_>> = prepared.into_iter().flatten().collect();
            // What takes longest begins first, so that no bench is at work alone at the end.
            prepared.sort_by_key(|one| Reverse(one.campaign.installation.pods));
            let seats = Seats::on(&stage.cluster);
            try_join_all(prepared.into_iter().map(|one| self.live_lane(stage, one, &seats))).await?;
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

    /// What is to be done to a subject on the cluster; nothing where it cannot be installed, which judges it.
    async fn prepare<'scene>(
        &self,
        stage: &Stage,
        scene: &'scene Scene,
        rendezvous: &Arc<Rendezvous>,
    ) -> Result<Option<Prepared<'scene>>, ConformanceError> {
        let wanted = self.wanted(scene, Lane::Live);
        let rendered = match &scene.rendered {
            Ok(rendered) => rendered,
            Err(error) => {
                for requirement in wanted {
                    self.journal(scene, requirement, Lane::Live, unrendered(error), 0.0, Vec::new())?;
                }
                return Ok(None);
            }
        };
        if let Some(reason) = outside(stage, rendered).await {
            for requirement in wanted {
                let judgement = Judgement::without_check(Verdict::Unchecked, &reason);
                self.journal(scene, requirement, Lane::Live, judgement, 0.0, Vec::new())?;
            }
            return Ok(None);
        }
        let installation = Installation::of(rendered)?;
        let mut faults = faults(&wanted, rendered.subject().database(), stage.cluster.handle().provider);
        let pointless: Vec<Experiment> =
            faults.extract_if(.., |fault, _| !fault.befalls(&installation)).map(|(one, _)| one).collect();
        if self.request.without_faults {
            let left_out = |fault: &Experiment| format!("experiment {fault} was left out, by --without-faults");
            faults.iter_mut().for_each(|(fault, obstacle)| *obstacle = Some(left_out(fault)));
        }
        let mut experiments: BTreeSet<Experiment> = wanted.iter().flat_map(|requirement| requirement.needs()).collect();
        experiments.extend(faults.iter().filter(|(_, obstacle)| obstacle.is_none()).map(|(fault, _)| *fault));
        let campaign = Campaign {
            run: self.directory.id().as_str().to_owned(),
            name: self.request.subjects[scene.subject].name().to_owned(),
            programs: stage.programs.clone(),
            installation,
            keep: Keep {
                redactor: self.sink.redactor().clone(),
                room: self.room.clone(),
                sink: self.sink.clone(),
                diagnostics: self.directory.diagnostics(),
            },
            wanted: experiments.into_iter().collect(),
            rendezvous: rendezvous.clone(),
        };
        rendezvous.announce(&campaign.wanted);
        Ok(Some(Prepared { scene, wanted, campaign, faults, pointless }))
    }

    async fn live_lane(&self, stage: &Stage, prepared: Prepared<'_>, seats: &Seats) -> Result<(), ConformanceError> {
        let Prepared { scene, wanted, campaign, faults, pointless } = prepared;
        let subject = &campaign.installation.subject;
        let Self { directory, journal, sink, progress, .. } = *self;
        let overlay = &scene.overlay;
        let clerk = Clerk { subject, overlay, directory, journal, sink, progress, unkept: Mutex::default() };
        let sealed = conduct(&stage.cluster, &campaign, seats, &clerk).await;
        let unkept = clerk.unkept();
        self.journal.record(Event::ImagesObserved { subject: subject.clone(), images: images_of(&sealed) })?;
        let mut records: Records = sealed.into_iter().collect();
        pointless.into_iter().for_each(|fault| records.spare(fault));
        for (fault, obstacle) in faults {
            obstacle.into_iter().for_each(|reason| records.excuse(fault, reason));
        }
        let facts = stage.cluster.facts().await.into_iter().chain(seats.facts()).collect();
        self.journal.record(Event::EnvironmentObserved { facts })?;
        if let Some(error) = unkept {
            // What is judged by a record that nobody can read again is not known.
            return Err(error.into());
        }
        for requirement in wanted {
            let began = Instant::now();
            let judgement = judge_live(requirement, &records);
            let run = requirement.experiments.iter().filter(|one| !records.is_excused(**one));
            let evidence = run.map(|one| record_path(scene, self.request, *one)).collect();
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

/// Why a subject may not be installed on a cluster of somebody else's: it would reach beyond its own namespace.
async fn outside(stage: &Stage, rendered: &Rendered) -> Option<String> {
    let (releases, name) = (rendered.rendering().manifests().objects(), rendered.subject().name());
    let strays = match stage.cluster.strays(releases, name).await {
        // Companions are written by hand, for whatever namespace they are applied to.
        Ok(of_releases) => stage
            .cluster
            .strays(rendered.companions().objects(), "")
            .await
            .map(|of_companions| of_releases.into_iter().chain(of_companions).collect::<Vec<String>>()),
        Err(reason) => Err(reason),
    };
    match strays {
        Err(reason) => Some(reason),
        Ok(strays) if strays.is_empty() => None,
        Ok(strays) => Some(format!(
            "nothing was installed, because nothing outside the namespaces of a run is touched on this cluster, and the \
             subject brings {}",
            strays.join(", ")
        )),
    }
}

fn record_path(scene: &Scene, request: &Request, experiment: Experiment) -> String {
    RunDirectory::record_path(request.subjects[scene.subject].name(), &scene.overlay, experiment)
}
