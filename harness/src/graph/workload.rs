//! Everything that makes pods, and the containers in them.

use std::sync::Arc;

use serde_json::Value;

use super::env::{self, EnvVar};
use super::fact::Text;
use super::reference::{RefKind, Reference, Use};
use super::store::{Store, Surroundings};
use super::volume::{self, Mount, MountedFile, Volume, VolumeSource};
use crate::finding::{Locate, Place};
use crate::manifests::Object;

/// An object that makes pods.
#[derive(Debug, Clone)]
pub struct Workload {
    object: Arc<Object>,
    /// The dotted path of the pod template; empty for a Pod itself.
    template: String,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
    /// Whether the subject says that it brings a schema up to date.
    pub(super) said_to_migrate: bool,
}

/// What a container is in its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It runs as long as the pod.
    Main,
    /// It runs before the others.
    Init,
    /// It starts before the others and runs beside them: an init container that always restarts.
    Sidecar,
}

/// A container of a pod template.
#[derive(Debug, Clone)]
pub struct Container {
    workload: String,
    value: Value,
    role: Role,
    env: Vec<EnvVar>,
    unread: Vec<(RefKind, String)>,
    mounts: Vec<Mount>,
    place: Place,
    path: String,
}

/// Where the pod template is, by kind.
fn template_path(kind: &str, group: &str, declared: &[(String, String)]) -> Option<String> {
    let path = match (kind, group) {
        ("Pod", "") => "",
        ("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet", "apps" | "extensions") | ("Job", "batch") => {
            "spec.template"
        }
        ("ReplicationController", "") => "spec.template",
        ("CronJob", "batch") => "spec.jobTemplate.spec.template",
        _ => return declared.iter().find(|(declared, _)| declared == kind).map(|(_, path)| path.clone()),
    };
    Some(path.to_owned())
}

impl Workload {
    pub(super) fn read(object: &Arc<Object>, store: &Store, surroundings: &Surroundings) -> Option<Self> {
        let template = template_path(object.kind(), object.group(), &surroundings.pod_templates)?;
        let below = |path: &str| if template.is_empty() { path.to_owned() } else { format!("{template}.{path}") };
        let spec = object.get(&below("spec"))?;
        let listed = |field: &str| spec.get(field).and_then(Value::as_array).into_iter().flatten().enumerate();
        let volumes: Vec<Volume> = listed("volumes")
            .filter_map(|(index, volume)| {
                Volume::read(volume, object.at(&below(&format!("spec.volumes[{index}]"))), store)
            })
            .collect();
        // Its controller makes these claims, so nobody else has to: they are mounted, and referred to by nobody.
        let claims = object.get("spec.volumeClaimTemplates").and_then(Value::as_array).into_iter().flatten();
        let claims = claims.enumerate().filter_map(|(index, claim)| {
            Volume::of_template(claim, object.at(&format!("spec.volumeClaimTemplates[{index}]")))
        });
        // A claim takes the place of a volume of the same name.
        let mountable: Vec<Volume> = claims.chain(volumes.iter().cloned()).collect();
        let mut containers = Vec::new();
        for field in ["initContainers", "containers"] {
            for (index, value) in listed(field) {
                let path = below(&format!("spec.{field}[{index}]"));
                let role = match (field, value.get("restartPolicy").and_then(Value::as_str)) {
                    ("containers", _) => Role::Main,
                    (_, Some("Always")) => Role::Sidecar,
                    _ => Role::Init,
                };
                containers.push(Container::read(object, path, value.clone(), role, &mountable, store));
            }
        }
        let said_to_migrate = surroundings.migrations.contains(&object.reference());
        Some(Self { object: Arc::clone(object), template, containers, volumes, said_to_migrate })
    }

    /// The object itself.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Kind and name as kubectl writes them, `deployment/agents`.
    pub fn reference(&self) -> String {
        self.object.reference()
    }

    /// The containers, init containers first, in the order of the manifest.
    pub fn containers(&self) -> &[Container] {
        &self.containers
    }

    /// The volumes of its pods.
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// A value of the pod template by dotted path, `metadata.annotations`.
    pub fn template(&self, path: &str) -> Option<&Value> {
        self.object.get(&self.below(path))
    }

    /// The place of a field of the pod template.
    pub fn template_at(&self, path: &str) -> Place {
        self.object.at(&self.below(path))
    }

    /// The annotations of its pods.
    pub fn pod_annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        let map = self.template("metadata.annotations").and_then(Value::as_object).into_iter().flatten();
        map.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// The labels of its pods.
    pub fn pod_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let map = self.template("metadata.labels").and_then(Value::as_object).into_iter().flatten();
        map.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Whether a Service leads to its pods. One without a selector leads to nobody's.
    pub fn is_behind(&self, service: &Object) -> bool {
        let selector = service.get("spec.selector").and_then(Value::as_object);
        selector.is_some_and(|selector| {
            let held = |(name, value): (&String, &Value)| {
                self.pod_labels().any(|(label, held)| label == name && Some(held) == value.as_str())
            };
            !selector.is_empty() && selector.iter().all(held)
        })
    }

    /// The Helm hooks that it runs at. Empty: it is an ordinary object of the release.
    pub fn hooks(&self) -> Vec<&str> {
        self.object.hooks()
    }

    /// Whether its pods end by themselves: a Job, a CronJob or a Pod.
    pub fn runs_to_an_end(&self) -> bool {
        matches!(self.object.kind(), "Job" | "CronJob" | "Pod")
    }

    /// The number of replicas; 1 where nothing is said.
    pub fn replicas(&self) -> u64 {
        self.object.get("spec.replicas").and_then(Value::as_u64).unwrap_or(1)
    }

    /// Everything that its pods refer to by name.
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        for (index, volume) in self.volumes.iter().enumerate() {
            volume_references(volume, self.object(), &self.template_at(&format!("spec.volumes[{index}]")), &mut found);
        }
        for container in &self.containers {
            container.add_references(&self.object, &mut found);
        }
        let mut add = |kind, name: Option<&Value>, usage, path: &str| {
            if let Some(name) = name.and_then(Value::as_str) {
                let place = self.template_at(path);
                let (name, namespace) = (name.to_owned(), namespace_of(self.object()));
                found.push(Reference { kind, name, namespace, key: None, optional: false, usage, place });
            }
        };
        let account = self.template("spec.serviceAccountName");
        add(RefKind::ServiceAccount, account, Use::Identity, "spec.serviceAccountName");
        let pulls = self.template("spec.imagePullSecrets").and_then(Value::as_array).into_iter().flatten();
        for (index, pull) in pulls.enumerate() {
            add(RefKind::Secret, pull.get("name"), Use::ImagePull, &format!("spec.imagePullSecrets[{index}]"));
        }
        found
    }

    fn below(&self, path: &str) -> String {
        if self.template.is_empty() { path.to_owned() } else { format!("{}.{path}", self.template) }
    }
}

impl Locate for Workload {
    fn place(&self) -> Place {
        self.object.place()
    }
}

fn namespace_of(object: &Object) -> Option<String> {
    object.namespace().map(str::to_owned)
}

fn volume_references(volume: &Volume, object: &Object, place: &Place, found: &mut Vec<Reference>) {
    for source in &volume.sources {
        let mut add = |kind, name: &str, key: Option<&str>, optional| {
            let (name, key) = (name.to_owned(), key.map(str::to_owned));
            let (namespace, place) = (namespace_of(object), place.clone());
            found.push(Reference { kind, name, namespace, key, optional, usage: Use::Volume, place });
        };
        match source {
            VolumeSource::Keys { kind, name, items, optional, .. } if items.is_empty() => {
                add(*kind, name, None, *optional);
            }
            VolumeSource::Keys { kind, name, items, optional, .. } => {
                items.iter().for_each(|item| add(*kind, name, Some(&item.key), *optional));
            }
            VolumeSource::Claim(name) => add(RefKind::Claim, name, None, false),
            _ => {}
        }
    }
}

impl Container {
    fn read(object: &Arc<Object>, path: String, value: Value, role: Role, volumes: &[Volume], store: &Store) -> Self {
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = |below: &str| object.at(&format!("{path}.{below}")).container(&name);
        let (env, unread) = (env::read(&value, store, &at), env::unread(&value, store));
        let listed = value.get("volumeMounts").and_then(Value::as_array).into_iter().flatten().enumerate();
        let mounts = listed
            .filter_map(|(index, mount)| Mount::read(mount, volumes, at(&format!("volumeMounts[{index}]"))))
            .collect();
        let place = object.place().container(&name);
        Self { workload: object.reference(), value, role, env, unread, mounts, place, path }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.value.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The workload that it belongs to, `deployment/agents`.
    pub fn workload(&self) -> &str {
        &self.workload
    }

    /// What it is in its pod.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The reference of its image.
    pub fn image(&self) -> &str {
        self.value.get("image").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its environment, with everything expanded that is known.
    pub fn env(&self) -> &[EnvVar] {
        &self.env
    }

    /// The Secrets and ConfigMaps that it takes whole, and that may hold variables that nobody knows.
    pub(super) fn unread(&self) -> &[(RefKind, String)] {
        &self.unread
    }

    /// One variable.
    pub fn variable(&self, name: &str) -> Option<&EnvVar> {
        self.env.iter().find(|variable| variable.name == name)
    }

    /// Its mounts.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// What stands at a path of its file system. `None`: the image's own files.
    pub fn file(&self, path: &str) -> Option<MountedFile<'_>> {
        volume::file_at(&self.mounts, path)
    }

    /// Its command and arguments, expanded, each with its field.
    pub fn words(&self) -> Vec<(String, Text)> {
        let mut words = Vec::new();
        for field in ["command", "args"] {
            let listed = self.value.get(field).and_then(Value::as_array).into_iter().flatten().enumerate();
            for (index, word) in listed {
                let word = word.as_str().unwrap_or_default();
                words.push((format!("{field}[{index}]"), env::expand(word, &self.env)));
            }
        }
        words
    }

    /// A value of the container by dotted path, `resources.requests`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        crate::helm::ValuePath::parse(path).get(&self.value)
    }

    /// The place of a field of the container.
    pub fn at(&self, path: &str) -> Place {
        self.place.clone().field(format!("{}.{path}", self.path))
    }

    fn add_references(&self, object: &Object, found: &mut Vec<Reference>) {
        let sources = self.value.get("envFrom").and_then(Value::as_array).into_iter().flatten().enumerate();
        for (index, source) in sources {
            for (field, kind) in [("secretRef", RefKind::Secret), ("configMapRef", RefKind::ConfigMap)] {
                let Some(name) = source.pointer(&format!("/{field}/name")).and_then(Value::as_str) else { continue };
                let optional = source.pointer(&format!("/{field}/optional")).and_then(Value::as_bool).unwrap_or(false);
                let place = object.at(&format!("{}.envFrom[{index}]", self.path)).container(self.name());
                let (name, namespace) = (name.to_owned(), namespace_of(object));
                found.push(Reference { kind, name, namespace, key: None, optional, usage: Use::EnvFrom, place });
            }
        }
        for variable in &self.env {
            if let env::EnvSource::Key(key) = &variable.source {
                found.push(Reference {
                    kind: key.kind,
                    name: key.name.clone(),
                    namespace: namespace_of(object),
                    key: Some(key.key.clone()),
                    optional: variable.optional,
                    usage: Use::Env,
                    place: variable.place.clone(),
                });
            }
        }
    }
}

impl Locate for Container {
    fn place(&self) -> Place {
        self.place.clone()
    }
}
