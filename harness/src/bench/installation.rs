//! What is installed on a bench: a subject under one overlay, resolved to files.

use camino::Utf8PathBuf;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::finding::Locate;
use crate::manifests::Object;
use crate::rendered::Rendered;
use crate::subject::ResolvedRelease;

/// A subject under one overlay, ready to be installed.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The subject's name.
    pub subject: String,
    /// The overlay's name.
    pub overlay: String,
    /// What is applied before the releases: the database and declared prerequisites.
    pub companions: Vec<DynamicObject>,
    /// The releases, in order.
    pub releases: Vec<Release>,
    /// The CloudNativePG cluster that the releases use.
    pub database: Option<String>,
    /// The values through which the chart is told its CA.
    pub ca: Option<CaInputs>,
    /// Where the credential of the application is.
    pub credential: Option<CredentialSecret>,
}

/// Why a subject cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// A companion's manifest holds something that is no Kubernetes object.
    #[error("read companion {place} as a Kubernetes object")]
    Companion {
        /// The object.
        place: String,
        /// Why it is none.
        #[source]
        source: serde_json::Error,
    },
}

impl Installation {
    /// What a subject installs under the overlay that it was rendered with.
    ///
    /// # Errors
    /// When a companion is no Kubernetes object.
    pub fn of(rendered: &Rendered) -> Result<Self, InstallationError> {
        let (subject, overlay) = (rendered.subject(), rendered.overlay());
        let companion = |object: &Object| {
            serde_json::from_value(object.value().clone())
                .map_err(|source| InstallationError::Companion { place: object.place().to_string(), source })
        };
        let release = |release: &ResolvedRelease| Release {
            name: release.name.clone(),
            chart: release.chart.clone(),
            values: release.values.iter().chain(&overlay.values).cloned().collect(),
        };
        let ca = subject
            .ca()
            .and_then(|plan| Some(CaInputs { name: plan.name_value.clone()?, key: plan.key_value.clone()? }));
        let credential = subject.database().credentials.first().map(|credential| CredentialSecret {
            secret: credential.secret.clone(),
            role: credential.role.clone(),
            password_key: credential.keys.password.clone().unwrap_or_else(|| "password".into()),
        });
        Ok(Self {
            subject: subject.name().into(),
            overlay: overlay.name.clone(),
            companions: rendered.companions().objects().map(companion).collect::<Result<_, _>>()?,
            releases: subject.releases().iter().map(release).collect(),
            database: subject.database().cluster.clone(),
            ca,
            credential,
        })
    }

    /// The same installation with a server that would also accept plaintext, so that a client that falls back to it
    /// is seen and not saved by the server.
    #[must_use]
    pub fn accepting_plaintext(mut self) -> Self {
        for companion in &mut self.companions {
            if let Some(Value::Array(rules)) = companion.data.pointer_mut("/spec/postgresql/pg_hba") {
                rules.retain(|rule| !rule.as_str().is_some_and(|rule| rule.trim_start().starts_with("hostnossl")));
            }
        }
        self
    }
}

/// One Helm release.
#[derive(Debug, Clone)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// The chart, a folder or an archive.
    pub chart: Utf8PathBuf,
    /// Values files, later ones win.
    pub values: Vec<Utf8PathBuf>,
}

/// The values through which a chart is told its CA, as dotted paths.
#[derive(Debug, Clone)]
pub struct CaInputs {
    /// Names the Secret.
    pub name: String,
    /// Names the key within the Secret.
    pub key: String,
}

/// A Secret with a credential of the application.
#[derive(Debug, Clone)]
pub struct CredentialSecret {
    /// The Secret.
    pub secret: String,
    /// The role that it belongs to.
    pub role: String,
    /// The key of the password.
    pub password_key: String,
}

/// A change of values: a dotted path and what it becomes.
pub type Change = (String, Value);

/// The nested object that dotted paths describe, as a values file has it.
pub(super) fn nested(changes: &[Change]) -> Value {
    let mut root = Value::Object(serde_json::Map::new());
    for (path, value) in changes {
        let mut place = &mut root;
        for part in path.split('.') {
            if !place.is_object() {
                *place = Value::Object(serde_json::Map::new());
            }
            place = &mut place[part];
        }
        *place = value.clone();
    }
    root
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Installation, nested};

    #[test]
    fn accepting_plaintext_takes_away_only_the_rules_that_refuse_it() {
        let cluster = serde_json::from_value(json!({
            "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "db"},
            "spec": {"postgresql": {"pg_hba": ["hostnossl all all all reject", "hostssl all all all scram-sha-256"]}}
        }));
        let installation = Installation {
            subject: "agents".into(),
            overlay: "production".into(),
            companions: vec![cluster.unwrap()],
            releases: Vec::new(),
            database: Some("db".into()),
            ca: None,
            credential: None,
        };
        let changed = installation.accepting_plaintext();
        let rules = changed.companions[0].data.pointer("/spec/postgresql/pg_hba").unwrap();
        assert_eq!(rules, &json!(["hostssl all all all scram-sha-256"]));
    }

    #[test]
    fn dotted_paths_become_nested_values() {
        let changes = [
            ("database.caSecret.name".to_owned(), json!("other")),
            ("database.caSecret.key".to_owned(), json!("ca.crt")),
            ("replicas".to_owned(), json!(2)),
        ];
        let expected = json!({"database": {"caSecret": {"name": "other", "key": "ca.crt"}}, "replicas": 2});
        assert_eq!(nested(&changes), expected);
    }
}
