//! The live lane of the developer's door: one test for each requirement that has a live check, of the one overlay that
//! is installed.
//!
//! nextest runs each test in a process of its own. What they share is in a run directory that goes by nextest's run id.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use harness::bench::Programs;
use harness::cache::Cache;
use harness::cluster::{Cluster, DEFAULT_NAME, Handle};
use harness::conformance::{SharedRun, Stage, live_overlay};
use harness::digest::sha256;
use harness::error::Chain;
use harness::helm::Helms;
use harness::images::Workshop;
use harness::rendered::Rendered;
use harness::requirement::Requirement;
use harness::subject::{Overlay, Subject};
use harness::tools::Tools;
use libtest_mimic::{Failed, Trial};
use suites::CATALOG;

use crate::{concluded, name};

/// What a test is when it cannot be run; nextest and libtest show it before the name.
const NO_CLUSTER: &str = "live: no cluster, run holdfast up";
/// The same where somebody asked for no cluster.
const NOT_WANTED: &str = "live: HOLDFAST_CLUSTER is empty";

/// The cluster to test on, or why there is none. To find it asks nothing of it: tests are listed more often than run.
pub(crate) struct Ground {
    handle: Result<Result<Handle, &'static str>, String>,
}

impl Ground {
    pub(crate) fn find() -> Self {
        let name = std::env::var("HOLDFAST_CLUSTER").unwrap_or_else(|_| DEFAULT_NAME.to_owned());
        if name.is_empty() {
            return Self { handle: Ok(Err(NOT_WANTED)) };
        }
        let cache = Cache::locate().map_err(|error| Chain(&error).to_string());
        let handle = cache.and_then(|cache| Handle::read(&cache, &name).map_err(|error| Chain(&error).to_string()));
        Self { handle: handle.map(|handle| handle.ok_or(NO_CLUSTER)) }
    }

    /// A cluster whose word cannot be read is a test that fails, not a cluster that is missing.
    pub(crate) fn complaint(self) -> Option<Trial> {
        let reason = self.handle.err()?;
        Some(Trial::test("cluster_is_found", move || Err(Failed::from(reason))))
    }
}

/// The live tests of a subject.
pub(crate) fn trials(subject: &Arc<Subject>, ground: &Ground) -> Vec<Trial> {
    let live = live_overlay(subject, &[]);
    let Some(overlay) = subject.overlays().iter().find(|overlay| Some(overlay.name.as_str()) == live) else {
        return Vec::new();
    };
    let requirements = CATALOG.iter().filter(|requirement| requirement.live.is_some());
    requirements.map(|requirement| trial(subject, overlay, requirement, ground)).collect()
}

fn trial(subject: &Arc<Subject>, overlay: &Overlay, requirement: &'static Requirement, ground: &Ground) -> Trial {
    let name = format!("{}/live", name(subject, overlay, requirement));
    let handle = match &ground.handle {
        Ok(Ok(handle)) => handle,
        Ok(Err(reason)) => return ignored(name, reason),
        // The complaint says why.
        Err(_unreadable) => return ignored(name, NO_CLUSTER),
    };
    let (subject, overlay, handle) = (subject.clone(), overlay.clone(), handle.clone());
    Trial::test(name, move || judge(subject, &overlay, requirement, handle))
}

/// A test that is listed, and that fails with the reason if somebody runs it all the same.
fn ignored(name: String, reason: &'static str) -> Trial {
    Trial::test(name, move || Err(Failed::from(reason))).with_kind(reason).with_ignored_flag(true)
}

fn judge(
    subject: Arc<Subject>,
    overlay: &Overlay,
    requirement: &'static Requirement,
    handle: Handle,
) -> Result<(), Failed> {
    let helms = Helms::at_hand()?;
    let workshop = Workshop::open(Cache::locate()?)?;
    let programs = Programs::new(&helms, Tools::kubectl(&workshop))?;
    let rendered = Rendered::new(subject, overlay, Arc::new(helms))?;
    let run = SharedRun::join(&run_directories(), &outer_run())?;
    let credentials = rendered.rendering().credentials();
    run.sink().redactor().register_all(credentials.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;

    let runtime = tokio::runtime::Runtime::new()?;
    let judged = runtime.block_on(async {
        let cluster = Cluster::attach(handle).await.map_err(|error| Chain(&error).to_string())?;
        let stage = Stage { cluster, programs, facts: BTreeMap::new() };
        concluded(requirement, &run.judge(&stage, &rendered, requirement).await)
    });
    // Log streams end with the runtime; only then is the private folder left.
    drop(runtime);
    let told = judged.map_err(|told| format!("{}\n  kept: {}", run.sink().line(&told), run.directory().path()));
    run.leave()?;
    told.map_err(Failed::from)
}

/// Beside the run directories of `holdfast run`.
fn run_directories() -> Utf8PathBuf {
    let temporary = Utf8Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().unwrap_or(temporary).join("holdfast/nextest")
}

/// What all tests of a run have in common: nextest's id of it, else one that this process makes up.
fn outer_run() -> String {
    static ALONE: OnceLock<String> = OnceLock::new();
    let now = || format!("{} {:?}", std::process::id(), SystemTime::now());
    std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| ALONE.get_or_init(|| sha256(now())).clone())
}
