//! The account that an experiment keeps while it runs, and that is sealed when it ends, however it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::history::History;
use crate::record::{Attempt, BEFORE, Experiment, PodChange, ROLE, Record, Snapshot, Step};

/// The step that waits until there is somebody to whom anything can be done.
pub(super) const CONNECTED: &str = "wait until a client has a session";

/// How long a look may contradict the wait before it, until both are handed to whoever judges.
const CONTRADICTS: Duration = Duration::from_secs(30);

/// Steps and snapshots of an experiment under way.
pub(super) struct Diary {
    began: Timestamp,
    steps: Vec<Step>,
    snapshots: Vec<Snapshot>,
    history: Option<History>,
    changes: Vec<PodChange>,
    limits: BTreeMap<String, f64>,
}

impl Diary {
    pub(super) fn open() -> Self {
        Self {
            began: Timestamp::now(),
            steps: Vec::new(),
            snapshots: Vec::new(),
            history: None,
            changes: Vec::new(),
            limits: BTreeMap::new(),
        }
    }

    /// Does a step and notes how long it took, also when it fails.
    pub(super) async fn step<T, E: std::error::Error + 'static>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tracing::info!(step = name);
        let (began, clock) = (Timestamp::now(), Instant::now());
        let outcome = work.await;
        let unmet = outcome.as_ref().err().map(|error| Chain(error).to_string());
        self.steps.push(Step { name: name.into(), began, seconds: clock.elapsed().as_secs_f64(), unmet });
        outcome
    }

    /// Waits for something whose absence is an answer: the subject's business, not a failure of the experiment. Says
    /// whether it came true.
    pub(super) async fn hope<E: std::error::Error + 'static>(
        &mut self,
        name: &str,
        wait: impl Future<Output = Result<(), E>>,
    ) -> bool {
        self.step(name, wait).await.is_ok()
    }

    /// Has Helm do something that the chart may refuse, which is an answer. Says whether it was done.
    pub(super) async fn refusable(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<(), BenchError>>,
    ) -> Result<bool, BenchError> {
        match self.step(name, work).await {
            Ok(()) => Ok(true),
            Err(BenchError::Helm { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Looks at the bench and keeps what is seen.
    pub(super) async fn look(&mut self, bench: &Bench, moment: &str, since: Timestamp) -> Result<(), BenchError> {
        let seen = self.step(&format!("look at the bench: {moment}"), bench.observe(moment, since)).await?;
        self.keep(seen);
        Ok(())
    }

    /// Looks at the bench before anything is done to its clients, once one of them has a session: a pod that is ready
    /// need not have. Where none gets one, that is what was seen; a look that contradicts the wait is taken again.
    ///
    /// Where a role is named, its clients are meant, and the others are not concerned.
    pub(super) async fn look_at_clients(&mut self, bench: &Bench, role: Option<&str>) -> Result<(), BenchError> {
        let connected = self.hope(CONNECTED, bench.somebody_connects(role)).await;
        let began = Instant::now();
        loop {
            self.look(bench, BEFORE, bench.clients_since()).await?;
            if let (Some(role), Some(before)) = (role, self.latest()) {
                before.answers.insert(ROLE.into(), role.to_owned());
            }
            if !connected || !self.clients().is_empty() || began.elapsed() > CONTRADICTS {
                return Ok(());
            }
        }
    }

    /// Looks at these databases, or all, and at what runs, and keeps that.
    pub(super) async fn look_at_databases(
        &mut self,
        bench: &Bench,
        moment: &str,
        databases: &[String],
    ) -> Result<(), BenchError> {
        let schemas = self.step(&format!("look at the databases: {moment}"), bench.schemas(databases)).await?;
        let pods = self.step("look at what runs", bench.pod_states()).await?;
        self.keep(Snapshot { moment: moment.into(), at: Timestamp::now(), pods, schemas, ..Snapshot::default() });
        Ok(())
    }

    /// Notes in the last look how the attempt before it ended.
    pub(super) fn attempted(&mut self, attempt: Attempt) {
        if let Some(latest) = self.latest() {
            latest.attempt = Some(attempt);
        }
    }

    pub(super) fn keep(&mut self, snapshot: Snapshot) {
        self.snapshots.push(snapshot);
    }

    /// Keeps what the writer saw.
    pub(super) fn keep_history(&mut self, history: History) {
        self.history = Some(history);
    }

    /// Keeps what became of the pods.
    pub(super) fn keep_changes(&mut self, changes: Vec<PodChange>) {
        self.changes = changes;
    }

    /// Notes how long something may take, for those who judge.
    pub(super) fn limit(&mut self, what: &str, limit: Duration) {
        self.limits.insert(what.to_owned(), limit.as_secs_f64());
    }

    /// The snapshot that was kept last.
    pub(super) fn latest(&mut self) -> Option<&mut Snapshot> {
        self.snapshots.last_mut()
    }

    /// The workloads that are concerned, of those that were clients of the database at the last look.
    pub(super) fn clients(&self) -> BTreeSet<String> {
        self.snapshots.last().map(Snapshot::clients_concerned).unwrap_or_default()
    }

    /// Closes the account. A record with a reason in `broken` proves nothing.
    pub(super) fn seal(self, experiment: Experiment, bench: &Bench, outcome: Result<(), BenchError>) -> Record {
        Record {
            experiment,
            subject: bench.installation().subject.clone(),
            overlay: bench.installation().overlay.clone(),
            production: bench.installation().production,
            namespace: bench.namespace().to_owned(),
            began: self.began,
            ended: Timestamp::now(),
            steps: self.steps,
            snapshots: self.snapshots,
            history: self.history,
            changes: self.changes,
            unseen: bench.installation().unseen.clone(),
            limits: self.limits,
            broken: outcome.err().map(|error| Chain(&error).to_string()),
        }
    }
}
