//! The search for live passwords where everybody can read them: in what Helm keeps of the releases, in ConfigMaps, in
//! logs and in events.

use camino::Utf8Path;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use kube::ResourceExt;
use kube::api::ListParams;

use super::Followed;
use super::pod_log::{lives, read};
use super::stamped::unstamped;
use crate::bench::{Bench, BenchError};
use crate::finding::{Locate, Place};
use crate::manifests::Manifests;
use crate::plaintext::is_password_name;
use crate::record::Exposed;
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

    /// What every container wrote that was started in the namespace, in each of its lives, the database's too; what the
    /// operator wrote meanwhile; and the events of the namespace.
    async fn search_logs(&self, passwords: &Redactor, exposed: &mut Exposed) -> Result<(), BenchError> {
        self.search_pods(passwords, exposed).await?;
        for (file, followed) in self.logs.followed() {
            let told = self.keep.room.raw(&file).map_err(|source| BenchError::Confidence { source })?;
            exposed.remember(&followed, told.as_deref(), passwords);
        }
        exposed.settle();
        self.search_operator(passwords, exposed).await?;
        let events = self.api::<Event>().list(&ListParams::default()).await;
        let events = events.map_err(|source| self.objects("read the events", source))?;
        for event in &events.items {
            let about = event.involved_object.name.clone().unwrap_or_default();
            let text = event.message.clone().unwrap_or_default();
            exposed.hear(Place::object(format!("event about {about}")), text.as_bytes(), passwords);
        }
        Ok(())
    }

    /// The logs that the kubelet has.
    async fn search_pods(&self, passwords: &Redactor, exposed: &mut Exposed) -> Result<(), BenchError> {
        let pods = self.pods().list(&ListParams::default()).await;
        let pods = pods.map_err(|source| self.objects("list the pods", source))?;
        for pod in &pods.items {
            let name = pod.name_any();
            for life in lives(pod) {
                // A pod that a Job left may be gone by now; then there is what it wrote until then.
                if let Some(log) = self.log(&name, &life, None).await? {
                    exposed.hear(life.place(&name), log.as_bytes(), passwords);
                }
            }
        }
        Ok(())
    }

    /// What the operator of the databases wrote since the bench stands, where it may be read.
    async fn search_operator(&self, passwords: &Redactor, exposed: &mut Exposed) -> Result<(), BenchError> {
        let Some((api, labels)) = self.cluster.pods_of_operator() else { return Ok(()) };
        let pods = api.list(&ListParams::default().labels(labels)).await;
        let pods = pods.map_err(|source| self.objects("list the pods of the operator, beside those", source))?;
        for pod in &pods.items {
            let name = pod.name_any();
            for life in lives(pod) {
                let log = read(&api, &name, &life, Some(self.raised)).await.map_err(|error| self.waited(error))?;
                if let Some(log) = log {
                    let place = life.place(&name).namespace(pod.namespace().unwrap_or_default());
                    exposed.hear(place, unstamped(&log).as_bytes(), passwords);
                }
            }
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

fn is_declared(declared: &crate::bench::CredentialSecret, secret: &Secret, key: &str) -> bool {
    secret.name_any() == declared.secret && key == declared.password_key
}

impl Exposed {
    fn hear(&mut self, place: Place, content: &[u8], passwords: &Redactor) {
        if passwords.finds(content) && !self.found.contains(&place) {
            self.found.push(place.clone());
        }
        if !self.logs.contains(&place) {
            self.logs.push(place);
        }
    }

    /// Searches what was told of a log while it was followed. Only if that is all of it, nothing in it is an answer.
    fn remember(&mut self, followed: &Followed, told: Option<&[u8]>, passwords: &Redactor) {
        let place = followed.life.place(&followed.pod);
        match told {
            Some(told) if followed.is_whole || passwords.finds(told) => self.hear(place, told, passwords),
            // What Holdfast's own pods write is no matter of the subject.
            _ if followed.is_tool || self.unread.contains(&place) => {}
            _ => self.unread.push(place),
        }
    }

    /// What was searched after all is not unread.
    fn settle(&mut self) {
        let Self { logs, unread, .. } = self;
        unread.retain(|place| !logs.contains(place));
    }

    fn note(&mut self, place: Place, content: &[u8], passwords: &Redactor) {
        if passwords.finds(content) {
            self.found.push(place.clone());
        }
        self.places.push(place);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Exposed;
    use crate::bench::logs::Followed;
    use crate::bench::logs::Life;
    use crate::redact::Redactor;

    const CLEAN: Option<&[u8]> = Some(b"cannot reach db\n");
    const PRINTS: Option<&[u8]> = Some(b"cannot reach postgresql://app:hunter2hunter2@db\n");

    fn passwords() -> Redactor {
        let passwords = Redactor::in_memory();
        passwords.register("secret/db, password", "hunter2hunter2").unwrap();
        passwords
    }

    fn followed(is_whole: bool) -> Followed {
        Followed {
            pod: "migrate-x".into(),
            which: 1,
            is_tool: false,
            pooler: None,
            life: Life::current("migrate"),
            is_whole,
        }
    }

    /// How many logs were searched, found to hold a password, and not read.
    fn counts(exposed: &Exposed) -> [usize; 3] {
        [&exposed.logs, &exposed.found, &exposed.unread].map(Vec::len)
    }

    #[rstest]
    #[case::to_its_end(true, CLEAN, [1, 0, 0])]
    #[case::to_its_end_with_a_password(true, PRINTS, [1, 1, 0])]
    #[case::in_part(false, CLEAN, [0, 0, 1])]
    #[case::in_part_with_a_password(false, PRINTS, [1, 1, 0])]
    #[case::not_at_all(false, None, [0, 0, 1])]
    #[case::and_lost(true, None, [0, 0, 1])]
    fn the_log_of_a_pod_that_is_gone_was_followed(
        #[case] is_whole: bool,
        #[case] told: Option<&[u8]>,
        #[case] expected: [usize; 3],
    ) {
        let mut exposed = Exposed::default();
        exposed.remember(&followed(is_whole), told, &passwords());
        exposed.settle();
        assert_eq!(counts(&exposed), expected);
    }

    #[test]
    fn what_the_kubelet_still_has_is_not_unread() {
        let (mut exposed, open) = (Exposed::default(), followed(false));
        exposed.hear(open.life.place(&open.pod), b"cannot reach db", &passwords());
        exposed.remember(&open, CLEAN, &passwords());
        exposed.settle();
        assert_eq!(counts(&exposed), [1, 0, 0]);
    }

    #[test]
    fn a_password_that_was_told_twice_is_found_once() {
        let mut exposed = Exposed::default();
        for _ in 0..2 {
            exposed.remember(&followed(true), PRINTS, &passwords());
        }
        assert_eq!(counts(&exposed), [1, 1, 0]);
    }

    #[test]
    fn a_lost_log_of_a_tool_is_no_matter_of_the_subject() {
        let mut exposed = Exposed::default();
        exposed.remember(&Followed { is_tool: true, ..followed(false) }, None, &passwords());
        assert_eq!(counts(&exposed), [0, 0, 0]);
    }
}
