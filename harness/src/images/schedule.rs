//! Making several artefacts: what is missing, in which order, two at a time, and what is left when one fails.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ChildStdin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::build::{Build, BuildError};
use super::recipe::Recipes;
use super::store::{Artefact, Store};
use crate::docker::Docker;
use crate::host::{self, Program};
use crate::progress::{Event, Progress};

/// How many recipes run at once. A compiler uses both cores of a small machine by itself; a second recipe fills the
/// time in which the first one downloads, unpacks or links.
const AT_ONCE: usize = 2;

/// Everything that making artefacts needs.
pub(super) struct Schedule<'a> {
    pub(super) recipes: &'a Recipes,
    pub(super) store: &'a Store,
    pub(super) docker: Option<&'a Docker>,
    pub(super) progress: &'a dyn Progress,
}

/// What has to be made, and how far that is.
struct Plan {
    missing: BTreeMap<String, Artefact>,
    /// The expected time to the end of everything that waits for an artefact, by name.
    urgency: BTreeMap<String, Duration>,
}

#[derive(Default)]
struct State {
    begun: BTreeSet<String>,
    ended: BTreeSet<String>,
    /// Closing a pipe ends the script that reads it.
    pipes: BTreeMap<String, ChildStdin>,
    failure: Option<BuildError>,
}

impl Schedule<'_> {
    /// Sees to it that artefacts are finished, with everything that they are made from where that is needed.
    ///
    /// # Errors
    /// With the first failure; the other script that runs at that time is ended, and what is finished is kept.
    pub(super) fn make(&self, names: &[&str]) -> Result<(), BuildError> {
        let plan = self.plan(names)?;
        if plan.missing.is_empty() {
            return Ok(());
        }
        self.prepare(&plan)?;
        let (state, changed) = (Mutex::new(State::default()), Condvar::new());
        self.tell_left(&plan, &State::default());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(plan.missing.len()) {
                scope.spawn(|| self.work(&plan, &state, &changed));
            }
        });
        state.into_inner().unwrap_or_else(PoisonError::into_inner).failure.map_or(Ok(()), Err)
    }

    fn plan(&self, names: &[&str]) -> Result<Plan, BuildError> {
        let mut missing = BTreeMap::new();
        for name in names {
            self.collect(name, &mut missing)?;
        }
        let mut urgency = BTreeMap::new();
        for name in missing.keys() {
            self.urgency(name, &missing, &mut urgency)?;
        }
        Ok(Plan { missing, urgency })
    }

    /// A finished artefact needs no inputs any more, so only what is missing leads further down.
    fn collect(&self, name: &str, missing: &mut BTreeMap<String, Artefact>) -> Result<(), BuildError> {
        let artefact = Artefact { name: name.into(), key: self.recipes.key(name)? };
        if missing.contains_key(name) || self.store.has(&artefact) {
            return Ok(());
        }
        missing.insert(name.into(), artefact);
        for input in &self.recipes.get(name)?.inputs {
            self.collect(input, missing)?;
        }
        Ok(())
    }

    fn urgency(
        &self,
        name: &str,
        missing: &BTreeMap<String, Artefact>,
        known: &mut BTreeMap<String, Duration>,
    ) -> Result<Duration, BuildError> {
        if let Some(urgency) = known.get(name) {
            return Ok(*urgency);
        }
        let mut after = Duration::ZERO;
        for other in missing.keys() {
            if self.recipes.get(other)?.inputs.iter().any(|input| input == name) {
                after = after.max(self.urgency(other, missing, known)?);
            }
        }
        let urgency = after + self.expected(name)?;
        known.insert(name.into(), urgency);
        Ok(urgency)
    }

    fn expected(&self, name: &str) -> Result<Duration, BuildError> {
        let estimate = Duration::from_secs(self.recipes.get(name)?.seconds);
        let last = self.store.durations().get(name).copied();
        Ok(last.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(estimate))
    }

    fn prepare(&self, plan: &Plan) -> Result<(), BuildError> {
        let mut programs = BTreeSet::new();
        for name in plan.missing.keys() {
            let recipe = self.recipes.get(name)?;
            if recipe.needs.contains(&Program::Docker) && self.docker.is_none() {
                return Err(BuildError::Dockerless { name: name.clone() });
            }
            programs.extend(recipe.needs.iter().copied());
        }
        Ok(host::ensure(&programs.into_iter().collect::<Vec<_>>(), self.progress)?)
    }

    fn work(&self, plan: &Plan, state: &Mutex<State>, changed: &Condvar) {
        while let Some(name) = self.next(plan, state, changed) {
            let outcome = self.make_one(plan, &name, state);
            let mut state = lock(state);
            state.pipes.remove(&name);
            state.ended.insert(name);
            if let Err(error) = outcome {
                state.pipes.clear();
                state.failure.get_or_insert(error);
            }
            self.tell_left(plan, &state);
            changed.notify_all();
        }
    }

    /// The most urgent artefact whose inputs are there; waits while there may be one later.
    fn next(&self, plan: &Plan, state: &Mutex<State>, changed: &Condvar) -> Option<String> {
        let mut state = lock(state);
        loop {
            if state.failure.is_some() || state.begun.len() == plan.missing.len() {
                return None;
            }
            let ready =
                plan.missing.keys().filter(|name| !state.begun.contains(*name) && self.is_ready(plan, name, &state));
            if let Some(name) = ready.max_by_key(|name| plan.urgency.get(*name)).cloned() {
                state.begun.insert(name.clone());
                return Some(name);
            }
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_ready(&self, plan: &Plan, name: &str, state: &State) -> bool {
        let there = |input: &String| !plan.missing.contains_key(input) || state.ended.contains(input);
        self.recipes.get(name).is_ok_and(|recipe| recipe.inputs.iter().all(there))
    }

    fn make_one(&self, plan: &Plan, name: &str, state: &Mutex<State>) -> Result<(), BuildError> {
        let Some(artefact) = plan.missing.get(name) else { return Ok(()) };
        let recipe = self.recipes.get(name)?;
        let wait = || self.progress.say(&format!("Another process is building {name}; waiting for it."));
        let _turn = self.store.take_turn(artefact, wait)?;
        if self.store.has(artefact) {
            return Ok(());
        }
        let expected = self.expected(name)?;
        let began = Instant::now();
        self.progress.tell(Event::Began { step: name, what: &recipe.summary, expected: Some(expected) });
        let build = Build { recipes: self.recipes, store: self.store, docker: self.docker, recipe, artefact };
        let outcome = build.run(|pipe| {
            let mut state = lock(state);
            // After a failure nobody would close this pipe any more; dropping it ends the script at once.
            if state.failure.is_none() {
                state.pipes.insert(name.into(), pipe);
            }
        });
        let succeeded = outcome.is_ok();
        self.progress.tell(Event::Ended { step: name, succeeded, took: began.elapsed() });
        outcome
    }

    /// Two at a time cannot be faster than half of the sum, nor than the longest chain.
    fn tell_left(&self, plan: &Plan, state: &State) {
        let left: Vec<&String> = plan.missing.keys().filter(|name| !state.ended.contains(*name)).collect();
        let sum: Duration = left.iter().filter_map(|name| self.expected(name).ok()).sum();
        let chain = left.iter().filter_map(|name| plan.urgency.get(*name)).max().copied().unwrap_or_default();
        let time = chain.max(sum / AT_ONCE as u32);
        self.progress.tell(Event::Left { steps: left.len(), time });
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A thread that died while it held the lock left nothing half done: every change is one insertion.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::Schedule;
    use crate::cache::Cache;
    use crate::images::{Artefact, BuildError, Recipe, Recipes, Store};
    use crate::progress::Silent;

    struct Bench {
        _folder: tempfile::TempDir,
        recipes: Recipes,
        store: Store,
    }

    /// Recipes by name, inputs and script, in an empty cache.
    fn bench(recipes: &[(&'static str, &[&str], &'static str)]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from(folder.path().to_str().unwrap());
        let recipes = recipes.iter().map(|(name, inputs, script)| Recipe {
            name,
            summary: format!("the {name}"),
            seconds: 1,
            pins: Vec::new(),
            inputs: inputs.iter().map(|input| (*input).into()).collect(),
            needs: Vec::new(),
            sources: Vec::new(),
            files: vec![("build.sh", script.as_bytes())],
        });
        let recipes = Recipes::of(recipes.collect(), root.clone()).unwrap();
        Bench { _folder: folder, recipes, store: Store::new(Cache::at(root)) }
    }

    impl Bench {
        fn make(&self, names: &[&str]) -> Result<(), BuildError> {
            Schedule { recipes: &self.recipes, store: &self.store, docker: None, progress: &Silent }.make(names)
        }

        fn artefact(&self, name: &str) -> Artefact {
            Artefact { name: name.into(), key: self.recipes.key(name).unwrap() }
        }

        fn text(&self, name: &str, file: &str) -> String {
            std::fs::read_to_string(self.store.path(&self.artefact(name)).join(file)).unwrap()
        }
    }

    const PART: &str = "set -e\necho once >> \"$SCRATCH/runs\"\ncp \"$SCRATCH/runs\" \"$OUT/part\"\n";

    #[test]
    fn an_artefact_is_made_from_its_inputs_and_only_once() {
        let bench = bench(&[("part", &[], PART), ("whole", &["part"], "cat \"$INPUTS/part/part\" > \"$OUT/whole\"")]);
        bench.make(&["whole"]).unwrap();
        bench.make(&["whole", "part"]).unwrap();
        assert_eq!(bench.text("whole", "whole"), "once\n");
    }

    #[test]
    fn inputs_of_what_is_finished_are_not_made_again() {
        let bench = bench(&[("part", &[], PART), ("whole", &["part"], "true")]);
        bench.make(&["whole"]).unwrap();
        std::fs::remove_dir_all(bench.store.path(&bench.artefact("part"))).unwrap();
        bench.make(&["whole"]).unwrap();
        assert!(!bench.store.has(&bench.artefact("part")));
    }

    #[test]
    fn after_a_failure_the_finished_parts_are_kept_and_the_next_attempt_goes_on() {
        let whole = "test -e \"$SCRATCH/tried\" || { touch \"$SCRATCH/tried\"; echo no luck >&2; exit 4; }";
        let bench = bench(&[("part", &[], PART), ("whole", &["part"], whole)]);
        let refused = bench.make(&["whole"]).unwrap_err();
        assert!(matches!(&refused, BuildError::Failed { said, .. } if said == "no luck"), "{refused}");
        assert!(refused.to_string().contains(bench.store.log(&bench.artefact("whole")).unwrap().as_str()), "{refused}");
        bench.make(&["whole"]).unwrap();
        assert_eq!(bench.text("part", "part"), "once\n");
    }

    #[test]
    fn a_failure_ends_the_other_script() {
        let slow = "touch \"$SCRATCH/began\"; sleep 30";
        let bench = bench(&[("slow", &[], slow), ("broken", &[], "exit 1")]);
        let refused = bench.make(&["slow", "broken"]).unwrap_err();
        assert!(matches!(&refused, BuildError::Failed { name, .. } if name == "broken"), "{refused}");
        assert!(!bench.store.has(&bench.artefact("slow")));
    }
}
