//! The logs of every pod of a bench, from its first second, also of pods that are gone by the end.
//!
//! Raw lines go to the private spool of the run; they are masked on their way into the artefacts.

mod complaints;
mod exposure;
mod pod_log;
mod stamped;

use std::collections::BTreeMap;
use std::io::Write;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

pub(super) use self::pod_log::{Life, lives};
use self::pod_log::{Refusal, text_of};
use self::stamped::stamp_of;
use crate::bench::application::TOOL_LABEL;
use crate::bench::database::POOLER_LABEL;
use crate::bench::{Bench, Keep};
use crate::error::Chain;
use crate::wait::{Budget, Progress, poll_until};

/// Longer than an API server or a kubelet is away.
const OPEN: Budget = Budget::seconds("the way to a log to be open", 120);

/// How long a stream that broke is left alone: one that breaks at once must not keep the API server busy.
const BETWEEN_TWO: Duration = Duration::from_secs(1);

/// The streams of one bench. They end when the value is dropped.
pub(super) struct LogStreams {
    task: AbortHandle,
    known: Known,
}

/// The logs that are followed, by the names of their files.
type Known = Arc<Mutex<BTreeMap<String, Followed>>>;

/// A log that is followed.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    /// The pod.
    pub(super) pod: String,
    /// Which pod of that name, counted from one.
    pub(super) which: usize,
    /// Whether it is one that Holdfast put beside the subject's.
    pub(super) is_tool: bool,
    /// The pooler of CloudNativePG that the pod is of.
    pub(super) pooler: Option<String>,
    /// The life of a container that writes it.
    pub(super) life: Life,
    /// Whether it was followed to its end, so that nothing of it is missing.
    pub(super) is_whole: bool,
}

impl LogStreams {
    /// Follows the log of every container that starts in the namespace.
    pub(super) fn follow(pods: Api<Pod>, namespace: &str, keep: &Keep) -> Self {
        let known = Known::default();
        let task = tokio::spawn(follow_all(pods, namespace.to_owned(), keep.clone(), known.clone()));
        Self { task: task.abort_handle(), known }
    }

    /// The logs that are followed now or were, by the names of their files in the private room.
    pub(super) fn followed(&self) -> BTreeMap<String, Followed> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file with what was told of the log of a container: of that life, or, for the current one, of the youngest.
    pub(super) fn file_of(&self, pod: &str, life: &Life) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        file_of(&known, pod, life).map(str::to_owned)
    }
}

fn file_of<'a>(known: &'a BTreeMap<String, Followed>, pod: &str, life: &Life) -> Option<&'a str> {
    let is_asked_for = |one: &Followed| {
        let is_of_container = one.pod == pod && one.life.container == life.container;
        is_of_container && (!life.previous || one.life.restart == life.restart)
    };
    let lives = known.iter().filter(|(_, one)| is_asked_for(one));
    lives.max_by_key(|(_, one)| (one.which, one.life.restart)).map(|(name, _)| name.as_str())
}

impl Drop for LogStreams {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bench {
    /// Ends the streams and puts what they brought, masked, into the diagnostics of the run.
    pub(super) fn release_logs(&self) {
        self.logs.task.abort();
        for name in self.logs.followed().into_keys() {
            let artefact = self.keep.diagnostics.join(&name);
            if let Err(error) = self.keep.room.release(&name, &self.keep.sink, &artefact) {
                tracing::warn!(log = name, "not kept: {}", Chain(&error));
            }
        }
    }
}

async fn follow_all(pods: Api<Pod>, namespace: String, keep: Keep, known: Known) {
    let mut events = watcher::watcher(pods.clone(), watcher::Config::default()).default_backoff().boxed();
    let mut streams = JoinSet::new();
    let mut files = Files::default();
    while let Some(event) = events.next().await {
        let Ok(Event::Apply(pod) | Event::InitApply(pod)) = event else { continue };
        for life in lives(&pod) {
            let Some((file, which)) = files.new_for(&pod, &life.container, life.restart) else { continue };
            let name = format!("{namespace}/{file}");
            let is_tool = pod.labels().contains_key(TOOL_LABEL);
            let pooler = pod.labels().get(POOLER_LABEL).cloned();
            let followed = Followed { pod: pod.name_any(), which, is_tool, pooler, life, is_whole: false };
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), followed.clone());
            let (pods, keep, known) = (pods.clone(), keep.clone(), known.clone());
            streams.spawn(async move {
                if follow_one(&pods, &followed, &name, &keep).await {
                    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                    known.insert(name, Followed { is_whole: true, ..followed });
                }
            });
        }
    }
}

/// The files of the logs that are followed, by what they are named after: whose they are, in the order of their coming.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<String>>);

impl Files {
    /// A file for the log of a container, unless it has one. A pod may have the name of one that is gone: those of a
    /// `StatefulSet` and of a database have it each time, and those of `helm test`: which of them it is comes along.
    fn new_for(&mut self, pod: &Pod, container: &str, restart: i32) -> Option<(String, usize)> {
        let name = format!("{}_{container}_{restart}", pod.name_any());
        let owner = pod.uid().unwrap_or_default();
        let owners = self.0.entry(name.clone()).or_default();
        if owners.contains(&owner) {
            return None;
        }
        owners.push(owner);
        let file = match owners.len() {
            1 => format!("{name}.log"),
            which => format!("{name}.pod-{which}.log"),
        };
        Some((file, owners.len()))
    }
}

/// Follows a log and says whether it came to its end.
async fn follow_one(pods: &Api<Pod>, followed: &Followed, name: &str, keep: &Keep) -> bool {
    let Followed { pod, life, .. } = followed;
    let mut spool = match keep.room.spool(name) {
        Ok(spool) => spool,
        Err(error) => {
            tracing::warn!(log = name, "not kept: {}", Chain(&error));
            return false;
        }
    };
    let mut last = None;
    let mut turns = tokio::time::interval(BETWEEN_TWO);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let follow = !life.previous;
        let parameters = LogParams { follow, timestamps: true, since_time: last, ..life.parameters() };
        let opened = poll_until(OPEN, || async {
            match pods.log_stream(pod, &parameters).await {
                Ok(log) => Progress::Ready(log),
                Err(error) if Refusal::of(&error) == Refusal::Passing => Progress::NotYet(error.to_string()),
                // There is no such pod any more, or no such container.
                Err(error) => Progress::Hopeless(error.to_string()),
            }
        });
        let told = match opened.await {
            Ok(log) => copy(log, &mut last, &mut spool).await,
            Err(error) => {
                tracing::debug!(log = name, "the stream ended: {error}");
                return false;
            }
        };
        match told {
            // An API server or a kubelet that stops may end a stream as the end of a log does.
            Ok(true) if !goes_on(pods, pod, life).await => return true,
            // They may come back, and the container goes on.
            Ok(_) => tracing::debug!(log = name, "the stream broke"),
            Err(error) => {
                tracing::warn!(log = name, "not kept: {error}");
                return false;
            }
        }
    }
}

/// Whether there is more to come in this life of a container, or nobody knows.
async fn goes_on(pods: &Api<Pod>, pod: &str, life: &Life) -> bool {
    match pods.get_opt(pod).await {
        Ok(Some(now)) => life.goes_on_in(&now),
        Ok(None) => false,
        Err(error) => Refusal::of(&error) == Refusal::Passing,
    }
}

/// Copies a log, notes the time of its last line, and says whether it came to its end.
async fn copy(log: impl AsyncBufRead, last: &mut Option<Timestamp>, spool: &mut impl Write) -> std::io::Result<bool> {
    let mut log = pin!(log);
    loop {
        let mut line = Vec::new();
        match log.read_until(b'\n', &mut line).await {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            // What there is of this line is told again.
            Err(_broken) => return Ok(false),
        }
        let line = text_of(line.strip_suffix(b"\n").unwrap_or(&line));
        let at = stamp_of(&line);
        // The API server understands whole seconds, and begins with some lines that were told.
        if at.is_some() && at <= *last {
            continue;
        }
        *last = at.or(*last);
        writeln!(spool, "{line}")?;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::core::v1::Pod;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::{Files, Followed, copy, file_of};
    use crate::bench::logs::Life;

    fn pod(uid: &str) -> Pod {
        let metadata = ObjectMeta { name: Some("db-1".into()), uid: Some(uid.into()), ..ObjectMeta::default() };
        Pod { metadata, ..Pod::default() }
    }

    #[test]
    fn a_log_has_one_file_and_a_pod_that_takes_a_name_over_another() {
        let mut files = Files::default();
        assert_eq!(files.new_for(&pod("a"), "postgres", 0).unwrap(), ("db-1_postgres_0.log".into(), 1));
        assert_eq!(files.new_for(&pod("a"), "postgres", 0), None, "it is followed already");
        assert_eq!(files.new_for(&pod("a"), "postgres", 1).unwrap(), ("db-1_postgres_1.log".into(), 1));
        assert_eq!(files.new_for(&pod("b"), "postgres", 0).unwrap(), ("db-1_postgres_0.pod-2.log".into(), 2));
        assert_eq!(files.new_for(&pod("a"), "postgres", 0), None);
        assert_eq!(files.new_for(&pod("b"), "postgres", 0), None);
    }

    #[test]
    fn what_was_told_of_a_life_is_in_one_file_and_of_the_current_one_in_the_youngest() {
        let lives = [("db-1", 1, 0), ("db-1", 1, 5), ("db-1", 2, 0), ("db-1", 2, 1), ("db-2", 1, 0)];
        let followed = lives.map(|(pod, which, restart)| {
            let life = Life { restart, ..Life::current("postgres") };
            let one = Followed { pod: pod.into(), which, is_tool: false, pooler: None, life, is_whole: false };
            (format!("{pod}_{which}_{restart}"), one)
        });
        let known = BTreeMap::from(followed);
        let before = Life { previous: true, ..Life::current("postgres") };
        assert_eq!(file_of(&known, "db-1", &Life::current("postgres")), Some("db-1_2_1"));
        assert_eq!(file_of(&known, "db-1", &before), Some("db-1_2_0"));
        assert_eq!(file_of(&known, "db-2", &Life::current("postgres")), Some("db-2_1_0"));
        assert_eq!(file_of(&known, "db-2", &Life::current("bootstrap")), None);
        assert_eq!(file_of(&known, "db-3", &Life::current("postgres")), None);
    }

    #[tokio::test]
    async fn a_log_that_is_opened_again_goes_on_after_its_last_line() {
        let (mut last, mut kept) = (None, Vec::new());
        let first = "2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:05.2Z two\n";
        copy(first.as_bytes(), &mut last, &mut kept).await.unwrap();
        let again = "2026-01-02T03:04:05.2Z two\n2026-01-02T03:04:05.3Z three\n";
        copy(again.as_bytes(), &mut last, &mut kept).await.unwrap();
        let lines: Vec<&str> = std::str::from_utf8(&kept).unwrap().lines().map(|line| &line[23..]).collect();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[tokio::test]
    async fn a_line_that_is_no_text_ends_nothing() {
        let (mut last, mut kept) = (None, Vec::new());
        let told = b"2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:05.2Z caf\xe9\n2026-01-02T03:04:05.3Z three";
        assert!(copy(&told[..], &mut last, &mut kept).await.unwrap(), "it came to its end");
        let lines: Vec<&str> = std::str::from_utf8(&kept).unwrap().lines().map(|line| &line[23..]).collect();
        assert_eq!(lines, ["one", "caf\u{fffd}", "three"]);
    }
}
