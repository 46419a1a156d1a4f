//! Volumes of a pod, mounts of a container, and what stands at a path of its file system.

use serde_json::Value;

use super::reference::{KeyRef, RefKind};
use super::store::Store;
use crate::finding::{Locate, Place};

/// A volume of a pod.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// What it is made of: several sources where it is projected, else one.
    pub sources: Vec<VolumeSource>,
    /// Whether its sources stand in a `projected` volume.
    pub projected: bool,
    /// Where it stands.
    pub place: Place,
}

/// What a volume is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// The keys of a Secret or ConfigMap.
    Keys {
        /// Secret or ConfigMap.
        kind: RefKind,
        /// Its name.
        name: String,
        /// The keys and the files that they become. Empty: all keys, under their own names.
        items: Vec<Item>,
        /// All keys that it has. `None`: it may have others than those that are known.
        held: Option<Vec<String>>,
        /// Whether the pod starts without it.
        optional: bool,
        /// The mode of the files.
        mode: Option<i64>,
    },
    /// A folder that starts empty.
    Empty,
    /// A PersistentVolumeClaim.
    Claim(String),
    /// A driver of the Container Storage Interface, with the name of the driver.
    Csi(String),
    /// Anything else, by the field that declares it.
    Other(String),
}

/// One key of a Secret or ConfigMap in a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The key.
    pub key: String,
    /// The file, relative to the volume.
    pub path: String,
    /// The mode of this file.
    pub mode: Option<i64>,
}

/// A volume within a container.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The volume.
    pub volume: Volume,
    /// Where it is mounted.
    pub path: String,
    /// The file or folder of the volume that is mounted instead of the whole.
    pub sub_path: Option<String>,
    /// Whether the manifest says `readOnly: true`.
    pub read_only: bool,
    /// Where it stands.
    pub place: Place,
}

/// What stands at a path.
#[derive(Debug, Clone)]
pub struct MountedFile<'a> {
    /// The mount that covers the path.
    pub mount: &'a Mount,
    /// The path relative to the volume.
    pub inner: String,
    /// What provides it.
    pub content: FileContent<'a>,
}

/// What provides a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent<'a> {
    /// A key of a Secret or ConfigMap.
    Key {
        /// The key.
        key: KeyRef,
        /// The source of the volume that has it.
        source: &'a VolumeSource,
    },
    /// The volume has such keys, but none becomes this file.
    Absent,
    /// One of several may have it, and nobody knows which; the text says what would tell.
    Unknown(String),
    /// The volume is no Secret and no ConfigMap.
    Other(&'a VolumeSource),
}

impl Volume {
    /// The claim that a StatefulSet makes for each of its pods, of a template.
    pub(super) fn of_template(value: &Value, place: Place) -> Option<Self> {
        let name = value.pointer("/metadata/name")?.as_str()?.to_owned();
        Some(Self { sources: vec![VolumeSource::Claim(name.clone())], name, projected: false, place })
    }

    pub(super) fn read(value: &Value, place: Place, store: &Store) -> Option<Self> {
        let name = value.get("name")?.as_str()?.to_owned();
        let projected = value.get("projected");
        let sources = match projected {
            Some(projected) => {
                let sources = projected.get("sources").and_then(Value::as_array).into_iter().flatten();
                let mode = projected.get("defaultMode").and_then(Value::as_i64);
                sources.map(|source| VolumeSource::read(source, "name", mode, store)).collect()
            }
            None => vec![VolumeSource::read(value, "secretName", None, store)],
        };
        Some(Self { name, sources, projected: projected.is_some(), place })
    }

    /// Whether the application can write to it.
    pub fn is_writable_copy(&self) -> bool {
        self.sources.iter().any(|source| !matches!(source, VolumeSource::Keys { .. } | VolumeSource::Csi(_)))
    }

    /// The Secrets and ConfigMaps in it.
    pub fn keys(&self) -> impl Iterator<Item = (RefKind, &str)> {
        self.sources.iter().filter_map(|source| match source {
            VolumeSource::Keys { kind, name, .. } => Some((*kind, name.as_str())),
            _ => None,
        })
    }
}

impl Locate for Volume {
    fn place(&self) -> Place {
        self.place.clone()
    }
}

impl VolumeSource {
    /// Secrets have `secretName` in a volume and `name` in a projection.
    fn read(value: &Value, secret_name: &str, mode: Option<i64>, store: &Store) -> Self {
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let keys = |kind: RefKind, value: &Value, name: &str| Self::Keys {
            kind,
            name: text(value, name),
            items: items(value),
            held: store.all_keys(kind, &text(value, name)),
            optional: value.get("optional").and_then(Value::as_bool).unwrap_or(false),
            mode: value.get("defaultMode").and_then(Value::as_i64).or(mode),
        };
        if let Some(secret) = value.get("secret") {
            keys(RefKind::Secret, secret, secret_name)
        } else if let Some(map) = value.get("configMap") {
            keys(RefKind::ConfigMap, map, "name")
        } else if value.get("emptyDir").is_some() {
            Self::Empty
        } else if let Some(claim) = value.get("persistentVolumeClaim") {
            Self::Claim(text(claim, "claimName"))
        } else if let Some(csi) = value.get("csi") {
            Self::Csi(text(csi, "driver"))
        } else {
            let field = value.as_object().and_then(|map| map.keys().find(|key| *key != "name"));
            // A volume that says nothing is an empty folder.
            field.map_or(Self::Empty, |field| Self::Other(field.clone()))
        }
    }

    /// The key that becomes a file, and whether it is known to; `None`: no key does, or the source has no keys.
    fn key_of(&self, file: &str) -> Option<(KeyRef, bool)> {
        let Self::Keys { kind, name, items, held, .. } = self else { return None };
        let of = |key: &str| KeyRef { kind: *kind, name: name.clone(), key: key.to_owned() };
        if !items.is_empty() {
            return items.iter().find(|item| item.path == file).map(|item| (of(&item.key), true));
        }
        let has_it = !file.contains('/') && held.as_ref().is_none_or(|held| held.iter().any(|key| key == file));
        has_it.then(|| (of(file), held.is_some()))
    }
}

fn items(value: &Value) -> Vec<Item> {
    let items = value.get("items").and_then(Value::as_array).into_iter().flatten();
    let items = items.filter_map(|item| {
        Some(Item {
            key: item.get("key")?.as_str()?.to_owned(),
            path: item.get("path")?.as_str()?.to_owned(),
            mode: item.get("mode").and_then(Value::as_i64),
        })
    });
    items.collect()
}

impl Mount {
    pub(super) fn read(value: &Value, volumes: &[Volume], place: Place) -> Option<Self> {
        let name = value.get("name")?.as_str()?;
        let text = |field: &str| value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Self {
            volume: volumes.iter().find(|volume| volume.name == name)?.clone(),
            path: text("mountPath")?.to_owned(),
            sub_path: text("subPath").or_else(|| text("subPathExpr")).map(str::to_owned),
            read_only: value.get("readOnly").and_then(Value::as_bool).unwrap_or(false),
            place,
        })
    }

    /// The path relative to the mount, if the mount covers it.
    fn covers<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.path.trim_end_matches('/'))?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
    }
}

impl Locate for Mount {
    fn place(&self) -> Place {
        self.place.clone()
    }
}

/// What stands at a path; the longest mount path wins, as in the kernel.
pub(super) fn file_at<'a>(mounts: &'a [Mount], path: &str) -> Option<MountedFile<'a>> {
    let covering = mounts.iter().filter_map(|mount| Some((mount, mount.covers(path)?)));
    let (mount, below) = covering.max_by_key(|(mount, _)| mount.path.trim_end_matches('/').len())?;
    let inner = match (&mount.sub_path, below) {
        (None, below) => below.to_owned(),
        (Some(sub_path), "") => sub_path.clone(),
        (Some(sub_path), below) => format!("{sub_path}/{below}"),
    };
    let content = content_of(&mount.volume.sources, &inner);
    Some(MountedFile { mount, inner, content })
}

/// What provides a file of a volume.
fn content_of<'a>(sources: &'a [VolumeSource], file: &str) -> FileContent<'a> {
    let candidates = sources.iter().filter_map(|source| Some((source.key_of(file)?, source)));
    let mut candidates: Vec<_> = candidates.map(|((key, is_known), source)| (key, is_known, source)).collect();
    // Of two sources with the same file, the kubelet takes the later one's.
    let known = candidates.iter().rposition(|(_, is_known, _)| *is_known);
    match (known.or_else(|| (candidates.len() == 1).then_some(0)), candidates.is_empty()) {
        (Some(at), _) => {
            let (key, _, source) = candidates.swap_remove(at);
            FileContent::Key { key, source }
        }
        (None, true) => {
            let other = sources.iter().find(|source| !matches!(source, VolumeSource::Keys { .. }));
            other.map_or(FileContent::Absent, FileContent::Other)
        }
        (None, false) => {
            let names: Vec<String> = candidates.iter().map(|(key, ..)| format!("{} {}", key.kind, key.name)).collect();
            FileContent::Unknown(format!(
                "which of {} has the key {file}, no manifest tells; name the key under `items` of the one that has it",
                names.join(" and ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::tests::graph_in;
    use crate::graph::{CaProvider, Surroundings};

    #[test]
    fn a_stateful_set_mounts_the_claims_of_its_templates() {
        let text = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {volumeClaimTemplates: [{metadata: {name: data}}], template: {spec: {containers: [{name: a, env: [{name: PGHOST, value: db}, {name: PGSSLROOTCERT, value: /data/ca.crt}], volumeMounts: [{name: data, mountPath: /data}]}]}}}}";
        let graph = graph_in(text, &Surroundings::default());
        let client = &graph.database_clients()[0];
        assert_eq!(client.ca().map(|ca| &ca.provider), Some(&CaProvider::Copy));
        assert!(client.container().mounts()[0].volume.is_writable_copy());
        // The controller makes the claims itself, so nobody else has to.
        assert!(graph.references().is_empty());
    }
}
