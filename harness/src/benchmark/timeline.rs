//! Where the time of a live run went: what Kubernetes and CloudNativePG impose, and what is ours.
//!
//! The benches of a subject stand side by side, so that only the one that ends last decides: the critical path. Which
//! step waits for whom is read from the names of the steps. A name that nobody here knows counts as ours: time that is
//! not explained is never excused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The shortest time between two steps that is worth a line.
const WORTH_A_LINE: f64 = 0.1;

/// As much of an experiment's sealed record as tells the time. Records of other versions have more, or less.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimedRecord {
    /// What was done.
    pub experiment: String,
    /// To which subject.
    pub subject: String,
    /// Under which overlay.
    #[serde(default)]
    pub overlay: String,
    /// On which bench; empty if there was none.
    #[serde(default)]
    pub namespace: String,
    /// The steps, in order.
    #[serde(default)]
    pub steps: Vec<TimedStep>,
    /// Why it did not come to its end, if it did not.
    #[serde(default)]
    pub broken: Option<String>,
}

/// One step of an experiment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimedStep {
    /// What was done, a verb phrase.
    pub name: String,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub seconds: f64,
}

/// Who decides how long a step takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// CloudNativePG: a database that comes up, a certificate that is issued.
    Database,
    /// Kubernetes: pods that start or are replaced.
    Rollout,
    /// The kubelet that refreshes mounted files, and clients that follow them.
    Refresh,
    /// Holdfast.
    Ours,
    /// Nobody wrote down what happened.
    Unrecorded,
}

impl Cause {
    /// Who decides how long a step of that name takes.
    pub fn of_step(name: &str) -> Self {
        let awaited = ["wait for ", "wait until "].iter().find_map(|wait| name.split_once(wait));
        let Some((_, awaited)) = awaited else { return Self::Ours };
        let speaks_of = |words: &[&str]| words.iter().any(|word| awaited.contains(word));
        if speaks_of(&["consumer", "client"]) {
            Self::Refresh
        } else if speaks_of(&["database", "CA with", "leaf", "primary"]) {
            Self::Database
        } else if speaks_of(&["workload", "pods"]) {
            Self::Rollout
        } else {
            Self::Ours
        }
    }

    /// Whether Kubernetes or CloudNativePG decides.
    pub fn is_imposed(self) -> bool {
        matches!(self, Self::Database | Self::Rollout | Self::Refresh)
    }
}

/// What kept one subject under one overlay busy the longest, step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CriticalPath {
    /// The subject.
    pub subject: String,
    /// The overlay.
    pub overlay: String,
    /// The namespace of the bench.
    pub bench: String,
    /// When the first bench of the subject began.
    pub began: Timestamp,
    /// From then until this bench was done with.
    pub seconds: f64,
    /// How much of it each cause took, in seconds.
    pub causes: BTreeMap<Cause, f64>,
    /// The steps, in order, with what lies between them.
    pub steps: Vec<PathStep>,
    /// The experiments of the subject that did not come to their end; with them it would have taken another time.
    pub broken: Vec<String>,
}

/// One step of a critical path.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathStep {
    /// The experiment that it belongs to.
    pub experiment: String,
    /// What was done.
    pub name: String,
    /// How long after the beginning of the path it began, in seconds.
    pub at: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Who decides how long it takes.
    pub cause: Cause,
}

impl CriticalPath {
    /// How much of it Kubernetes and CloudNativePG impose, in seconds.
    pub fn imposed(&self) -> f64 {
        self.causes.iter().filter(|(cause, _)| cause.is_imposed()).map(|(_, seconds)| seconds).sum()
    }

    /// How much of it one cause took, in seconds.
    pub fn of(&self, cause: Cause) -> f64 {
        self.causes.get(&cause).copied().unwrap_or_default()
    }
}

/// The critical path of every subject and overlay that the records tell of.
pub fn critical_paths(records: &[TimedRecord]) -> Vec<CriticalPath> {
    let mut scenes: BTreeMap<(&str, &str), Vec<&TimedRecord>> = BTreeMap::new();
    for record in records {
        scenes.entry((&record.subject, &record.overlay)).or_default().push(record);
    }
    scenes.into_values().filter_map(|records| critical_path(&records)).collect()
}

fn critical_path(records: &[&TimedRecord]) -> Option<CriticalPath> {
    let mut benches: BTreeMap<&str, Vec<(&TimedRecord, &TimedStep)>> = BTreeMap::new();
    for record in records {
        let steps = record.steps.iter().filter(|step| step.seconds.is_finite());
        benches.entry(&record.namespace).or_default().extend(steps.map(|step| (*record, step)));
    }
    benches.values_mut().for_each(|steps| steps.sort_by_key(|(_, step)| step.began));
    let began = benches.values().flatten().map(|(_, step)| step.began).min()?;
    let end = |(_, step): &(&TimedRecord, &TimedStep)| after(began, step.began) + step.seconds;
    let last = |steps: &[(&TimedRecord, &TimedStep)]| steps.iter().map(end).fold(0.0, f64::max);
    let (bench, steps) = benches.iter().max_by(|(_, one), (_, other)| last(one).total_cmp(&last(other)))?;
    let (first, _) = steps.first()?;
    let path = laid_out(began, steps);
    let mut causes = BTreeMap::new();
    for step in &path {
        *causes.entry(step.cause).or_default() += step.seconds;
    }
    let broken = records.iter().filter(|record| record.broken.is_some());
    Some(CriticalPath {
        subject: first.subject.clone(),
        overlay: first.overlay.clone(),
        bench: (*bench).to_owned(),
        began,
        seconds: last(steps),
        causes,
        steps: path,
        broken: broken.map(|record| record.experiment.clone()).collect(),
    })
}

/// The steps one after the other, and what lies between them. Time that two steps share is counted once.
fn laid_out(began: Timestamp, steps: &[(&TimedRecord, &TimedStep)]) -> Vec<PathStep> {
    let mut path = Vec::new();
    let mut now = 0.0_f64;
    for (record, step) in steps {
        let at = after(began, step.began);
        if at - now > WORTH_A_LINE {
            let name = if path.is_empty() { "before its first step: the bench is raised" } else { "between two steps" };
            path.push(PathStep {
                experiment: record.experiment.clone(),
                name: name.into(),
                at: now,
                seconds: at - now,
                cause: Cause::Unrecorded,
            });
        }
        let from = at.max(now);
        now = now.max(at + step.seconds);
        path.push(PathStep {
            experiment: record.experiment.clone(),
            name: step.name.clone(),
            at: from,
            seconds: now - from,
            cause: Cause::of_step(&step.name),
        });
    }
    path
}

fn after(began: Timestamp, moment: Timestamp) -> f64 {
    moment.duration_since(began).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use rstest::rstest;

    use super::{Cause, CriticalPath, TimedRecord, TimedStep, critical_paths};

    fn at(seconds: f64) -> Timestamp {
        "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs_f64(seconds)
    }

    fn record(experiment: &str, namespace: &str, steps: &[(&str, f64, f64)]) -> TimedRecord {
        let step = |(name, began, seconds): &(&str, f64, f64)| TimedStep {
            name: (*name).into(),
            began: at(*began),
            seconds: *seconds,
        };
        TimedRecord {
            experiment: experiment.into(),
            subject: "agents".into(),
            overlay: "production".into(),
            namespace: namespace.into(),
            steps: steps.iter().map(step).collect(),
            broken: None,
        }
    }

    fn path(records: &[TimedRecord]) -> CriticalPath {
        let mut paths = critical_paths(records);
        assert_eq!(paths.len(), 1);
        paths.remove(0)
    }

    #[rstest]
    #[case::a_database("apply the companions and wait for the database", Cause::Database)]
    #[case::a_certificate("wait for a CA with a new key", Cause::Database)]
    #[case::a_leaf("wait for the new leaf on the wire", Cause::Database)]
    #[case::a_leaf_in_other_words("wait until the new leaf is served", Cause::Database)]
    #[case::workloads("wait for every workload to settle again", Cause::Rollout)]
    #[case::pods("wait until new pods are blocked or ready", Cause::Rollout)]
    #[case::new_pods_of_workloads("wait for new pods of every workload to run", Cause::Rollout)]
    #[case::mounted_files("wait for every consumer to follow", Cause::Refresh)]
    #[case::clients("wait until every client is served again", Cause::Refresh)]
    #[case::helm("install the releases", Cause::Ours)]
    #[case::looking("look at the bench: settled", Cause::Ours)]
    #[case::a_time_that_we_chose("watch for a session that must not appear", Cause::Ours)]
    #[case::a_name_that_nobody_knows("juggle the database", Cause::Ours)]
    #[case::a_wait_that_nobody_knows("wait for the moon", Cause::Ours)]
    fn a_step_is_up_to(#[case] name: &str, #[case] cause: Cause) {
        assert_eq!(Cause::of_step(name), cause);
    }

    #[test]
    fn the_bench_that_ends_last_is_the_critical_path() {
        let short = record("install", "hf-1-declared", &[("install the releases", 0.0, 9.0)]);
        let long = record("rotate-ca", "hf-1-plaintext", &[("wait for every consumer to follow", 4.0, 60.0)]);
        let path = path(&[long, short]);
        assert_eq!((path.bench.as_str(), path.seconds), ("hf-1-plaintext", 64.0));
        assert_eq!(path.began, at(0.0));
    }

    #[test]
    fn time_is_split_into_what_is_imposed_what_is_ours_and_what_nobody_wrote_down() {
        let install = record(
            "install",
            "hf-1-declared",
            &[
                ("apply the companions and wait for the database", 0.0, 20.0),
                ("install the releases", 20.0, 2.0),
                ("wait for every workload to settle", 22.0, 8.0),
                ("look at the bench: settled", 33.0, 1.0),
            ],
        );
        let path = path(&[install]);
        assert_eq!((path.imposed(), path.of(Cause::Ours), path.of(Cause::Unrecorded)), (28.0, 3.0, 3.0));
        assert_eq!(path.causes.values().sum::<f64>(), path.seconds);
        let names: Vec<&str> = path.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names[3], "between two steps");
    }

    #[test]
    fn a_bench_that_was_raised_before_its_first_step_says_so() {
        let early = record("install", "hf-1-declared", &[("install the releases", 0.0, 1.0)]);
        let late = record("foreign-ca", "hf-1-plaintext", &[("look at the bench: before", 30.0, 2.0)]);
        let path = path(&[early, late]);
        assert_eq!(path.steps[0].name, "before its first step: the bench is raised");
        assert_eq!((path.steps[0].seconds, path.of(Cause::Unrecorded)), (30.0, 30.0));
    }

    #[test]
    fn experiments_on_one_bench_follow_one_another_in_the_order_of_time() {
        let second = record("missing-ca", "hf-1-declared", &[("upgrade without a CA", 10.0, 5.0)]);
        let first = record("install", "hf-1-declared", &[("install the releases", 0.0, 10.0)]);
        let path = path(&[second, first]);
        let order: Vec<&str> = path.steps.iter().map(|step| step.experiment.as_str()).collect();
        assert_eq!((order, path.seconds), (vec!["install", "missing-ca"], 15.0));
    }

    #[test]
    fn time_that_two_steps_share_is_counted_once() {
        let both = record("install", "hf-1-declared", &[("write", 0.0, 10.0), ("install the releases", 4.0, 8.0)]);
        let path = path(&[both]);
        assert_eq!((path.seconds, path.of(Cause::Ours)), (12.0, 12.0));
    }

    #[test]
    fn an_experiment_that_broke_off_is_named() {
        let sound = record("install", "hf-1-declared", &[("install the releases", 0.0, 1.0)]);
        let broken = TimedRecord { broken: Some("no room".into()), ..record("rotate-ca", "", &[]) };
        assert_eq!(path(&[sound, broken]).broken, ["rotate-ca"]);
    }

    #[test]
    fn subjects_and_overlays_have_paths_of_their_own() {
        let one = record("install", "hf-1-agents", &[("install the releases", 0.0, 1.0)]);
        let other = TimedRecord { subject: "platform".into(), ..one.clone() };
        let unstarted = TimedRecord { subject: "certctl".into(), ..record("install", "", &[]) };
        let subjects: Vec<String> =
            critical_paths(&[one, other, unstarted]).into_iter().map(|path| path.subject).collect();
        assert_eq!(subjects, ["agents", "platform"]);
    }

    #[test]
    fn a_record_of_another_version_is_read_as_far_as_it_goes() {
        let text = r#"{"experiment": "sing", "subject": "agents", "colour": "blue",
            "steps": [{"name": "sing", "began": "2026-03-01T12:00:00Z", "seconds": 2.5, "tune": 7}]}"#;
        let record: TimedRecord = serde_json::from_str(text).unwrap();
        assert_eq!(path(&[record]).seconds, 2.5);
    }
}
