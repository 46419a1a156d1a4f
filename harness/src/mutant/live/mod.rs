//! The live lane of the kill matrix: every mutant installed on benches of its own, disturbed, judged and removed.
//!
//! The unmutated subject goes through the same experiments, under the overlays that the mutants look at: a normal run
//! installs one overlay only, usually another one, so that it is no control for them.

mod agenda;
mod candidate;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use futures::future::join_all;
use tokio::sync::Semaphore;

use self::candidate::{Candidate, Of};
use super::matrix::{Baseline, KillMatrix};
use super::row::Row;
use super::trial::Trial;
use crate::bench::{Keep, Programs};
use crate::check::Judgement;
use crate::cluster::Cluster;
use crate::conformance::judge_live;
use crate::error::Chain;
use crate::experiment::{Campaign, Seats, conduct};
use crate::judge::{unclaimed, unsuited};
use crate::progress::{Event, Progress};
use crate::record::{Record, Records};
use crate::redact::{Leak, PrivateRoom, RedactError, Redactor, Sink, scan};
use crate::requirement::{Lane, Requirement};
use crate::run::{RunDirectory, RunError};

/// How many mutants are under way at once; the benches of all of them take as many seats as those of a run.
const UNDER_WAY: usize = 4;

/// Where mutants are installed.
pub struct LiveLane<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The programs that install.
    pub programs: &'a Programs,
    /// Where the folder with records and logs is made.
    pub base: &'a Utf8Path,
    /// Who is told which mutants are under way.
    pub progress: &'a dyn Progress,
}

/// What the live lane leaves.
pub struct LiveOutcome {
    /// The matrix. Rows that a signal kept from being judged say so.
    pub matrix: KillMatrix,
    /// The folder with records and logs.
    pub folder: Utf8PathBuf,
    /// Knows what must not be printed of the matrix.
    pub redactor: Redactor,
    /// The signal that ended it before its time.
    pub interrupted: Option<String>,
    /// Credentials that got past the mask.
    pub leaks: Vec<Leak>,
}

/// Why the live lane did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The folder cannot be made.
    #[error("keep what the mutants leave")]
    Run(#[from] RunError),
    /// Artefacts cannot be written, masked or read back.
    #[error("keep the artefacts of the mutants")]
    Redact(#[from] RedactError),
}

type Judgements = Vec<(&'static str, Judgement)>;

impl Trial<'_> {
    /// Installs every mutant of the live lane, does to it what the requirements that it names ask for, and judges all
    /// that the records decide; and each of their subjects without a defect.
    ///
    /// When `stop` is ready first (with the name of a signal), what was made on the cluster is removed; when it is ready
    /// again, that is broken off.
    ///
    /// # Errors
    /// When the folder cannot be kept. Whatever happens on the cluster becomes a row instead.
    pub async fn live_lane(
        &self,
        lane: &LiveLane<'_>,
        stop: impl AsyncFn() -> String,
    ) -> Result<LiveOutcome, LiveError> {
        let (directory, room) = RunDirectory::create(lane.base, &PrivateRoom::base())?;
        let sink = Sink::new(room.redactor()?);
        let candidates = candidate::all(self, &room);
        let seats = Seats::on(lane.cluster);
        let work = Work { trial: self, lane, directory: &directory, room: &room, sink: &sink, seats: &seats };
        let interrupted = tokio::select! {
            () = work.all(&candidates) => None,
            signal = stop() => {
                for undone in lane.cluster.abandon(directory.id().as_str(), stop()).await {
                    lane.progress.say(&undone);
                }
                Some(signal)
            }
        };
        let matrix = self.matrix(candidates, interrupted.as_deref());
        sink.write(&directory.path().join("matrix.txt"), format!("{matrix}\n").as_bytes())?;
        let leaks = scan(directory.path(), sink.redactor())?;
        room.remove()?;
        let (folder, redactor) = (directory.path().to_owned(), sink.redactor().clone());
        Ok(LiveOutcome { matrix, folder, redactor, interrupted, leaks })
    }

    fn matrix(&self, candidates: Vec<Candidate<'_>>, interrupted: Option<&str>) -> KillMatrix {
        let mut matrix = KillMatrix::default();
        for candidate in candidates {
            let unjudged = || Err(format!("{} came before it was judged", interrupted.unwrap_or("the end")));
            let judged = candidate.judged.into_inner().unwrap_or_else(unjudged);
            match (candidate.of, judged) {
                (Of::Original(original), judged) => matrix.baseline.push(Baseline::of(original, Lane::Live, judged)),
                (Of::Mutant(mutant), Ok(judgements)) => {
                    matrix.rows.push(Row::judged(self.catalog, mutant, Lane::Live, &judgements));
                }
                (Of::Mutant(mutant), Err(problem)) => {
                    matrix.rows.push(Row::broken(self.catalog, mutant, Lane::Live, problem));
                }
            }
        }
        matrix
    }
}

struct Work<'a> {
    trial: &'a Trial<'a>,
    lane: &'a LiveLane<'a>,
    directory: &'a RunDirectory,
    room: &'a PrivateRoom,
    sink: &'a Sink,
    seats: &'a Seats,
}

impl Work<'_> {
    async fn all(&self, candidates: &[Candidate<'_>]) {
        let turns = Semaphore::new(UNDER_WAY);
        join_all(candidates.iter().map(|candidate| self.one(candidate, &turns))).await;
    }

    async fn one(&self, candidate: &Candidate<'_>, turns: &Semaphore) {
        let judged = match self.campaign(candidate) {
            Err(problem) => Err(problem),
            // Nothing that it names has a live check; its row says so.
            Ok(campaign) if campaign.wanted.is_empty() => Ok(Vec::new()),
            Ok(campaign) => {
                // A closed semaphore is for nobody to wait for; then all start at once, which is only slower.
                let _turn = turns.acquire().await;
                self.told(candidate, &campaign).await
            }
        };
        // Each candidate is judged once.
        let _ = candidate.judged.set(judged);
    }

    fn campaign(&self, candidate: &Candidate<'_>) -> Result<Campaign, String> {
        let prepared = candidate.prepared.as_ref().map_err(Clone::clone)?;
        Ok(Campaign {
            run: self.directory.id().as_str().to_owned(),
            name: candidate.stem.clone(),
            programs: self.lane.programs.clone(),
            installation: prepared.installation.clone(),
            keep: Keep {
                redactor: self.sink.redactor().clone(),
                room: self.room.clone(),
                sink: self.sink.clone(),
                diagnostics: self.directory.diagnostics(),
            },
            wanted: candidate.experiments.iter().copied().collect(),
            // Each goes through its faults alone, when nobody else is at work.
            rendezvous: Arc::default(),
        })
    }

    /// Conducts a campaign and tells of its beginning and its end.
    async fn told(&self, candidate: &Candidate<'_>, campaign: &Campaign) -> Result<Judgements, String> {
        let (step, began) = (candidate.of.to_string(), Instant::now());
        let experiments: Vec<&str> = campaign.wanted.iter().map(|experiment| experiment.name()).collect();
        self.lane.progress.tell(Event::Began { step: &step, what: &experiments.join(", "), expected: None });
        let judged = self.judge(candidate, campaign).await;
        self.lane.progress.tell(Event::Ended { step: &step, succeeded: judged.is_ok(), took: began.elapsed() });
        judged
    }

    async fn judge(&self, candidate: &Candidate<'_>, campaign: &Campaign) -> Result<Judgements, String> {
        let prepared = candidate.prepared.as_ref().map_err(Clone::clone)?;
        let seal = |record: &Record| self.seal(candidate, record);
        let sealed = conduct(self.lane.cluster, campaign, self.seats, &seal).await;
        let mut records: Records = sealed.into_iter().collect();
        // What a mutant leaves open, its row shows; a subject without a defect must have come through everything.
        let mut obstacles = candidate.experiments.iter().filter_map(|experiment| records.obstacle(*experiment));
        if let (Of::Original(_), Some(obstacle)) = (&candidate.of, obstacles.next()) {
            return Err(obstacle);
        }
        let experiments: BTreeSet<_> = campaign.wanted.iter().copied().collect();
        for fault in self.trial.catalog.iter().flat_map(|requirement| requirement.faults()) {
            records.excuse(fault, "a mutant meets no fault beside its own");
        }
        let decided = agenda::decided_by(self.trial.catalog, &experiments).into_iter();
        let judge = |requirement: &Requirement| {
            unclaimed(requirement, &prepared.rendered)
                .or_else(|| unsuited(requirement, &prepared.rendered))
                .unwrap_or_else(|| judge_live(requirement, &records))
        };
        Ok(decided.map(|requirement| (requirement.id, judge(requirement))).collect())
    }

    fn seal(&self, candidate: &Candidate<'_>, record: &Record) {
        let name = format!("{}-{}.json", candidate.stem, record.experiment);
        if let Err(error) = self.sink.json(&self.directory.records().join(&name), record) {
            tracing::error!(name, "a record was lost: {}", Chain(&error));
        }
    }
}
