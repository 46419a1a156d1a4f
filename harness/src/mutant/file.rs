//! A mutant as it is written: one planted defect, the requirement that must see it, and those that must fall with it.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::Value;

use crate::manifests::Object;
use crate::requirement::Lane;
use crate::yaml::{self, YamlError};

/// One planted defect.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MutantFile {
    /// The requirement that must be violated.
    pub target: String,
    /// The lanes in which it is.
    #[serde(default)]
    pub lane: MutantLane,
    /// The requirements that must be violated too; `why` argues for each.
    #[serde(default)]
    pub also: Vec<String>,
    /// Why it is a defect.
    pub why: String,
    /// The subject, by the name of its file below `subjects`, without an ending.
    pub subject: String,
    /// The overlay. Default: the subject's first.
    #[serde(default)]
    pub overlay: Option<String>,
    /// Values over those of the overlay.
    #[serde(default)]
    pub values: Option<Value>,
    /// Dotted paths of values that are taken away.
    #[serde(default)]
    pub remove: Vec<String>,
    /// The release whose chart is changed. Default: the first.
    #[serde(default)]
    pub release: Option<String>,
    /// Changes of that chart, by file.
    #[serde(default)]
    pub files: BTreeMap<Utf8PathBuf, Vec<Edit>>,
    /// Changes of what Helm renders.
    #[serde(default)]
    pub manifests: Vec<ObjectPatch>,
    /// Changes of the subject's companions, by name.
    #[serde(default)]
    pub companions: BTreeMap<String, Vec<Edit>>,
    /// Steps that the subject declares for people after a rotation, beside those that it declares already.
    #[serde(default)]
    pub restart: Vec<String>,
    /// Secrets that somebody deletes on the cluster once the subject stands there, and that are made again.
    #[serde(default)]
    pub deleted: Vec<String>,
}

/// Where a mutant is to be seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MutantLane {
    /// In what Helm renders.
    #[default]
    Rendered,
    /// Only on a cluster.
    Live,
    /// In both.
    Both,
}

impl MutantLane {
    /// Whether what Helm renders shows it.
    pub fn is_rendered(self) -> bool {
        self != Self::Live
    }

    /// Whether a cluster shows it.
    pub fn is_live(self) -> bool {
        self != Self::Rendered
    }

    /// Whether it is to be seen in a lane.
    pub fn includes(self, lane: Lane) -> bool {
        match lane {
            Lane::Rendered => self.is_rendered(),
            Lane::Live => self.is_live(),
        }
    }
}

impl MutantFile {
    /// The requirements that must be violated, `target` first.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.target).chain(&self.also).map(String::as_str)
    }
}

/// One change of a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// A text that occurs exactly once.
    #[serde(default)]
    pub replace: Option<String>,
    /// What stands there instead.
    #[serde(default)]
    pub with: Option<String>,
    /// Takes the whole file away.
    #[serde(default)]
    pub delete: bool,
    /// Makes a new file with this text.
    #[serde(default)]
    pub create: Option<String>,
}

/// Changes of one rendered object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectPatch {
    /// The object's kind.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// A JSON Patch (RFC 6902).
    pub patch: json_patch::Patch,
}

impl ObjectPatch {
    /// Whether it changes this object.
    pub fn is_for(&self, object: &Object) -> bool {
        object.kind() == self.kind && object.name() == self.name
    }
}

/// A mutant with its name.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// The path of its file below `mutants`, without an ending, `ca/sslmode_prefer`.
    pub name: String,
    /// What it says.
    pub file: MutantFile,
}

/// Why there are no mutants.
#[derive(Debug, thiserror::Error)]
pub enum MutantError {
    /// The folder cannot be read.
    #[error("read the mutants in {path}")]
    Folder {
        /// The folder.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what was expected.
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

/// Reads every mutant below a folder, in the order of their names.
///
/// # Errors
/// The folder cannot be read, or a file is not what was expected.
pub fn read_all(folder: &Utf8Path) -> Result<Vec<Mutant>, MutantError> {
    let mut mutants = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let failed = |source| MutantError::Folder { path: next.clone(), source };
        for entry in next.read_dir_utf8().map_err(failed)? {
            let path = entry.map_err(failed)?.into_path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension() == Some("yaml") {
                let name = path.strip_prefix(folder).unwrap_or(&path).with_extension("");
                mutants.push(Mutant { name: name.into_string(), file: yaml::read_strict(&path)? });
            }
        }
    }
    mutants.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(mutants)
}
