//! The one way in which logs of pods are read: which lives of a container have one, and what it means to be refused it.
//!
//! A log that could not be read was not empty. A log that is no text is read all the same.

use std::pin::pin;

use futures::{AsyncReadExt, FutureExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::Api;
use kube::api::LogParams;

use super::stamped::{between, first_stamp, unstamped};
use crate::bench::{Bench, BenchError};
use crate::finding::Place;
use crate::wait::{Budget, Progress, WaitError, poll_until};

/// A database with thirteen services writes so much in twenty minutes that it takes 19 s to be told on a busy machine.
const TOLD: Budget = Budget::seconds("the log of a pod to be told", 120);

/// One life of a container: each restart begins another one, with a log of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bench) struct Life {
    /// The container.
    pub(in crate::bench) container: String,
    /// How many restarts came before it.
    pub(in crate::bench) restart: i32,
    /// Whether the kubelet has it as the one before the current one.
    pub(super) previous: bool,
}

impl Life {
    /// The current one of a container that has not been restarted, as far as it matters to who asks.
    pub(in crate::bench) fn current(container: &str) -> Self {
        Self { container: container.to_owned(), restart: 0, previous: false }
    }

    /// Whether it is that life, and no other one has followed.
    pub(in crate::bench) fn is_still(&self, life: &Self) -> bool {
        !self.previous && self.container == life.container && self.restart == life.restart
    }

    /// Where what it wrote is found.
    pub(in crate::bench) fn place(&self, pod: &str) -> Place {
        let which = match self.restart {
            0 => String::new(),
            restart => format!(" after restart {restart}"),
        };
        Place::object(format!("log of pod {pod}{which}")).container(&self.container)
    }

    /// Whether it goes on in a pod that nobody has deleted: then it has a log, whoever says otherwise.
    pub(super) fn goes_on_in(&self, pod: &Pod) -> bool {
        let running = |status: &ContainerStatus| status.state.as_ref().is_some_and(|state| state.running.is_some());
        let mut own = main_statuses(pod).filter(|status| status.name == self.container);
        !self.previous && pod.metadata.deletion_timestamp.is_none() && own.any(running)
    }

    /// What to ask the kubelet for.
    pub(in crate::bench) fn parameters(&self) -> LogParams {
        LogParams { container: Some(self.container.clone()), previous: self.previous, ..LogParams::default() }
    }
}

/// The lives of all containers of a pod that have a log now, those of init containers first.
pub(in crate::bench) fn lives(pod: &Pod) -> Vec<Life> {
    let init = pod.status.iter().flat_map(|status| status.init_container_statuses.iter().flatten());
    init.chain(main_statuses(pod)).flat_map(lives_of).collect()
}

/// The same without init containers.
pub(super) fn lives_of_main(pod: &Pod) -> Vec<Life> {
    main_statuses(pod).flat_map(lives_of).collect()
}

fn main_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}

/// The older life first. Of those before it the kubelet keeps nothing.
fn lives_of(status: &ContainerStatus) -> Vec<Life> {
    let life = |restart, previous| Life { container: status.name.clone(), restart, previous };
    let count = status.restart_count;
    let ended = status.last_state.as_ref().is_some_and(|state| state.terminated.is_some());
    let state = status.state.as_ref();
    if state.is_some_and(|state| state.running.is_some() || state.terminated.is_some()) {
        let before = (count > 0 && ended).then(|| life(count - 1, true));
        return before.into_iter().chain([life(count, false)]).collect();
    }
    // It waits for its restart, `CrashLoopBackOff`. To ask for what was before is right also if it has just begun.
    if ended { vec![life(count, true)] } else { Vec::new() }
}

/// What it means that a log was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is none, unless the container runs: it waits to start, or is gone with its pod.
    NoLog,
    /// It may be told to who asks again.
    Passing,
    /// It will be told to nobody who asks like this.
    Final,
}

impl Refusal {
    pub(in crate::bench) fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if matches!(status.code, 400 | 404) => Self::NoLog,
            kube::Error::Api(status) if status.code < 500 && status.code != 429 => Self::Final,
            _ => Self::Passing,
        }
    }
}

/// The text of what was logged; bytes that are none become U+FFFD.
pub(super) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the kubelet has of what a container wrote in one life, since a time, stamped; nothing where it has no log. It has
/// not all of a long one: at ten MiB, unless somebody changed that, it begins another file, and tells of that only.
pub(in crate::bench) async fn read(
    pods: &Api<Pod>,
    pod: &str,
    life: &Life,
    since: Option<Timestamp>,
) -> Result<Option<String>, WaitError> {
    // By the clock of the node, which need not be that of this machine.
    let since_seconds = since.map(|since| Timestamp::now().duration_since(since).as_secs().max(0) + 1);
    let parameters = LogParams { since_seconds, timestamps: true, ..life.parameters() };
    let told = poll_until(TOLD, || async {
        let failed = |error: &kube::Error| format!("read the {}: {error}", life.place(pod));
        let log = match pods.log_stream(pod, &parameters).await {
            Ok(log) => log,
            Err(error) => {
                return match Refusal::of(&error) {
                    // A kubelet that has just begun knows of no pod; the API server tells of what runs meanwhile.
                    Refusal::NoLog => match pods.get_opt(pod).await {
                        Ok(Some(now)) if life.goes_on_in(&now) => Progress::NotYet(failed(&error)),
                        Ok(_) => Progress::Ready(None),
                        Err(error) if Refusal::of(&error) == Refusal::Final => Progress::Hopeless(failed(&error)),
                        Err(error) => Progress::NotYet(failed(&error)),
                    },
                    Refusal::Passing => Progress::NotYet(failed(&error)),
                    Refusal::Final => Progress::Hopeless(failed(&error)),
                };
            }
        };
        let mut bytes = Vec::new();
        match pin!(log).read_to_end(&mut bytes).await {
            Ok(_) => Progress::Ready(Some(text_of(&bytes))),
            Err(error) => Progress::NotYet(failed(&kube::Error::ReadEvents(error))),
        }
    });
    // Many are read at once; on the heap their futures are no burden to who waits for all.
    told.boxed().await
}

impl Bench {
    /// What a container of the bench wrote in one life, since a time; nothing where it has no log.
    ///
    /// # Errors
    /// When it is not told. What was not read was not empty.
    pub(in crate::bench) async fn log(
        &self,
        pod: &str,
        life: &Life,
        since: Option<Timestamp>,
    ) -> Result<Option<String>, BenchError> {
        let told = read(&self.pods(), pod, life, since).await.map_err(|error| self.waited(error))?;
        let Some(told) = told else { return Ok(None) };
        let earlier = self.earlier(pod, life, since, first_stamp(&told))?;
        Ok(Some(unstamped(&earlier) + &unstamped(&told)))
    }

    /// What the streams of the bench have kept of a log, by the name of its file.
    pub(in crate::bench) fn kept_log(&self, file: &str) -> Result<String, BenchError> {
        let kept = self.keep.room.raw(file).map_err(|source| BenchError::Confidence { source })?;
        Ok(unstamped(&text_of(kept.as_deref().unwrap_or_default())))
    }

    /// What the streams of the bench have kept of a log since a time, of before the kubelet's own beginning.
    fn earlier(
        &self,
        pod: &str,
        life: &Life,
        since: Option<Timestamp>,
        beginning: Option<Timestamp>,
    ) -> Result<String, BenchError> {
        let Some(file) = self.logs.file_of(pod, life) else { return Ok(String::new()) };
        let kept = self.keep.room.raw(&file).map_err(|source| BenchError::Confidence { source })?;
        let earlier = between(kept.as_deref().unwrap_or_default(), since, beginning);
        if !earlier.is_empty() {
            tracing::debug!(log = file, bytes = earlier.len(), "the kubelet has not all of it");
        }
        Ok(text_of(earlier))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::core::Status;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Life, Refusal, lives, lives_of_main, text_of};

    fn pod(restarts: i32, state: &Value, last: &Value) -> Pod {
        let status = json!({
            "name": "app", "image": "app", "imageID": "", "ready": false, "restartCount": restarts,
            "state": state, "lastState": last,
        });
        serde_json::from_value(json!({"status": {"containerStatuses": [status]}})).unwrap()
    }

    fn running() -> Value {
        json!({"running": {}})
    }

    fn ended() -> Value {
        json!({"terminated": {"exitCode": 1}})
    }

    fn waiting() -> Value {
        json!({"waiting": {"reason": "CrashLoopBackOff"}})
    }

    #[rstest]
    #[case::not_yet_started(0, &waiting(), &json!({}), &[])]
    #[case::running(0, &running(), &json!({}), &[(0, false)])]
    #[case::ended(0, &ended(), &json!({}), &[(0, false)])]
    #[case::restarted(2, &running(), &ended(), &[(1, true), (2, false)])]
    #[case::ended_again(2, &ended(), &ended(), &[(1, true), (2, false)])]
    #[case::waiting_for_its_first_restart(0, &waiting(), &ended(), &[(0, true)])]
    #[case::in_a_crash_loop(3, &waiting(), &ended(), &[(3, true)])]
    #[case::restarted_and_forgotten(1, &running(), &json!({}), &[(1, false)])]
    fn a_container_has_the_logs_of_its_lives(
        #[case] restarts: i32,
        #[case] state: &Value,
        #[case] last: &Value,
        #[case] expected: &[(i32, bool)],
    ) {
        let found = lives(&pod(restarts, state, last));
        assert_eq!(found.iter().map(|life| (life.restart, life.previous)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn init_containers_come_first_or_not_at_all() {
        let status = |name: &str| {
            json!([{
                "name": name, "image": "a", "imageID": "", "ready": false, "restartCount": 0, "state": running(),
            }])
        };
        let both = json!({"status": {"initContainerStatuses": status("wait"), "containerStatuses": status("app")}});
        let pod: Pod = serde_json::from_value(both).unwrap();
        let names = |lives: Vec<Life>| lives.into_iter().map(|life| life.container).collect::<Vec<_>>();
        assert_eq!(names(lives(&pod)), ["wait", "app"]);
        assert_eq!(names(lives_of_main(&pod)), ["app"]);
    }

    #[rstest]
    #[case::waits_to_start(400, Refusal::NoLog)]
    #[case::gone(404, Refusal::NoLog)]
    #[case::forbidden(403, Refusal::Final)]
    #[case::too_many_at_once(429, Refusal::Passing)]
    #[case::kubelet_is_away(500, Refusal::Passing)]
    #[case::late(504, Refusal::Passing)]
    fn a_refusal_means(#[case] code: u16, #[case] expected: Refusal) {
        let error = kube::Error::Api(Status::failure("no", "No").with_code(code).boxed());
        assert_eq!(Refusal::of(&error), expected);
    }

    #[rstest]
    #[case::runs(&running(), &json!({}), false, true)]
    #[case::waits(&waiting(), &json!({}), false, false)]
    #[case::has_ended(&ended(), &json!({}), false, false)]
    #[case::is_on_its_way_out(&running(), &json!({"deletionTimestamp": "2026-01-02T03:04:05Z"}), false, false)]
    #[case::is_the_one_before(&running(), &json!({}), true, false)]
    fn a_life_goes_on(#[case] state: &Value, #[case] metadata: &Value, #[case] previous: bool, #[case] expected: bool) {
        let mut pod = pod(0, state, &json!({}));
        pod.metadata = serde_json::from_value(metadata.clone()).unwrap();
        assert_eq!(Life { previous, ..Life::current("app") }.goes_on_in(&pod), expected);
        assert!(!Life { previous, ..Life::current("another") }.goes_on_in(&pod));
    }

    #[test]
    fn a_way_that_broke_off_is_not_the_end_of_a_log() {
        let error = kube::Error::ReadEvents(std::io::ErrorKind::ConnectionReset.into());
        assert_eq!(Refusal::of(&error), Refusal::Passing);
    }

    #[test]
    fn a_log_that_is_no_text_is_read_all_the_same() {
        assert_eq!(text_of(b"caf\xe9, password=hunter2hunter2\n"), "caf\u{fffd}, password=hunter2hunter2\n");
    }

    #[test]
    fn a_life_has_a_place_of_its_own() {
        let first = Life { restart: 0, ..Life::current("app") };
        let third = Life { restart: 2, ..first.clone() };
        assert_eq!(first.place("a-1").to_string(), "log of pod a-1, container app");
        assert_eq!(third.place("a-1").to_string(), "log of pod a-1 after restart 2, container app");
    }
}
