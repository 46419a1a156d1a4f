//! One subject under one overlay as the rendered lane sees it: what Helm renders, and what it would render otherwise.
//!
//! Checks ask here and nowhere else. Helm that cannot be run, or prints what cannot be read, is never the chart's fault:
//! the methods that render again note it in the check as undecided and return nothing.

mod attempt;
mod change;
mod effects;
mod load;
mod rendering;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

pub use self::attempt::{Attempt, Refused, Renders, refused, refused_naming, refused_naming_any, renders};
pub use self::change::Change;
pub use self::effects::Effect;
use self::load::LoadedRelease;
pub use self::load::{NAMESPACE_OF_A_BENCH, RenderedError};
pub use self::rendering::Rendering;
use crate::check::Check;
use crate::error::Chain;
use crate::finding::Place;
use crate::graph::{Container, DatabaseClient, Graph, Producer, Reference, Workload};
use crate::helm::{HelmError, HelmMajor, Helms, Lint, Package, ValuePath};
use crate::manifests::{Manifests, Object};
use crate::subject::{Overlay, Subject};

/// What Helm renders for a subject and overlay, and everything that can be asked of it.
#[derive(Debug)]
pub struct Rendered {
    subject: Arc<Subject>,
    overlay: Overlay,
    helms: Option<Arc<Helms>>,
    releases: Vec<LoadedRelease>,
    base: Rendering,
    /// The lines that chance or time changes; `None` within: they cannot be told from others.
    chance: OnceLock<Option<BTreeSet<usize>>>,
}

impl Rendered {
    /// Renders a subject under one of its overlays.
    ///
    /// # Errors
    /// The chart cannot be read or refuses to render with the subject's own values; Helm cannot be run.
    pub fn new(subject: Arc<Subject>, overlay: &Overlay, helms: Arc<Helms>) -> Result<Self, RenderedError> {
        load::rendered(subject, overlay, helms)
    }

    /// Takes manifests that somebody else rendered; nothing can be rendered again.
    ///
    /// # Errors
    /// The text is not YAML.
    pub fn of_manifests(subject: Arc<Subject>, text: &str) -> Result<Self, RenderedError> {
        load::of_manifests(subject, text)
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The overlay.
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// The chart of the first release. `None`: the manifests came without one.
    pub fn chart(&self) -> Option<&Package> {
        self.charts().next()
    }

    /// The charts of all releases.
    pub fn charts(&self) -> impl Iterator<Item = &Package> {
        self.releases.iter().map(|release| &*release.package)
    }

    /// The place of an object's release in the order of installation; an object without a template is of the first.
    pub fn release_of(&self, object: &Object) -> usize {
        let chart = object.source().and_then(|source| source.template.split('/').next());
        chart.and_then(|chart| self.charts().position(|package| package.name == chart)).unwrap_or(0)
    }

    /// What the subject's own values render.
    pub fn rendering(&self) -> &Rendering {
        &self.base
    }

    /// The objects.
    pub fn manifests(&self) -> &Manifests {
        self.base.manifests()
    }

    /// What the objects mean together.
    pub fn graph(&self) -> &Graph {
        self.base.graph()
    }

    /// Everything that makes pods.
    pub fn workloads(&self) -> &[Workload] {
        self.base.workloads()
    }

    /// Every container, init container and sidecar of every workload.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.base.containers()
    }

    /// The containers that dial PostgreSQL.
    pub fn database_clients(&self) -> &[DatabaseClient] {
        self.base.database_clients()
    }

    /// Everything that workloads and ExternalSecrets refer to by name.
    pub fn references(&self) -> &[Reference] {
        self.base.references()
    }

    /// Who makes what a reference points to.
    pub fn producer(&self, reference: &Reference) -> Producer {
        self.base.producer(reference)
    }

    /// The objects of companions, such as the CloudNativePG Cluster.
    pub fn companions(&self) -> &Manifests {
        &self.base.surroundings().companions
    }

    /// A value that the first release's chart sees, by dotted path: its default, the files of values, the stubs.
    pub fn value(&self, path: impl Into<ValuePath>) -> Option<&Value> {
        path.into().get(self.values()?)
    }

    /// A value that is a text with something in it.
    pub fn value_text(&self, path: impl Into<ValuePath>) -> Option<&str> {
        self.value(path)?.as_str().filter(|text| !text.trim().is_empty())
    }

    /// All values that the first release's chart sees.
    pub fn values(&self) -> Option<&Value> {
        self.releases.first().map(|release| &release.effective)
    }

    /// The values that switch rights over the cluster on, by their names, where they are on.
    pub fn cluster_rights(&self) -> impl Iterator<Item = ValuePath> + '_ {
        let leaves = self.values().map(ValuePath::leaves).unwrap_or_default();
        leaves
            .into_iter()
            .filter(|(path, value)| **value == Value::Bool(true) && is_of_the_cluster(path))
            .map(|(path, _)| path)
    }

    /// The values that the subject's files state for the first release, without the chart's defaults and stubs.
    pub fn stated_values(&self) -> Option<&Value> {
        self.releases.first().map(|release| &release.stated)
    }

    /// The major versions of Helm at hand.
    pub fn majors(&self) -> Vec<HelmMajor> {
        self.helms.as_ref().map(|helms| helms.majors()).unwrap_or_default()
    }

    /// Renders with other values for the first release, and for others whose charts have them too. `None`: it cannot be told, and the check knows.
    pub fn with(&self, change: &Change, check: &mut Check) -> Option<Attempt> {
        self.settle(change, check, self.attempt(None, change))
    }

    /// What would be rendered with other values, for whoever plans and does not judge; nothing where Helm refuses.
    pub fn would_render(&self, change: &Change) -> Option<Rendering> {
        match self.attempt(None, change) {
            Some(Ok(Attempt::Rendered(rendering))) => Some(rendering),
            _ => None,
        }
    }

    /// Renders with one major version of Helm. `None`: it cannot be told, and the check knows.
    pub fn with_helm(&self, major: HelmMajor, change: &Change, check: &mut Check) -> Option<Attempt> {
        self.settle(change, check, self.attempt(Some(major), change))
    }

    /// Renders the subject's own values once more, past everything that is kept: chance and time show in the difference.
    /// `None`: it cannot be told, and the check knows.
    pub fn again(&self, check: &mut Check) -> Option<Attempt> {
        self.with(&self.restated(), check)
    }

    /// Whether a rendering differs from that of the subject's own values by more than chance and time. `None`: these
    /// change so much that it cannot be told.
    pub fn differs(&self, rendering: &Rendering) -> Option<bool> {
        let (own, other) = (self.base.text(), rendering.text());
        if own == other {
            return Some(false);
        }
        let by_chance = self.chance.get_or_init(|| self.lines_of_chance()).as_ref()?;
        if by_chance.is_empty() {
            return Some(true);
        }
        let lines = differing_lines(own, other);
        Some(lines.is_none_or(|lines| !lines.is_subset(by_chance)))
    }

    fn lines_of_chance(&self) -> Option<BTreeSet<usize>> {
        let Some(Ok(Attempt::Rendered(again))) = self.attempt(None, &self.restated()) else { return None };
        differing_lines(self.base.text(), again.text())
    }

    /// Stating one of the values once more changes nothing but the question.
    fn restated(&self) -> Change {
        let leaves = self.values().map(ValuePath::leaves).unwrap_or_default();
        let restated = leaves.into_iter().find(|(path, value)| value.is_string() && path.list().is_none());
        match restated {
            Some((path, value)) => Change::set(path, value.clone()),
            None => Change::set("global", Value::Object(serde_json::Map::new())),
        }
    }

    /// Renders many changes, each by itself, as many at once as the machine allows; in the order of the changes.
    pub fn many(&self, changes: Vec<Change>, check: &mut Check) -> Vec<(Change, Attempt)> {
        let attempts = in_parallel(&changes, |change| self.attempt(None, change));
        let both = changes.into_iter().zip(attempts);
        both.filter_map(|(change, attempt)| {
            let attempt = self.settle(&change, check, attempt)?;
            Some((change, attempt))
        })
        .collect()
    }

    /// What the subject renders under its other overlays, by their names. What cannot be told, the check knows.
    pub fn siblings(&self, check: &mut Check) -> Vec<(String, Rendering)> {
        let Some(helms) = &self.helms else { return Vec::new() };
        let others = self.subject.overlays().iter().filter(|overlay| overlay.name != self.overlay.name);
        let rendered =
            others.filter_map(|overlay| match load::rendered(Arc::clone(&self.subject), overlay, Arc::clone(helms)) {
                Ok(other) => Some((overlay.name.clone(), other.base)),
                Err(error) => {
                    check.undecided(Place::object(format!("overlay {}", overlay.name)), "its rendering", Chain(&error));
                    None
                }
            });
        rendered.collect()
    }

    /// What `helm lint` says of other values for the first release. `None`: it cannot be told, and the check knows.
    pub fn lint(&self, change: &Change, check: &mut Check) -> Option<Lint> {
        let (Some(release), Some(helms)) = (self.releases.first(), &self.helms) else {
            check.undecided(change, "helm lint", NO_CHART);
            return None;
        };
        match helms.lint(None, &release.job(self.subject.name(), change)) {
            Ok(lint) => Some(lint),
            Err(error) => {
                check.undecided(change, "helm lint", Chain(&*error));
                None
            }
        }
    }

    /// How many different questions Helm has been asked so far, by this and all who share its Helms.
    pub fn helm_calls(&self) -> usize {
        self.helms.as_ref().map_or(0, |helms| helms.calls())
    }

    fn attempt(&self, major: Option<HelmMajor>, change: &Change) -> Option<Result<Attempt, Arc<HelmError>>> {
        let helms = self.helms.as_ref()?;
        if self.releases.is_empty() {
            return None;
        }
        if major.is_none() && *change == Change::none() {
            return Some(Ok(Attempt::Rendered(self.base.clone())));
        }
        Some(load::attempt(helms, major, &self.subject, &self.releases, change, self.base.surroundings_shared()))
    }

    fn settle(
        &self,
        change: &Change,
        check: &mut Check,
        attempt: Option<Result<Attempt, Arc<HelmError>>>,
    ) -> Option<Attempt> {
        match attempt {
            Some(Ok(attempt)) => Some(attempt),
            Some(Err(error)) => {
                check.undecided(change, "helm template", Chain(&*error));
                None
            }
            None => {
                check.undecided(change, "helm template", NO_CHART);
                None
            }
        }
    }
}

/// Whether a value switches rights over the cluster, by what charts call such a value.
fn is_of_the_cluster(path: &ValuePath) -> bool {
    let text = path.to_string().to_lowercase();
    let leaf = text.rsplit('.').next().unwrap_or_default();
    matches!(leaf, "clusterscoped" | "clusterwide" | "clusterrbac" | "clusterrole")
}

const NO_CHART: &str = "the manifests came without their chart; check the chart itself to render it with other values";

/// The lines in which two texts differ, from 0; `None`: they have another number of lines.
fn differing_lines(own: &str, other: &str) -> Option<BTreeSet<usize>> {
    let same_number = own.lines().count() == other.lines().count();
    let lines = || own.lines().zip(other.lines()).enumerate().filter(|(_, (own, other))| own != other);
    same_number.then(|| lines().map(|(number, _)| number).collect())
}

/// Answers many questions at once, in their order.
pub(crate) fn in_parallel<Q: Sync, A: Send>(questions: &[Q], answer: impl Fn(&Q) -> A + Sync) -> Vec<A> {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) * 2;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        while let Some((index, question)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            questions.get(index).map(|question| (index, question))
        } {
            answers.push((index, answer(question)));
        }
        answers
    };
    let mut answers: Vec<(usize, A)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(questions.len())).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(answers) => answers,
            // A panic in an answer is the asker's panic, who knows what it was about.
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::differing_lines;

    #[rstest]
    #[case::nowhere("a\nb\n", "a\nb\n", Some(&[][..]))]
    #[case::in_one_line("a\nb\nc\n", "a\nx\nc\n", Some(&[1][..]))]
    #[case::in_their_number("a\n", "a\nb\n", None)]
    fn two_texts_differ(#[case] own: &str, #[case] other: &str, #[case] expected: Option<&[usize]>) {
        let lines = differing_lines(own, other).map(|lines| lines.into_iter().collect::<Vec<_>>());
        assert_eq!(lines.as_deref(), expected);
    }
}
