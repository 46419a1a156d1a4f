//! From a subject file to a subject: paths resolved, contradictions refused.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};

use super::database::{Database, Pool};
use super::file::{ApiVersion, ChartSource, Kind, Metadata, Smoke, SubjectFile};
use super::remote::{ChartAt, RemoteChart};
use super::{BUDGETS, CompanionKind, Overlay, ResolvedCompanion, ResolvedRelease, Subject};
use crate::contract::ContractVersion;
use crate::yaml::{self, YamlError};

/// Why there is no subject.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// There is no subject file where one was said to be.
    #[error("read the subject file {path}: there is no such file; give the path of one")]
    NoSubject {
        /// The path that was looked at.
        path: Utf8PathBuf,
    },
    /// The text of a file is not what was expected.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A field contradicts another, or cannot be used.
    #[error("{path}: {field}: {problem}")]
    Field {
        /// The subject file.
        path: Utf8PathBuf,
        /// The field's path.
        field: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A field names a file that is not there.
    #[error("{path}: {field}: there is no {what} at {named}; paths begin at the folder of the subject file")]
    Missing {
        /// The subject file.
        path: Utf8PathBuf,
        /// The field's path.
        field: String,
        /// What should be there.
        what: &'static str,
        /// The path that was looked at.
        named: Utf8PathBuf,
    },
    /// There is no chart where one was said to be.
    #[error("read the chart {path}: there is none; give a folder with Chart.yaml, or a packaged chart (.tgz)")]
    NoChart {
        /// The path that was looked at.
        path: Utf8PathBuf,
    },
    /// There is no file of values where one was said to be.
    #[error("read the values {path}: there is no such file; give the path of one")]
    NoValues {
        /// The path that was looked at.
        path: Utf8PathBuf,
    },
}

/// What [`Overlay::name`] is when nobody gave one.
const DEFAULT_OVERLAY: &str = "default";

pub(super) fn read(path: &Utf8Path) -> Result<Subject, SubjectError> {
    if !path.exists() {
        return Err(SubjectError::NoSubject { path: path.to_owned() });
    }
    let file: SubjectFile = yaml::read_strict(path)?;
    let reading = Reading { path, base: path.parent().unwrap_or(Utf8Path::new("")) };
    reading.label("metadata.name", &file.metadata.name)?;
    reading.database(&file.database)?;
    if let Err(error) = file.contract.parse::<ContractVersion>() {
        return Err(reading.wrong("contract", error.to_string()));
    }
    if let Some(unknown) = file.budgets.keys().find(|name| !BUDGETS.contains(&name.as_str())) {
        let problem = format!("there is no such budget; a subject can widen {}", BUDGETS.join(", "));
        return Err(reading.wrong(&format!("budgets.{unknown}"), problem));
    }
    if file.releases.is_empty() {
        return Err(reading.wrong("releases", "expected at least one chart under test"));
    }
    let releases = file.releases.iter().enumerate().map(|(index, release)| {
        reading.release(&format!("releases[{index}]"), &release.name, &release.chart, &release.values)
    });
    let releases = releases.collect::<Result<Vec<_>, SubjectError>>()?;
    let companions = file.companions.iter().enumerate().map(|(index, companion)| {
        let field = format!("companions[{index}]");
        let what = match (&companion.manifest, &companion.chart) {
            (Some(manifest), None) => {
                CompanionKind::Manifest(reading.file(&format!("{field}.manifest"), "file of manifests", manifest)?)
            }
            (None, Some(chart)) => {
                CompanionKind::Chart(reading.release(&field, &companion.name, chart, &companion.values)?)
            }
            _ => return Err(reading.wrong(&field, "expected exactly one of `manifest` and `chart`")),
        };
        Ok(ResolvedCompanion { name: companion.name.clone(), what, provides: companion.provides.clone() })
    });
    let companions = companions.collect::<Result<Vec<_>, SubjectError>>()?;
    let overlays = file.overlays.iter().map(|(name, overlay)| {
        reading.label(&format!("overlays.{name}"), name)?;
        Ok(Overlay {
            name: name.clone(),
            values: reading.files(&format!("overlays.{name}.values"), &overlay.values)?,
            production: overlay.production,
        })
    });
    let mut overlays = overlays.collect::<Result<Vec<_>, SubjectError>>()?;
    if overlays.is_empty() {
        overlays.push(default_overlay(Vec::new()));
    }
    let base = reading.base.to_owned();
    Ok(Subject {
        file,
        base,
        releases,
        companions,
        overlays,
        declared: true,
        demanded: Vec::new(),
        patches: Vec::new(),
    })
}

pub(super) fn of_chart(chart: &Utf8Path, values: &[Utf8PathBuf]) -> Result<Subject, SubjectError> {
    let no_chart = || SubjectError::NoChart { path: chart.to_owned() };
    let name = if chart.is_dir() {
        let file = chart.join("Chart.yaml");
        if !file.is_file() {
            return Err(no_chart());
        }
        let text = std::fs::read_to_string(&file).map_err(|source| YamlError::Read { path: file.clone(), source })?;
        let description = yaml::parse_lenient(&text, file.as_str())?;
        description.get("name").and_then(Value::as_str).ok_or_else(no_chart)?.to_owned()
    } else if chart.is_file() {
        archive_name(chart).to_owned()
    } else {
        return Err(no_chart());
    };
    if let Some(absent) = values.iter().find(|file| !file.is_file()) {
        return Err(SubjectError::NoValues { path: absent.clone() });
    }
    Ok(Subject {
        file: undeclared(&name),
        base: Utf8PathBuf::new(),
        releases: vec![ResolvedRelease { name, chart: ChartAt::Path(chart.to_owned()), values: values.to_vec() }],
        companions: Vec::new(),
        overlays: vec![default_overlay(Vec::new())],
        declared: false,
        demanded: Vec::new(),
        patches: Vec::new(),
    })
}

pub(super) fn of_manifests(name: &str) -> Subject {
    Subject {
        file: undeclared(name),
        base: Utf8PathBuf::new(),
        releases: Vec::new(),
        companions: Vec::new(),
        overlays: vec![default_overlay(Vec::new())],
        declared: false,
        demanded: Vec::new(),
        patches: Vec::new(),
    }
}

fn default_overlay(values: Vec<Utf8PathBuf>) -> Overlay {
    Overlay { name: DEFAULT_OVERLAY.into(), values, production: false }
}

/// The name of a packaged chart: its file name without version and extension, `agents-0.9.1.tgz`.
fn archive_name(path: &Utf8Path) -> &str {
    let name = path.file_name().unwrap_or("chart");
    let stem = name.strip_suffix(".tgz").or_else(|| name.strip_suffix(".tar.gz")).unwrap_or(name);
    let version = stem.match_indices('-').find(|(at, _)| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    version.map_or(stem, |(at, _)| &stem[..at])
}

fn undeclared(name: &str) -> SubjectFile {
    SubjectFile {
        api_version: ApiVersion::V1,
        kind: Kind::Subject,
        metadata: Metadata { name: name.to_owned() },
        contract: "1.0".into(),
        profile: None,
        claims: Vec::new(),
        companions: Vec::new(),
        releases: Vec::new(),
        overlays: BTreeMap::new(),
        guards: Vec::new(),
        toggles: Vec::new(),
        stubs: Map::new(),
        images: Vec::new(),
        database: Database::default(),
        api_keys: None,
        tls: None,
        workloads: Vec::new(),
        pod_templates: Vec::new(),
        external: Vec::new(),
        structured: Vec::new(),
        restart: Vec::new(),
        smoke: Smoke::default(),
        budgets: BTreeMap::new(),
    }
}

/// One subject file while it is read.
struct Reading<'a> {
    path: &'a Utf8Path,
    base: &'a Utf8Path,
}

impl Reading<'_> {
    fn wrong(&self, field: &str, problem: impl Into<String>) -> SubjectError {
        SubjectError::Field { path: self.path.to_owned(), field: field.to_owned(), problem: problem.into() }
    }

    /// Names become parts of namespaces, releases and labels.
    fn label(&self, field: &str, name: &str) -> Result<(), SubjectError> {
        if is_label(name) {
            return Ok(());
        }
        Err(self.wrong(field, format!("`{name}` is no name: expected 1 to 40 of a-z, 0-9 and -, not - at an end")))
    }

    fn database(&self, database: &Database) -> Result<(), SubjectError> {
        let kinds = [database.cluster.is_some(), database.bundled.is_some(), database.external.is_some()];
        if kinds.iter().filter(|given| **given).count() > 1 {
            return Err(self.wrong("database", "expected at most one of `cluster`, `bundled` and `external`"));
        }
        for (index, pool) in database.pools.iter().enumerate() {
            if pool.size == Some(0) {
                return Err(self.wrong(&format!("database.pools[{index}].size"), "expected at least one session"));
            }
            let same = |other: &Pool| (&other.workload, &other.container) == (&pool.workload, &pool.container);
            if database.pools[..index].iter().any(same) {
                let problem = format!("the pool of {} is told already; expected one entry for each", pool.workload);
                return Err(self.wrong(&format!("database.pools[{index}]"), problem));
            }
        }
        Ok(())
    }

    fn release(
        &self,
        field: &str,
        name: &str,
        source: &ChartSource,
        values: &[Utf8PathBuf],
    ) -> Result<ResolvedRelease, SubjectError> {
        self.label(&format!("{field}.name"), name)?;
        let chart = self.chart(&format!("{field}.chart"), source)?;
        let values = self.files(&format!("{field}.values"), values)?;
        Ok(ResolvedRelease { name: name.to_owned(), chart, values })
    }

    fn chart(&self, field: &str, source: &ChartSource) -> Result<ChartAt, SubjectError> {
        match (&source.path, &source.oci, &source.repository, &source.name) {
            (Some(path), None, None, None) => {
                let resolved = self.base.join(path);
                if resolved.join("Chart.yaml").is_file() || resolved.is_file() {
                    return Ok(ChartAt::Path(resolved));
                }
                Err(self.missing(&format!("{field}.path"), "chart (a folder with Chart.yaml, or a .tgz)", resolved))
            }
            (None, Some(reference), None, None) => {
                let field = format!("{field}.oci");
                if !reference.starts_with("oci://") {
                    return Err(self.wrong(&field, "expected a reference that begins with oci://"));
                }
                self.remote_chart(&field, reference, None, source)
            }
            (None, None, Some(address), Some(name)) => {
                self.remote_chart(&format!("{field}.repository"), name, Some(address), source)
            }
            (None, None, Some(_), None) => {
                Err(self.wrong(field, "expected a `name` beside `repository`, the chart's name there"))
            }
            _ => Err(self.wrong(field, "expected exactly one of `path`, `oci`, and `repository` with `name`")),
        }
    }

    fn remote_chart(
        &self,
        field: &str,
        name: &str,
        repository: Option<&str>,
        source: &ChartSource,
    ) -> Result<ChartAt, SubjectError> {
        let version = source.version.clone().unwrap_or_default();
        let chart = RemoteChart { name: name.to_owned(), repository: repository.map(str::to_owned), version };
        let authority = repository.unwrap_or(name).split("://").nth(1).and_then(|rest| rest.split('/').next());
        if authority.is_some_and(|authority| authority.contains('@')) {
            let how = "leave the login out of the address, which stands in every report; Helm keeps logins itself";
            return Err(self.wrong(field, how));
        }
        let short = chart.short_name();
        if short.is_empty() || short.starts_with(['-', '.']) || (repository.is_some() && name.contains('/')) {
            return Err(self.wrong(field, format!("`{name}` ends in no name of a chart")));
        }
        Ok(ChartAt::Remote(chart))
    }

    fn files(&self, field: &str, paths: &[Utf8PathBuf]) -> Result<Vec<Utf8PathBuf>, SubjectError> {
        let one =
            |(index, path): (usize, &Utf8PathBuf)| self.file(&format!("{field}[{index}]"), "file of values", path);
        paths.iter().enumerate().map(one).collect()
    }

    fn file(&self, field: &str, what: &'static str, path: &Utf8Path) -> Result<Utf8PathBuf, SubjectError> {
        let resolved = self.base.join(path);
        if resolved.is_file() { Ok(resolved) } else { Err(self.missing(field, what, resolved)) }
    }

    fn missing(&self, field: &str, what: &'static str, named: Utf8PathBuf) -> SubjectError {
        SubjectError::Missing { path: self.path.to_owned(), field: field.to_owned(), what, named }
    }
}

/// Whether a text can be part of the names of namespaces, releases and labels: 1 to 40 of a-z, 0-9 and -, not - at an end.
pub fn is_label(text: &str) -> bool {
    let inner = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    (1..=40).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
