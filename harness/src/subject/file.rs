//! The subject file as people write it: its fields and what they mean. Its JSON Schema is made from here.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::database::Database;
use super::served::{ApiKeys, ServedTls};
use super::stand_in::{self, StandIn};
use crate::feature::Feature;
use crate::subject::Budget;

/// What is under test, as one file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Subject", extend("$id" = "https://holdfast.dev/schemas/subject.v1.json"))]
pub struct SubjectFile {
    /// `holdfast.dev/v1`.
    pub api_version: ApiVersion,
    /// `Subject`.
    pub kind: Kind,
    /// What the subject is called.
    pub metadata: Metadata,
    /// The version of the contract that the subject was written for, `1.0`.
    pub contract: String,
    /// The profile that the subject means to meet, `cnpg-app@1`. A gate may demand another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The features that the subject claims. What the manifests show counts as claimed anyway.
    #[serde(default)]
    pub claims: Vec<Feature>,
    /// What is installed first, in this order.
    #[serde(default)]
    pub companions: Vec<Companion>,
    /// The charts under test, in the order of installation.
    pub releases: Vec<Release>,
    /// The environments in which the subject is judged. Default: one, called `default`.
    #[serde(default)]
    pub overlays: BTreeMap<String, OverlayFile>,
    /// Dotted paths of values that the chart must insist on.
    #[serde(default)]
    pub guards: Vec<String>,
    /// Dotted paths of values that switch something on and off; each overlay must state them.
    #[serde(default)]
    pub toggles: Vec<String>,
    /// Values that stand in, by dotted path, for what only a cluster or an operator of the platform can tell.
    #[serde(default)]
    pub stubs: Map<String, Value>,
    /// Image references in the manifests that were built here, and what they are.
    #[serde(default)]
    pub images: Vec<Image>,
    /// The database of the subject, and how its clients find it.
    #[serde(default)]
    pub database: Database,
    /// The keys with which clients of the application identify themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<ApiKeys>,
    /// The certificate that the application serves itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServedTls>,
    /// Workloads that the manifests must have, `deployment/agents`: where one is missing, the report says so.
    /// All workloads are looked at, also those that are not named here.
    #[serde(default)]
    pub workloads: Vec<String>,
    /// Pod templates within custom resources: where they are.
    #[serde(default)]
    pub pod_templates: Vec<PodTemplatePath>,
    /// Secrets, ConfigMaps and stores that somebody outside the subject provides, `secret/wildcard-tls`.
    #[serde(default)]
    pub external: Vec<String>,
    /// Environment variables and values with a structure of their own.
    #[serde(default)]
    pub structured: Vec<Structured>,
    /// Steps that people must run after a rotation. Empty: none needed.
    #[serde(default)]
    pub restart: Vec<String>,
    /// How to see that the subject serves.
    #[serde(default)]
    pub smoke: Smoke,
    /// Time that the subject asks for beyond the engine's own budgets, by budget name.
    #[serde(default)]
    pub budgets: BTreeMap<String, Budget>,
}

/// The version of the file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "holdfast.dev/v1")]
    V1,
}

/// What the file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// A subject.
    Subject,
}

/// What the subject is called.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// A DNS label; it becomes part of namespaces and test names.
    pub name: String,
}

/// Something that is installed before the subject's own releases: exactly one of `manifest` and `chart`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Companion {
    /// What it is called here.
    pub name: String,
    /// A file of manifests, relative to the subject file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub manifest: Option<Utf8PathBuf>,
    /// A chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartSource>,
    /// Files of values for the chart, relative to the subject file.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub values: Vec<Utf8PathBuf>,
    /// What it leaves for the releases, `secret/agents-db-app`.
    #[serde(default)]
    pub provides: Vec<String>,
}

/// A chart under test.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// The name of the Helm release.
    pub name: String,
    /// Where the chart is.
    pub chart: ChartSource,
    /// Files of values, relative to the subject file; later ones win.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub values: Vec<Utf8PathBuf>,
    /// What a hook of it makes and no manifest shows, `secret/agents-db-auth`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<String>,
}

/// Where a chart is: a path, an OCI reference, or a repository with name and version.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChartSource {
    /// A folder or a packaged chart, relative to the subject file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub path: Option<Utf8PathBuf>,
    /// An OCI reference, `oci://registry.example.org/charts/agents`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci: Option<String>,
    /// The address of a chart repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The chart's name in that repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version. In production it has to be an exact one, unless the reference says a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One environment.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverlayFile {
    /// Files of values after those of the release, relative to the subject file.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub values: Vec<Utf8PathBuf>,
    /// Whether images and charts must be pinned, and a promised CA be there.
    #[serde(default)]
    pub production: bool,
}

/// An image that pods refer to and that was built here.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// The reference exactly as pods use it.
    pub reference: String,
    /// Which of Holdfast's images stands behind it.
    #[serde(rename = "use", deserialize_with = "stand_in::name")]
    #[schemars(with = "StandIn")]
    pub stands_for: String,
    /// Whether the tag is never moved by those who publish it.
    #[serde(default)]
    pub immutable: bool,
}

/// A pod template within a custom resource.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodTemplatePath {
    /// The custom resource's kind.
    pub kind: String,
    /// Dotted path of the pod template, `spec.template`: the object that has a `spec` with containers.
    pub path: String,
}

/// An environment variable whose value has a structure of its own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Structured {
    /// The variable, in its exact case.
    pub variable: String,
    /// What it must parse as.
    pub format: Format,
}

/// A structure that a text can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A JSON array.
    JsonArray,
    /// A JSON object.
    JsonObject,
    /// `true` or `false`.
    Boolean,
    /// A decimal number.
    Number,
    /// An absolute URL.
    Url,
}

/// How to see that the subject serves.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Smoke {
    /// Whether `helm test` is part of it.
    #[serde(default)]
    pub helm_test: bool,
    /// A request that must answer 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSmoke>,
}

/// A request that must answer 200.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpSmoke {
    /// The Service to ask.
    pub service: String,
    /// The path, `/readyz`.
    pub path: String,
    /// The Service's port. Default: its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}
