//! A bench that stays between runs: installed once by `holdfast up --subject`, looked at by whoever only looks.
//!
//! It speaks for what it was installed from and for nothing else: its namespace carries a fingerprint of charts, values
//! and companions, and whoever comes with another one does not find it.

use std::io;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::bench::logs::LogStreams;
use crate::bench::{Bench, BenchError, Installation, Keep};
use crate::cluster::{Cluster, EXPIRES_ANNOTATION, RUN_LABEL, STANDING_LABEL, SUBJECT_LABEL};
use crate::digest::sha256_of_parts;

const FINGERPRINT: &str = "holdfast.dev/installed-from";

/// A working day, and somewhat more.
const STANDS: SignedDuration = SignedDuration::from_hours(12);

impl Installation {
    /// What it is made of, in short: charts by their digests, values and companions by their content, and the image of
    /// the stand-in application.
    ///
    /// # Errors
    /// When a file of values cannot be read.
    pub fn fingerprint<'a>(
        &'a self,
        charts: impl IntoIterator<Item = &'a str>,
        stand_in: Option<&str>,
    ) -> io::Result<String> {
        let mut parts: Vec<Vec<u8>> = charts.into_iter().map(Vec::from).collect();
        for release in &self.releases {
            parts.push(release.name.clone().into());
            for values in &release.values {
                parts.push(std::fs::read(values)?);
            }
        }
        for companion in &self.companions {
            parts.push(serde_json::to_vec(companion)?);
        }
        parts.push(stand_in.unwrap_or_default().into());
        // A label's worth of it is enough to tell versions apart.
        let mut digest = sha256_of_parts(parts.iter().map(Vec::as_slice));
        digest.truncate(32);
        Ok(digest)
    }
}

impl Bench {
    /// Lets the bench stay: others find it, and a sweep leaves it alone until it expires.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn stay(&self, fingerprint: &str) -> Result<(), BenchError> {
        let expires = Timestamp::now().saturating_add(STANDS).unwrap_or(Timestamp::MAX);
        let patch = json!({"metadata": {
            "labels": {STANDING_LABEL: self.installation.overlay},
            "annotations": {FINGERPRINT: fingerprint, EXPIRES_ANNOTATION: expires.to_string()},
        }});
        let namespaces: Api<Namespace> = Api::all(self.cluster.client().clone());
        let patched = namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(&patch)).await;
        patched.map_err(|source| self.objects("let the namespace stay", source))?;
        self.release_logs();
        Ok(())
    }

    /// The bench that stands and has this fingerprint, with the time since when; nothing if there is none.
    ///
    /// # Errors
    /// When the API server refuses, or a credential of the bench cannot be registered.
    pub async fn standing(
        cluster: &Cluster,
        installation: &Installation,
        fingerprint: &str,
        keep: &Keep,
    ) -> Result<Option<(Self, Timestamp)>, BenchError> {
        let found = standing(cluster, installation).await?;
        let Some(Stands { run, namespace, since, .. }) = found.into_iter().find(|one| one.fingerprint == fingerprint)
        else {
            return Ok(None);
        };
        let logs = LogStreams::follow(Api::namespaced(cluster.client().clone(), &namespace), &namespace, keep);
        let (cluster, installation, keep) = (cluster.clone(), installation.clone(), keep.clone());
        let pace = cluster.pace(&namespace).await;
        let workshop = OnceCell::new();
        let bench = Self { cluster, run, namespace, installation, keep, logs, pace, raised: since, workshop };
        bench.register_credentials().await?;
        Ok(Some((bench, since)))
    }

    /// The namespaces of this subject and overlay that stand, whatever they were installed from.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn all_standing(cluster: &Cluster, installation: &Installation) -> Result<Vec<String>, BenchError> {
        let found = standing(cluster, installation).await?;
        Ok(found.into_iter().map(|one| one.namespace).collect())
    }
}

/// A namespace that stands.
struct Stands {
    /// The run that made it.
    run: String,
    namespace: String,
    since: Timestamp,
    fingerprint: String,
}

/// The namespaces of a subject and overlay that stand.
async fn standing(cluster: &Cluster, installation: &Installation) -> Result<Vec<Stands>, BenchError> {
    let Installation { subject, overlay, .. } = installation;
    let selector = format!("{STANDING_LABEL}={overlay},{SUBJECT_LABEL}={subject}");
    let namespaces: Api<Namespace> = Api::all(cluster.client().clone());
    let listed = namespaces.list_metadata(&ListParams::default().labels(&selector)).await;
    let listed = listed.map_err(|source| BenchError::Objects {
        action: "find a bench that stands".into(),
        namespace: selector,
        source,
    })?;
    let alive = listed.items.iter().filter(|one| one.metadata.deletion_timestamp.is_none());
    let described = alive.map(|one| Stands {
        run: one.labels().get(RUN_LABEL).cloned().unwrap_or_default(),
        namespace: one.name_any(),
        since: one.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        fingerprint: one.annotations().get(FINGERPRINT).cloned().unwrap_or_default(),
    });
    Ok(described.collect())
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use rstest::rstest;
    use serde_json::json;

    use crate::bench::{Installation, Release};

    fn installation(folder: &Utf8Path) -> Installation {
        let values = folder.join("values.yaml");
        std::fs::write(&values, "replicas: 1").unwrap();
        let companion = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}});
        Installation {
            subject: "agents".into(),
            overlay: "production".into(),
            companions: vec![serde_json::from_value(companion).unwrap()],
            releases: vec![Release { name: "agents".into(), chart: folder.join("chart"), values: vec![values] }],
            ..Installation::default()
        }
    }

    type Edit = fn(&mut Installation);

    #[rstest]
    #[case::nothing(|_: &mut Installation| {}, "chart", "image", true)]
    #[case::the_content_of_values(|one: &mut Installation| {
        std::fs::write(&one.releases[0].values[0], "replicas: 2").unwrap();
    }, "chart", "image", false)]
    #[case::the_name_of_a_release(|one: &mut Installation| one.releases[0].name = "other".into(), "chart", "image", false)]
    #[case::a_companion(|one: &mut Installation| one.companions[0].data["data"]["a"] = json!("c"), "chart", "image", false)]
    #[case::the_chart(|_: &mut Installation| {}, "other", "image", false)]
    #[case::the_image(|_: &mut Installation| {}, "chart", "other", false)]
    fn the_fingerprint_tells_a_change_of(
        #[case] edit: Edit,
        #[case] chart: &str,
        #[case] image: &str,
        #[case] same: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut installation = installation(Utf8Path::from_path(folder.path()).unwrap());
        let before = installation.fingerprint(["chart"], Some("image")).unwrap();
        edit(&mut installation);
        assert_eq!(installation.fingerprint([chart], Some(image)).unwrap() == before, same);
    }
}
