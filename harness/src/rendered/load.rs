//! From a subject and an overlay to what Helm renders.

use std::sync::{Arc, OnceLock};

use camino::Utf8PathBuf;
use serde_json::{Map, Value};

use super::{Attempt, Change, Rendered, Rendering};
use crate::digest::sha256;
use crate::graph::Surroundings;
use crate::graph::cnpg::Cluster;
use crate::helm::{HelmError, HelmMajor, Helms, Package, PackageError, Refusal, RenderJob, ValuePath, lay_over, merge};
use crate::manifests::Manifests;
use crate::mutant::ObjectPatch;
use crate::subject::{CompanionKind, Credential, Overlay, ResolvedRelease, Subject};
use crate::yaml::{self, YamlError};

/// Stands in what the chart of a companion renders for the namespace of a bench, which nobody knows yet: in addresses, in
/// arguments, in the subjects of bindings.
pub const NAMESPACE_OF_A_BENCH: &str = "holdfast-namespace-of-the-bench";

/// Why nothing could be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderedError {
    /// The chart cannot be read.
    #[error("read chart {chart}")]
    Package {
        /// The folder or archive.
        chart: Utf8PathBuf,
        /// Why not.
        #[source]
        source: PackageError,
    },
    /// A file of values or manifests cannot be read.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// The chart does not render with the subject's own values.
    #[error("render chart {chart} with the values of overlay {overlay}: Helm refuses: {refusal}")]
    Refused {
        /// The folder or archive.
        chart: Utf8PathBuf,
        /// The overlay.
        overlay: String,
        /// What Helm said.
        refusal: Refusal,
    },
    /// The chart of a companion does not render with the values of the subject file.
    #[error("render the companion's chart {chart}: Helm refuses: {refusal}")]
    Companion {
        /// The folder or archive.
        chart: Utf8PathBuf,
        /// What Helm said.
        refusal: Refusal,
    },
    /// A mutant changes an object that is not rendered.
    #[error("change the rendered {kind} {name}: there is none")]
    Patch {
        /// The object's kind.
        kind: String,
        /// The object's name.
        name: String,
    },
    /// The chart is elsewhere and cannot be fetched.
    #[error(transparent)]
    Locate(Arc<HelmError>),
    /// Helm could not be asked.
    #[error("render chart {chart}")]
    Helm {
        /// The folder or archive.
        chart: Utf8PathBuf,
        /// Why not.
        #[source]
        source: Arc<HelmError>,
    },
}

/// A release whose chart and values have been read.
#[derive(Debug)]
pub(super) struct LoadedRelease {
    pub(super) name: String,
    pub(super) package: Arc<Package>,
    values: Vec<(Utf8PathBuf, String)>,
    /// What the files of values say together.
    pub(super) stated: Value,
    /// Stubs that stand in for what nobody stated, as overrides.
    overrides: Value,
    /// What the chart sees: defaults, files, stubs.
    pub(super) effective: Value,
}

impl LoadedRelease {
    fn read(
        release: &ResolvedRelease,
        overlay: &[Utf8PathBuf],
        stubs: &Map<String, Value>,
        helms: &Helms,
    ) -> Result<Self, RenderedError> {
        let path = helms.locate(&release.chart).map_err(RenderedError::Locate)?;
        let package = Package::read(&path).map_err(|source| RenderedError::Package { chart: path.clone(), source })?;
        let mut stated = Value::Object(Map::new());
        let mut values = Vec::new();
        for path in release.values.iter().chain(overlay) {
            let text =
                std::fs::read_to_string(path).map_err(|source| YamlError::Read { path: path.clone(), source })?;
            let said = yaml::parse_values(&text, path.as_str())?;
            if said.is_object() {
                lay_over(&mut stated, &said);
            }
            values.push((path.clone(), sha256(&text)));
        }
        let mut effective = package.values.clone();
        merge(&mut effective, &stated);
        let mut overrides = Value::Object(Map::new());
        for (path, stub) in stubs {
            let path = ValuePath::parse(path);
            let is_blank = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
            if path.get(&effective).is_none_or(is_blank) {
                path.set(&mut overrides, stub.clone());
            }
        }
        merge(&mut effective, &overrides);
        Ok(Self { name: release.name.clone(), package: Arc::new(package), values, stated, overrides, effective })
    }

    /// What the chart would see after a change.
    pub(super) fn effective_with(&self, change: &Change) -> Value {
        let mut overrides = self.overrides.clone();
        change.apply(&mut overrides, &self.effective);
        let mut values = self.effective.clone();
        merge(&mut values, &overrides);
        values
    }

    pub(super) fn job(&self, namespace: &str, change: &Change) -> RenderJob {
        let mut overrides = self.overrides.clone();
        change.apply(&mut overrides, &self.effective);
        RenderJob {
            chart: self.package.path.clone(),
            chart_digest: self.package.digest.clone(),
            release: self.name.clone(),
            namespace: namespace.to_owned(),
            values: self.values.clone(),
            overrides,
            arguments: change.on_the_command_line().to_vec(),
        }
    }
}

pub(super) fn rendered(subject: Arc<Subject>, overlay: &Overlay, helms: Arc<Helms>) -> Result<Rendered, RenderedError> {
    let surroundings = Arc::new(surroundings(&subject, &helms)?);
    let releases =
        subject.releases().iter().map(|release| LoadedRelease::read(release, &overlay.values, subject.stubs(), &helms));
    let releases = releases.collect::<Result<Vec<_>, _>>()?;
    let chart = releases.first().map(|release| release.package.path.clone()).unwrap_or_default();
    let attempt = attempt(&helms, None, &subject, &releases, &Change::none(), surroundings);
    let base = match attempt.map_err(|source| RenderedError::Helm { chart: chart.clone(), source })? {
        Attempt::Rendered(rendering) => rendering,
        Attempt::Refused(refusal) => {
            return Err(RenderedError::Refused { chart, overlay: overlay.name.clone(), refusal });
        }
    };
    let changed = |patch: &&ObjectPatch| base.manifests().objects().any(|object| patch.is_for(object));
    if let Some(patch) = subject.patches().iter().find(|patch| !changed(patch)) {
        return Err(RenderedError::Patch { kind: patch.kind.clone(), name: patch.name.clone() });
    }
    Ok(Rendered { subject, overlay: overlay.clone(), helms: Some(helms), releases, base, chance: OnceLock::new() })
}

pub(super) fn of_manifests(subject: Arc<Subject>, text: &str) -> Result<Rendered, RenderedError> {
    let surroundings = Arc::new(surroundings(&subject, &Helms::none())?);
    let manifests = Manifests::parse(text, subject.name())?;
    let base = Rendering::new(text.to_owned(), manifests, surroundings);
    let overlay = Overlay { name: "default".into(), values: Vec::new(), production: false };
    Ok(Rendered { subject, overlay, helms: None, releases: Vec::new(), base, chance: OnceLock::new() })
}

/// Renders all releases, the first one with a change, the others with as much of it as concerns a value that they share.
pub(super) fn attempt(
    helms: &Helms,
    major: Option<HelmMajor>,
    subject: &Subject,
    releases: &[LoadedRelease],
    change: &Change,
    surroundings: Arc<Surroundings>,
) -> Result<Attempt, Arc<HelmError>> {
    let mut text = String::new();
    let mut manifests = Manifests::default();
    for (index, release) in releases.iter().enumerate() {
        let shared =
            (index > 0).then(|| change.shared(&releases[0].effective, &release.package.values, &release.effective));
        let job = release.job(subject.name(), shared.as_ref().unwrap_or(change));
        match helms.template(major, &job)? {
            Ok(rendered) => {
                let read = Manifests::parse(&rendered, &release.name);
                manifests.extend(read.map_err(|source| HelmError::Unreadable { chart: job.chart, source })?);
                text.push_str(&rendered);
            }
            Err(refusal) => return Ok(Attempt::Refused(refusal)),
        }
    }
    if !subject.patches().is_empty() {
        manifests = patched(&manifests, subject.patches());
    }
    Ok(Attempt::Rendered(Rendering::new(text, manifests, surroundings)))
}

/// The objects with a mutant's changes. Other values may render without an object, or without a part, to change.
fn patched(manifests: &Manifests, patches: &[ObjectPatch]) -> Manifests {
    manifests.map(|object| {
        let mut value = object.value().clone();
        for patch in patches.iter().filter(|patch| patch.is_for(object)) {
            // A patch that does not apply leaves the value as it was.
            let _ = json_patch::patch(&mut value, &patch.patch);
        }
        Some(value)
    })
}

/// What a companion's chart renders, with its definitions of resources. It is applied like manifests, so hooks have no
/// part in it, and what lies in the namespace of its release has none of its own.
fn companion_chart(release: &ResolvedRelease, helms: &Helms) -> Result<Manifests, RenderedError> {
    let loaded = LoadedRelease::read(release, &[], &Map::new(), helms)?;
    let chart = loaded.package.path.clone();
    let mut job = loaded.job(NAMESPACE_OF_A_BENCH, &Change::none());
    job.arguments.push("--include-crds=true".into());
    let text = helms.template(None, &job).map_err(|source| RenderedError::Helm { chart: chart.clone(), source })?;
    let text = text.map_err(|refusal| RenderedError::Companion { chart, refusal })?;
    let manifests = Manifests::parse(&text, &release.name)?;
    Ok(manifests.map(|object| {
        let mut value = object.value().clone();
        let metadata = value.get_mut("metadata").and_then(Value::as_object_mut);
        if let Some(metadata) = metadata
            && metadata.get("namespace").and_then(Value::as_str) == Some(NAMESPACE_OF_A_BENCH)
        {
            metadata.shift_remove("namespace");
        }
        object.hooks().is_empty().then_some(value)
    }))
}

/// The Secret of a credential and the keys that the subject names.
fn declared_keys(credential: &Credential) -> (String, Vec<String>) {
    let keys = &credential.keys;
    let named = [&keys.username, &keys.password, &keys.uri, &keys.jdbc_uri, &keys.pgpass];
    (credential.secret.clone(), named.into_iter().flatten().cloned().collect())
}

/// What the subject file and the companions tell beyond the manifests.
fn surroundings(subject: &Subject, helms: &Helms) -> Result<Surroundings, RenderedError> {
    let mut companions = Manifests::default();
    let mut provided = subject.file().external.clone();
    for companion in subject.companions() {
        provided.extend(companion.provides.iter().cloned());
        companions.extend(match &companion.what {
            CompanionKind::Manifest(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| YamlError::Read { path: path.clone(), source })?;
                Manifests::parse(&text, path.as_str())?
            }
            CompanionKind::Chart(release) => companion_chart(release, helms)?,
        });
    }
    let ca = subject.ca().cloned().unwrap_or_default();
    let templates = &subject.file().pod_templates;
    Ok(Surroundings {
        companions,
        clusters: subject.database().cluster.iter().map(|name| Cluster::named(name)).collect(),
        credentials: subject.database().credentials.iter().map(|credential| credential.secret.clone()).collect(),
        credential_keys: subject.database().credentials.iter().map(declared_keys).collect(),
        provided,
        namespaces: if subject.is_declared() {
            vec![NAMESPACE_OF_A_BENCH.to_owned(), subject.name().to_owned()]
        } else {
            Vec::new()
        },
        copied: subject.database().ca_sync.as_ref().map(|sync| (sync.target.secret.clone(), sync.target.key.clone())),
        hooks: subject.file().releases.iter().flat_map(|release| release.provides.iter().cloned()).collect(),
        migrations: subject.database().migrations.clone(),
        ca_variable: ca.variable,
        ca_mount_path: ca.mount_path,
        ca_volume: ca.volume,
        pod_templates: templates.iter().map(|template| (template.kind.clone(), template.path.clone())).collect(),
    })
}
