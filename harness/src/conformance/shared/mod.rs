//! Judging by experiments that several processes share: the developer's door, where each test is a process of its own.
//!
//! What a requirement needs is asked for by a mark in the shared run directory. A Lease elects who runs a line of
//! experiments; the elected process sees in the marks what the others wait for, and runs it all on the bench that
//! stands. A record that is there is everybody's answer, also one that says that the experiment broke off. What was
//! begun and not sealed is void: whoever takes over raises a bench of his own and runs it again.

mod shelf;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use futures::future::try_join_all;

use self::shelf::Shelf;
pub use self::shelf::ShelfError;
use super::Stage;
use super::live::judge_live;
use super::planning::key;
use super::standing::fingerprint;
use crate::bench::{Bench, Installation, InstallationError, Keep};
use crate::check::Judgement;
use crate::cluster::{CommandError, ElectionError, Leftover, Stood, Term};
use crate::error::Chain;
use crate::experiment::{Campaign, Line, Seats, conduct_line, revisit};
use crate::host::interrupted;
use crate::judge::{unclaimed, unsuited};
use crate::record::{Experiment, Record, Records};
use crate::redact::{PrivateRoom, RedactError, Sink, scan};
use crate::rendered::Rendered;
use crate::requirement::{Lane, Requirement};
use crate::run::{Event, Journal, RunDirectory, RunError, RunId};
use crate::verdict::Verdict;
use crate::wait::{Budget, Progress, WaitError, poll_until};

/// Longer than any line takes; who runs the tests sets a narrower limit.
const RECORDS: Budget = Budget::seconds("the records of experiments that another process runs", 3600);
/// How often the Lease is looked at by those who wait. Records are looked for at every turn.
const LOOKED: Duration = Duration::from_secs(1);
/// How long the API server may be away: an experiment of somebody else may have restarted it.
const AWAY: Duration = Duration::from_secs(60);

/// One process's part in a run that many processes share.
pub struct SharedRun {
    directory: RunDirectory,
    room: PrivateRoom,
    sink: Sink,
    journal: Journal,
    /// What this process holds now, by the Lease's line: the bench to be cleared if it is stopped.
    held: Mutex<Vec<Held>>,
}

#[derive(Clone)]
struct Held {
    namespace: String,
    term: Arc<Term>,
}

/// Why there are no records to judge by.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// The run directory cannot be used.
    #[error("share the run directory")]
    Run(#[from] RunError),
    /// A record or mark cannot be used.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// Artefacts cannot be masked, written or scanned.
    #[error("keep the artefacts free of credentials")]
    Redact(#[from] RedactError),
    /// A credential got past the mask.
    #[error("keep the artefacts free of credentials: {0}; remove the file")]
    Leaked(String),
    /// Nobody could be elected.
    #[error("agree with other processes on who runs an experiment")]
    Election(#[from] ElectionError),
    /// Whoever was elected left no record.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The subject cannot be turned into something to install.
    #[error("prepare the installation")]
    Installation(#[from] InstallationError),
    /// A file of values cannot be read.
    #[error("read what the installation is made of")]
    Fingerprint(#[source] std::io::Error),
    /// The nodes do not have the images that the subject's pods ask for.
    #[error("name the stand-in application in the nodes as the subject does; `holdfast up` makes the cluster sound")]
    Images(#[from] CommandError),
    /// No bench runs the experiment; a defect of Holdfast.
    #[error("run experiment {0}: it is on no bench")]
    Unplaced(Experiment),
}

/// A subject that is to be judged on a cluster.
struct Scene<'a> {
    stage: &'a Stage,
    rendered: &'a Rendered,
    shelf: Shelf<'a>,
}

impl SharedRun {
    /// Joins the run that goes by `outer`, the id of whoever started the processes. Run directories are below `base`.
    ///
    /// # Errors
    /// When the run directory or the private folder cannot be made or entered.
    pub fn join(base: &Utf8Path, outer: &str) -> Result<Self, SharedError> {
        let (directory, room) = RunDirectory::join(base, &PrivateRoom::base(), RunId::shared(outer))?;
        let sink = Sink::new(room.redactor()?);
        let journal = directory.journal(&sink)?;
        Ok(Self { directory, room, sink, journal, held: Mutex::default() })
    }

    /// The run directory.
    pub fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// The writer of everything that is said about the run.
    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Leaves the run. The last one out takes the credentials away. Nothing of [`judge`](Self::judge) may run any more.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn leave(self) -> Result<(), SharedError> {
        let Self { room, sink, journal, .. } = self;
        drop((sink, journal));
        Ok(room.leave()?)
    }

    /// Judges a requirement in the live lane: runs the experiments that it needs, or waits for who runs them.
    ///
    /// Whatever goes wrong leaves it unchecked. When the process is asked to stop, what it made on the cluster goes.
    pub async fn judge(&self, stage: &Stage, rendered: &Rendered, requirement: &'static Requirement) -> Judgement {
        let began = Instant::now();
        let judgement = tokio::select! {
            judgement = self.answer(stage, rendered, requirement) => judgement,
            signal = interrupted() => {
                Judgement::without_check(Verdict::Unchecked, format!("{signal} stopped it before it could be told"))
            }
        };
        self.abandon(stage).await;
        let key = key(rendered.subject(), &rendered.overlay().name, requirement, Lane::Live);
        let evidence = requirement.needs().map(|one| self.record_path(rendered, one)).collect();
        let seconds = began.elapsed().as_secs_f64();
        let judged = Event::Judged { key, judgement: judgement.clone(), seconds, evidence };
        match self.journal.record(judged) {
            Ok(()) => judgement,
            Err(error) => Judgement::without_check(Verdict::Unchecked, Chain(&error)),
        }
    }

    fn record_path(&self, rendered: &Rendered, experiment: Experiment) -> String {
        RunDirectory::record_path(rendered.subject().name(), &rendered.overlay().name, experiment)
    }

    async fn answer(&self, stage: &Stage, rendered: &Rendered, requirement: &'static Requirement) -> Judgement {
        if let Some(settled) = unclaimed(requirement, rendered).or_else(|| unsuited(requirement, rendered)) {
            return settled;
        }
        let (subject, overlay) = (rendered.subject().name(), rendered.overlay().name.as_str());
        let shelf = Shelf { directory: &self.directory, subject, overlay };
        let needed: Vec<Experiment> = requirement.needs().collect();
        match self.records(&Scene { stage, rendered, shelf }, &needed).await {
            Ok(mut records) => {
                for fault in requirement.faults() {
                    records.excuse(fault, format!("experiment {fault} is run by `holdfast run`"));
                }
                judge_live(requirement, &records)
            }
            Err(error) => Judgement::without_check(Verdict::Unchecked, Chain(&error)),
        }
    }

    async fn records(&self, scene: &Scene<'_>, needed: &[Experiment]) -> Result<Records, SharedError> {
        let mut lines: BTreeMap<&str, (&'static Line, Vec<Experiment>)> = BTreeMap::new();
        for experiment in needed {
            let line = Line::of(*experiment).ok_or(SharedError::Unplaced(*experiment))?;
            lines.entry(line.name()).or_insert((line, Vec::new())).1.push(*experiment);
            scene.shelf.ask(*experiment)?;
        }
        try_join_all(lines.values().map(|(line, needed)| self.obtain(scene, line, needed))).await?;
        needed.iter().map(|one| Ok(scene.shelf.record(*one)?)).collect()
    }

    /// Sees to it that records of one line are there: runs the experiments if elected, else waits for who does.
    async fn obtain(&self, scene: &Scene<'_>, line: &'static Line, needed: &[Experiment]) -> Result<(), SharedError> {
        let Shelf { subject, overlay, .. } = scene.shelf;
        let what = format!("{overlay}.{}", line.name());
        let election = scene.stage.cluster.election(self.directory.id().as_str(), subject, &what);
        loop {
            let holder = holder();
            let (looked, reason) = (Cell::new(None), RefCell::new(String::new()));
            let heard: Cell<Option<Instant>> = Cell::new(None);
            let turn = poll_until(RECORDS, async || {
                if needed.iter().all(|one| scene.shelf.is_sealed(*one)) {
                    return Progress::Ready(None);
                }
                if looked.get().is_some_and(|at: Instant| at.elapsed() < LOOKED) {
                    return Progress::NotYet(reason.borrow().clone());
                }
                looked.set(Some(Instant::now()));
                match election.stand(&holder).await {
                    Ok(Stood::Elected(term)) => return Progress::Ready(Some(term)),
                    Ok(Stood::Other(who)) => {
                        heard.set(Some(Instant::now()));
                        reason.replace(who);
                    }
                    Err(error) => {
                        let told = Chain(&error).to_string();
                        // A cluster that never answered is not there; one that did may be disturbed on purpose.
                        if heard.get().is_none_or(|at| at.elapsed() > AWAY) {
                            return Progress::Hopeless(format!("{told}; `holdfast up` brings the cluster back"));
                        }
                        reason.replace(told);
                    }
                }
                Progress::NotYet(reason.borrow().clone())
            });
            match turn.await? {
                None => return Ok(()),
                Some(term) => self.hold(scene, line, term, &holder).await?,
            }
        }
    }

    /// Runs what is asked for of a line while the Lease is held. If it is lost, so is what was not sealed.
    async fn hold(
        &self,
        scene: &Scene<'_>,
        line: &'static Line,
        term: Arc<Term>,
        holder: &str,
    ) -> Result<(), SharedError> {
        let (run, cluster) = (self.directory.id().as_str(), &scene.stage.cluster);
        let bench = |holder: &str| format!("{}-{}-{holder}", scene.shelf.subject, line.name());
        if let Some(dead) = term.predecessor() {
            let remains = Leftover::namespace(run, Bench::namespace_of(run, &bench(dead)));
            if let Err(error) = cluster.remove(&remains).await {
                tracing::warn!("left behind: {}", Chain(&error));
            }
        }
        let bench = bench(holder);
        let held = Held { namespace: Bench::namespace_of(run, &bench), term: term.clone() };
        self.held().push(held.clone());
        let conducted = tokio::select! {
            conducted = self.conduct(scene, line, &bench, &term) => conducted,
            reason = term.renew() => {
                tracing::warn!("the Lease on bench {bench} was lost: {reason}");
                Ok(())
            }
        };
        self.held().retain(|one| one.namespace != held.namespace);
        if let Err(error) = term.resign().await {
            tracing::warn!("{}", Chain(&error));
        }
        conducted
    }

    async fn conduct(
        &self,
        scene: &Scene<'_>,
        line: &'static Line,
        bench: &str,
        term: &Term,
    ) -> Result<(), SharedError> {
        let (run, subject) = (self.directory.id().as_str(), scene.rendered.subject());
        let campaign = Campaign {
            run: run.to_owned(),
            name: bench.to_owned(),
            programs: scene.stage.programs.clone(),
            installation: Installation::of(scene.rendered)?,
            keep: Keep {
                redactor: self.sink.redactor().clone(),
                room: self.room.clone(),
                sink: self.sink.clone(),
                diagnostics: self.directory.diagnostics(),
            },
            wanted: Vec::new(),
            rendezvous: Arc::default(),
        };
        // What stands was installed in any case; to record it costs one look, and the bench is never so fresh again.
        let wanted = |one| scene.shelf.is_asked(one) || one == Experiment::Install;
        let (sealed, unsealed) = (RefCell::new(Vec::new()), RefCell::new(None));
        let seal = |record: &Record| {
            if !term.is_current() {
                tracing::warn!("experiment {} is void: the Lease was lost before its end", record.experiment);
                return;
            }
            match self.directory.seal(record, &self.journal, &self.sink) {
                Ok(()) => sealed.borrow_mut().push(record.experiment),
                Err(error) => drop(unsealed.replace(Some(error))),
            }
        };
        let asked = |one| wanted(one) && !scene.shelf.is_sealed(one);
        if line.experiments().iter().copied().filter(|one| asked(*one)).eq([Experiment::Install]) {
            self.look_at_standing(scene, &campaign, &seal).await?;
        }
        if line.experiments().iter().any(|one| asked(*one)) {
            scene.stage.lend_images(subject).await?;
            conduct_line(&scene.stage.cluster, &campaign, line, bench, &Seats::new(1), asked, &seal).await;
        }
        if let Some(error) = unsealed.into_inner() {
            return Err(error.into());
        }
        self.nothing_leaked(&Bench::namespace_of(run, bench), scene, &sealed.into_inner())
    }

    /// Where only the installation is asked for, and a bench stands that was installed from the same, it is looked at.
    /// One that is not sound is nobody's answer; then there will be another.
    async fn look_at_standing(
        &self,
        scene: &Scene<'_>,
        campaign: &Campaign,
        seal: &impl Fn(&Record),
    ) -> Result<(), SharedError> {
        let Campaign { installation, keep, .. } = campaign;
        let fingerprint = fingerprint(scene.stage, scene.rendered, installation)?;
        let record = match Bench::standing(&scene.stage.cluster, installation, &fingerprint, keep).await {
            Ok(Some((bench, since))) => revisit(&bench, &campaign.programs.helm, since).await,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!("no bench that stands is used: {}", Chain(&error));
                return Ok(());
            }
        };
        match &record.broken {
            None => seal(&record),
            Some(reason) => tracing::warn!("the bench that stands is not used: {reason}"),
        }
        Ok(())
    }

    /// Reads back what this process wrote: logs of its bench, and records.
    fn nothing_leaked(&self, namespace: &str, scene: &Scene<'_>, sealed: &[Experiment]) -> Result<(), SharedError> {
        let logs = self.directory.diagnostics().join(namespace);
        let leaks = if logs.is_dir() { scan(&logs, self.sink.redactor())? } else { Vec::new() };
        let mut found: Vec<String> = leaks.iter().map(ToString::to_string).collect();
        for experiment in sealed {
            let path = scene.shelf.path(*experiment);
            let text = std::fs::read(&path).map_err(|source| RedactError::Scan { path: path.clone(), source })?;
            if self.sink.redactor().finds(&text) {
                found.push(format!("a credential stands in {path}"));
            }
        }
        if found.is_empty() { Ok(()) } else { Err(SharedError::Leaked(found.join("; "))) }
    }

    /// Removes what this process still has on the cluster where it did not come to its end, and lets the next one begin.
    async fn abandon(&self, stage: &Stage) {
        let held = self.held().clone();
        for Held { namespace, term } in held {
            let run = self.directory.id().as_str().to_owned();
            if let Err(error) = stage.cluster.remove(&Leftover::namespace(run, namespace)).await {
                tracing::warn!("left behind: {}", Chain(&error));
            }
            if let Err(error) = term.resign().await {
                tracing::warn!("left behind: {}", Chain(&error));
            }
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name for whoever stands for election, new for each time in office: a bench is never raised twice by one name.
fn holder() -> String {
    static TERMS: AtomicU32 = AtomicU32::new(1);
    format!("{}-{}", std::process::id(), TERMS.fetch_add(1, Ordering::Relaxed))
}
