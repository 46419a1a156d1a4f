//! What is under test: releases with their charts and values, companions, overlays, claims, and where things are.
//!
//! A subject is read from one file, or made up for a bare chart or a stream of manifests. It knows nothing of Helm and
//! nothing of clusters: it only says what they are to be given.

mod budget;
mod database;
mod file;
mod load;
mod remote;
mod schema;
mod served;
mod stand_in;
#[cfg(test)]
mod tests;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};

pub use self::budget::{Budget, NotATime};
pub use self::database::{
    Bundled, CaPlan, CaSync, Credential, CredentialKeys, Database, External, HighAvailability, Pool, SyncedKey,
};
pub use self::file::{
    ApiVersion, ChartSource, Companion, Format, HttpSmoke, Image, Kind, Metadata, OverlayFile, PodTemplatePath,
    Release, Smoke, Structured, SubjectFile,
};
pub use self::load::{SubjectError, is_label};
pub use self::remote::{ChartAt, RemoteChart, has_digest, is_exact_version};
pub use self::schema::json_schema;
pub use self::served::{ApiKeys, ServedTls};
pub use self::stand_in::StandIn;
use crate::feature::Feature;
use crate::mutant::ObjectPatch;

/// How long the workloads of a subject may take to be rolled out and ready.
pub const RESTART_BUDGET: &str = "restart";
/// How old a session may become after a change of its credential.
pub const DRAIN_BUDGET: &str = "drain";
/// How long a pooler may refuse everybody after a login that failed.
pub const LOGIN_RETRY_BUDGET: &str = "login-retry";
/// The budgets that a subject can widen.
pub const BUDGETS: [&str; 3] = [RESTART_BUDGET, DRAIN_BUDGET, LOGIN_RETRY_BUDGET];

/// A subject with all its paths resolved.
#[derive(Debug, Clone)]
pub struct Subject {
    file: SubjectFile,
    /// The folder that relative paths start from.
    base: Utf8PathBuf,
    releases: Vec<ResolvedRelease>,
    companions: Vec<ResolvedCompanion>,
    overlays: Vec<Overlay>,
    declared: bool,
    /// What a gate has judged as if it were claimed.
    demanded: Vec<Feature>,
    /// What a mutant changes about the rendered objects.
    patches: Vec<ObjectPatch>,
}

/// A release whose paths are those of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRelease {
    /// The name of the Helm release.
    pub name: String,
    /// Where the chart is.
    pub chart: ChartAt,
    /// Files of values; later ones win.
    pub values: Vec<Utf8PathBuf>,
}

/// A companion whose paths are those of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedCompanion {
    /// What it is called.
    pub name: String,
    /// What is installed.
    pub what: CompanionKind,
    /// What it leaves for the releases, `secret/agents-db-app`.
    pub provides: Vec<String>,
}

/// What a companion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompanionKind {
    /// A file of manifests.
    Manifest(Utf8PathBuf),
    /// A chart with files of values, called like the companion.
    Chart(ResolvedRelease),
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// Its name.
    pub name: String,
    /// Files of values after those of the release.
    pub values: Vec<Utf8PathBuf>,
    /// Whether images and charts must be pinned, and a promised CA be there.
    pub production: bool,
}

impl Subject {
    /// Reads a subject file, resolves its paths from the folder of the file, and proves that they exist.
    ///
    /// # Errors
    /// The file cannot be read, breaks the format, contradicts itself, or names something that is not there.
    pub fn read(path: &Utf8Path) -> Result<Self, SubjectError> {
        load::read(path)
    }

    /// A subject for a bare chart: one release and one overlay, `default`, with these files of values.
    ///
    /// # Errors
    /// There is no chart at that path, or its `Chart.yaml` has no name; a file of values does not exist.
    pub fn of_chart(chart: &Utf8Path, values: &[Utf8PathBuf]) -> Result<Self, SubjectError> {
        load::of_chart(chart, values)
    }

    /// A subject for manifests that somebody else rendered: no chart, one overlay, `default`.
    pub fn of_manifests(name: &str) -> Self {
        load::of_manifests(name)
    }

    /// The subject's name.
    pub fn name(&self) -> &str {
        &self.file.metadata.name
    }

    /// Whether a subject file says all this, and not just the name of a chart.
    pub fn is_declared(&self) -> bool {
        self.declared
    }

    /// The file as it was written.
    pub fn file(&self) -> &SubjectFile {
        &self.file
    }

    /// The folder that relative paths start from.
    pub fn base(&self) -> &Utf8Path {
        &self.base
    }

    /// The charts under test, in the order of installation.
    pub fn releases(&self) -> &[ResolvedRelease] {
        &self.releases
    }

    /// What is installed before the releases.
    pub fn companions(&self) -> &[ResolvedCompanion] {
        &self.companions
    }

    /// The environments, in the order of their names; at least one.
    pub fn overlays(&self) -> &[Overlay] {
        &self.overlays
    }

    /// One environment by its name.
    pub fn overlay(&self, name: &str) -> Option<&Overlay> {
        self.overlays.iter().find(|overlay| overlay.name == name)
    }

    /// Whether the subject claims a feature, or is judged as if it did.
    pub fn claims(&self, feature: Feature) -> bool {
        self.file.claims.contains(&feature) || self.demanded.contains(&feature)
    }

    /// Whether it claims the feature for one of its environments: what another claim implies it keeps in production. An
    /// environment of developers may go without.
    pub fn claims_in(&self, overlay: &Overlay, feature: Feature) -> bool {
        let implied = || self.file.claims.iter().chain(&self.demanded).any(|claimed| claimed.implies(feature));
        self.claims(feature) || overlay.production && implied()
    }

    /// Has the subject judged as if it claimed these features too.
    pub fn demand(&mut self, features: impl IntoIterator<Item = Feature>) {
        self.demanded.extend(features);
    }

    /// The database, as far as it is declared.
    pub fn database(&self) -> &Database {
        &self.file.database
    }

    /// How the CA reaches the clients, as far as it is declared.
    pub fn ca(&self) -> Option<&CaPlan> {
        self.file.database.ca.as_ref()
    }

    /// Dotted paths of values that the chart must insist on.
    pub fn guards(&self) -> &[String] {
        &self.file.guards
    }

    /// Dotted paths of values that switch something on and off.
    pub fn toggles(&self) -> &[String] {
        &self.file.toggles
    }

    /// Values that stand in, by dotted path, for what only a cluster can tell.
    pub fn stubs(&self) -> &Map<String, Value> {
        &self.file.stubs
    }

    /// Images that were built here.
    pub fn images(&self) -> &[Image] {
        &self.file.images
    }

    /// The file of a companion that is manifests.
    pub fn companion_manifest(&self, name: &str) -> Option<Utf8PathBuf> {
        self.companions.iter().find(|companion| companion.name == name).and_then(|companion| match &companion.what {
            CompanionKind::Manifest(path) => Some(path.clone()),
            CompanionKind::Chart(_) => None,
        })
    }

    /// Puts another chart in the place of a release's.
    pub(crate) fn replace_chart(&mut self, release: usize, chart: Utf8PathBuf) {
        if let Some(release) = self.releases.get_mut(release) {
            release.chart = ChartAt::Path(chart);
        }
    }

    /// Puts other files of values in the place of the first release's.
    pub(crate) fn replace_values(&mut self, values: Vec<Utf8PathBuf>) {
        if let Some(release) = self.releases.first_mut() {
            release.values = values;
        }
    }

    /// Puts another file of manifests in the place of a companion's.
    pub(crate) fn replace_companion_manifest(&mut self, name: &str, path: Utf8PathBuf) {
        if let Some(companion) = self.companions.iter_mut().find(|companion| companion.name == name) {
            companion.what = CompanionKind::Manifest(path);
        }
    }

    /// Adds steps that people have to run after a rotation.
    pub(crate) fn declare_restart(&mut self, steps: &[String]) {
        self.file.restart.extend_from_slice(steps);
    }

    /// Changes rendered objects of this subject from now on.
    pub(crate) fn patch_manifests(&mut self, patches: Vec<ObjectPatch>) {
        self.patches = patches;
    }

    /// What a mutant changes about the rendered objects.
    pub(crate) fn patches(&self) -> &[ObjectPatch] {
        &self.patches
    }
}
