//! The search for live passwords where everybody can read them: in what Helm keeps of the releases, in ConfigMaps, in
//! logs and in events.

use camino::Utf8Path;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use kube::ResourceExt;
use kube::api::ListParams;

use super::pod_log::lives;
use super::{Bench, BenchError};
use crate::experiment::Exposed;
use crate::finding::{Locate, Place};
use crate::manifests::Manifests;
use crate::plaintext::is_password_name;
use crate::redact::Redactor;

/// Kubernetes puts its own CA into every namespace under this name.
const OF_THE_CLUSTER: &str = "kube-root-ca.crt";

impl Bench {
    /// Searches what people without access to Secrets can read for every live password, in any spelling.
    ///
    /// # Errors
    /// When anything cannot be read: what was not read was not found to be clean.
    pub(crate) async fn exposed(&self, helm: &Utf8Path) -> Result<Exposed, BenchError> {
        let passwords = Redactor::in_memory();
        let searched = self.note_passwords(&passwords).await?;
        let mut exposed = Exposed { searched, ..Exposed::default() };
        for release in &self.installation.releases {
            for what in ["manifest", "hooks"] {
                let text = self.kept(helm, release, what).await?;
                let manifests = Manifests::parse(&text, what);
                let manifests = manifests.map_err(|source| BenchError::Answer {
                    command: "get",
                    release: release.name.clone(),
                    source,
                })?;
                for object in manifests.objects().filter(|object| object.kind() != "Secret") {
                    exposed.note(object.place(), object.value().to_string().as_bytes(), &passwords);
                }
            }
            let notes = self.kept(helm, release, "notes").await?;
            exposed.note(Place::object(format!("notes of release {}", release.name)), notes.as_bytes(), &passwords);
        }
        let listed = self.api::<ConfigMap>().list(&ListParams::default()).await;
        let listed = listed.map_err(|source| self.objects("read the ConfigMaps", source))?;
        for map in listed.items.iter().filter(|map| map.name_any() != OF_THE_CLUSTER) {
            let place = Place::object(format!("configmap/{}", map.name_any()));
            for (key, text) in map.data.iter().flatten() {
                exposed.note(place.clone().field(format!("data.{key}")), text.as_bytes(), &passwords);
            }
            for (key, bytes) in map.binary_data.iter().flatten() {
                exposed.note(place.clone().field(format!("binaryData.{key}")), &bytes.0, &passwords);
            }
        }
        self.search_logs(&passwords, &mut exposed).await?;
        Ok(exposed)
    }

    /// The logs of every container that was started in the namespace, the database's too, and its events.
    async fn search_logs(&self, passwords: &Redactor, exposed: &mut Exposed) -> Result<(), BenchError> {
        let pods = self.pods().list(&ListParams::default()).await;
        let pods = pods.map_err(|source| self.objects("list the pods", source))?;
        for pod in &pods.items {
            let name = pod.name_any();
            for life in lives(pod) {
                // A pod that a Job left may be gone by now.
                if let Some(log) = self.log(&name, &life, None).await? {
                    exposed.hear(life.place(&name), log.as_bytes(), passwords);
                }
            }
        }
        let events = self.api::<Event>().list(&ListParams::default()).await;
        let events = events.map_err(|source| self.objects("read the events", source))?;
        for event in &events.items {
            let about = event.involved_object.name.clone().unwrap_or_default();
            let text = event.message.clone().unwrap_or_default();
            exposed.hear(Place::object(format!("event about {about}")), text.as_bytes(), passwords);
        }
        Ok(())
    }

    /// Only what is a password by its key: a host name that stands in a Secret too is none.
    async fn note_passwords(&self, passwords: &Redactor) -> Result<Vec<String>, BenchError> {
        let listed = self.secrets().list(&ListParams::default()).await;
        let listed = listed.map_err(|source| self.objects("read the Secrets", source))?;
        let declared = &self.installation.credentials;
        let mut named = Vec::new();
        for secret in &listed.items {
            let is_password =
                |key: &str| is_password_name(key) || declared.iter().any(|declared| is_declared(declared, secret, key));
            for (key, value) in secret.data.iter().flatten().filter(|(key, _)| is_password(key)) {
                let Ok(value) = std::str::from_utf8(&value.0) else { continue };
                let name = format!("secret/{}, {key}", secret.name_any());
                passwords.register(&name, value).map_err(|source| BenchError::Confidence { source })?;
                named.push(name);
            }
        }
        Ok(named)
    }
}

fn is_declared(declared: &super::CredentialSecret, secret: &Secret, key: &str) -> bool {
    secret.name_any() == declared.secret && key == declared.password_key
}

impl Exposed {
    fn hear(&mut self, place: Place, content: &[u8], passwords: &Redactor) {
        if passwords.finds(content) {
            self.found.push(place.clone());
        }
        if !self.logs.contains(&place) {
            self.logs.push(place);
        }
    }

    fn note(&mut self, place: Place, content: &[u8], passwords: &Redactor) {
        if passwords.finds(content) {
            self.found.push(place.clone());
        }
        self.places.push(place);
    }
}
