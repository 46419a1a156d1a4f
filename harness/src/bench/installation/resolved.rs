//! What is installed on a bench: a subject under one overlay, resolved to files.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use kube::api::DynamicObject;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::documented::{CaProcedures, Procedure};
use super::{given, inputs, unseen};
use crate::bench::application::{Copier, Front};
use crate::bench::credential::Format;
use crate::bench::database::{BundledServer, Migration};
use crate::cluster::is_outside;
use crate::finding::Locate;
use crate::graph::{DatabaseClient, DeclaredRole, Engine, Fact};
use crate::helm::Package;
use crate::manifests::Object;
use crate::probe::Server;
use crate::record::Unseen;
use crate::rendered::Rendered;
use crate::subject::{self, DRAIN_BUDGET, Image, RESTART_BUDGET, ResolvedRelease, Smoke, StandIn};

/// A subject under one overlay, ready to be installed.
#[derive(Debug, Clone, Default)]
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
    /// The pooler through which they reach it.
    pub pooler: Option<String>,
    /// What copies the CA into a Secret that clients read.
    pub copier: Option<Copier>,
    /// The release that migrates its databases by a Job.
    pub migration: Option<Migration>,
    /// The workloads whose pods migrate when they start.
    pub migrates_on_start: Vec<String>,
    /// What the manifests leave open of clients, and no look at a bench tells.
    pub unseen: Vec<Unseen>,
    /// How many pods the releases run for long.
    pub pods: usize,
    /// How many instances of the CloudNativePG cluster this bench waits for; 1 without a say.
    pub instances: usize,
    /// The PostgreSQL that the chart brings.
    pub bundled: Option<BundledServer>,
    /// Values that whoever installs has to bring, made for this installation, as dotted paths.
    pub inputs: Vec<(String, SecretString)>,
    /// The texts in the values, among which are the passwords that somebody wrote there.
    pub given: Vec<SecretString>,
    /// Where the application answers, and what it asks for.
    pub front: Option<Front>,
    /// Dotted path of the value that lists the application's API keys.
    pub api_keys: Option<String>,
    /// The values through which the chart is told its CA.
    pub ca: Option<CaInputs>,
    /// What people are told to do with the CA.
    pub ca_procedures: Option<CaProcedures>,
    /// What people have to do after a rotation.
    pub restart: Option<Procedure>,
    /// Where the credentials of the applications are; experiments disturb the first one.
    pub credentials: Vec<CredentialSecret>,
    /// The least length of a generated password, where the subject declares one.
    pub password_length: Option<usize>,
    /// How to see that the subject serves.
    pub smoke: Smoke,
    /// How long the subject asks for a rollout of all its workloads, at least.
    pub restart_budget: Option<Duration>,
    /// How old the subject says that a session may become after a change of its credential.
    pub drain_budget: Option<Duration>,
    /// Whether the overlay is marked as production.
    pub production: bool,
    /// Where the CA stands that clients are told to trust.
    pub trust: Option<TrustSecret>,
    /// Whether the database serves a certificate of an authority of our own.
    pub own_ca: bool,
    /// What every installation of this bench changes about the values.
    pub standing: Vec<Change>,
    /// Secrets that are deleted once everything stands, and made again by whoever makes them: a planted defect.
    pub deleted: Vec<String>,
    /// Which of Holdfast's images stands for a reference.
    pub stand_ins: BTreeMap<String, String>,
    /// The reference of the stand-in application that is named first, for what Holdfast itself puts beside the releases
    /// where no image of its own is on the nodes.
    pub tool_image: Option<String>,
    /// Where a container is told its sslmode, so that another one can be forced upon it.
    pub modes: Vec<ModeVariable>,
    /// Whether the releases put objects outside of their namespace, so that no two benches may stand at once.
    pub reaches_out: bool,
    /// Dotted paths of the values that give the release rights over the cluster, where they are on.
    pub cluster_rights: Vec<String>,
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
        let release = |(release, chart): (&ResolvedRelease, &Package)| Release {
            name: release.name.clone(),
            chart: chart.path.clone(),
            values: release.values.iter().chain(&overlay.values).cloned().collect(),
        };
        let ca = subject
            .ca()
            .and_then(|plan| Some(CaInputs { name: plan.name_value.clone()?, key: plan.key_value.clone()? }));
        let roles: Vec<DeclaredRole> =
            [rendered.companions(), rendered.manifests()].into_iter().flat_map(DeclaredRole::all).collect();
        let credentials = subject.database().credentials.iter();
        let credentials = credentials.map(|credential| CredentialSecret::of(credential, &roles)).collect();
        Ok(Self {
            subject: subject.name().into(),
            overlay: overlay.name.clone(),
            companions: rendered.companions().objects().map(companion).collect::<Result<_, _>>()?,
            releases: subject.releases().iter().zip(rendered.charts()).map(release).collect(),
            trust: subject
                .database()
                .cluster
                .as_ref()
                .map(|cluster| TrustSecret { secret: format!("{cluster}-ca"), key: "ca.crt".into() }),
            database: subject.database().cluster.clone(),
            pooler: pooler_of(rendered),
            copier: Copier::of(rendered),
            migration: Migration::of(rendered, &roles),
            migrates_on_start: subject.database().migrates_on_start.clone(),
            bundled: BundledServer::of(rendered),
            inputs: inputs::of(subject),
            given: rendered.values().map(given::texts_of).unwrap_or_default(),
            front: Front::of(rendered),
            api_keys: subject.file().api_keys.as_ref().map(|keys| keys.value.clone()),
            ca,
            credentials,
            password_length: subject.database().password_length,
            smoke: subject.file().smoke.clone(),
            restart_budget: subject.file().budgets.get(RESTART_BUDGET).map(|budget| budget.0),
            drain_budget: subject.file().budgets.get(DRAIN_BUDGET).map(|budget| budget.0),
            ca_procedures: CaProcedures::of(rendered),
            restart: Procedure::of_restart(rendered),
            unseen: unseen::of(rendered),
            pods: pods_of(rendered),
            instances: 1,
            deleted: Vec::new(),
            production: overlay.production,
            own_ca: false,
            standing: Vec::new(),
            stand_ins: subject
                .images()
                .iter()
                .map(|image| (image.reference.clone(), image.stands_for.clone()))
                .collect(),
            tool_image: tool_image(subject.images()),
            modes: rendered.database_clients().iter().filter_map(ModeVariable::of).collect(),
            reaches_out: rendered
                .manifests()
                .objects()
                .chain(rendered.companions().objects())
                .any(|object| is_outside(object.kind())),
            cluster_rights: rendered.cluster_rights().map(|path| path.to_string()).collect(),
        })
    }

    /// The database that stands on a bench of it.
    pub(in crate::bench) fn server(&self) -> Option<Server> {
        let bundled = self.bundled.as_ref().map(BundledServer::server);
        self.database.clone().map(Server::Cluster).or(bundled)
    }
}

fn tool_image(images: &[Image]) -> Option<String> {
    let image = images.iter().find(|image| image.stands_for == StandIn::Workload.name());
    image.map(|image| image.reference.clone())
}

/// A pod for each node is one: a cluster of ours has one.
fn pods_of(rendered: &Rendered) -> usize {
    let long_lived = rendered.workloads().iter().filter(|workload| !workload.runs_to_an_end());
    long_lived.map(|workload| usize::try_from(workload.replicas()).unwrap_or(1)).sum()
}

/// The pooler of the declared cluster, where the subject or its companions bring one.
fn pooler_of(rendered: &Rendered) -> Option<String> {
    let cluster = rendered.subject().database().cluster.as_deref()?;
    let all = [rendered.companions(), rendered.manifests()].into_iter().flat_map(|all| all.of_kind("Pooler"));
    let mut own = all.filter(|one| one.get("spec.cluster.name").and_then(Value::as_str) == Some(cluster));
    own.next().map(|pooler| pooler.name().to_owned())
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
    /// The key of the role's name.
    pub username_key: String,
    /// The key of the password.
    pub password_key: String,
    /// The key of a whole connection URI.
    pub uri_key: Option<String>,
    /// The database that the role owns, where the subject says it.
    pub database: Option<String>,
    /// Every key that holds the password, by the name of its format in the subject file.
    pub derived: Vec<(Format, String)>,
    /// Whether the role stands in `spec.managed.roles`: the operator then compares it at each reconcile.
    pub inline: bool,
}

impl CredentialSecret {
    fn of(declared: &subject::Credential, roles: &[DeclaredRole]) -> Self {
        let keys = &declared.keys;
        let derived = [(Format::Uri, &keys.uri), (Format::JdbcUri, &keys.jdbc_uri), (Format::Passfile, &keys.pgpass)];
        Self {
            secret: declared.secret.clone(),
            role: declared.role.clone(),
            username_key: keys.username.clone().unwrap_or_else(|| "username".into()),
            password_key: keys.password.clone().unwrap_or_else(|| "password".into()),
            uri_key: keys.uri.clone(),
            database: declared.database.clone(),
            derived: derived.into_iter().filter_map(|(format, key)| Some((format, key.clone()?))).collect(),
            inline: roles
                .iter()
                .any(|role| role.engine == Engine::Inline && role.secret.as_ref() == Some(&declared.secret)),
        }
    }
}

/// Where the CA stands that clients are told to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSecret {
    /// The Secret.
    pub secret: String,
    /// The key of the CA, PEM.
    pub key: String,
}

/// A variable of a container that says its sslmode, with a value that stands in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeVariable {
    /// The kind of the workload, `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The container.
    pub container: String,
    /// The mode.
    pub mode: String,
}

impl ModeVariable {
    /// The variable of libpq, which every driver that reads variables follows.
    pub const NAME: &str = "PGSSLMODE";

    fn of(client: &DatabaseClient) -> Option<Self> {
        let workload = client.workload();
        if workload.runs_to_an_end() {
            return None;
        }
        let variable = client.container().variable(Self::NAME).filter(|variable| variable.key().is_none())?;
        let Fact::Known(mode) = variable.value.fact() else { return None };
        Some(Self {
            kind: workload.object().kind().to_owned(),
            name: workload.object().name().to_owned(),
            container: client.container().name().to_owned(),
            mode: mode.to_owned(),
        })
    }
}

/// A change of values: a dotted path and what it becomes.
pub type Change = (String, Value);

/// The nested object that dotted paths describe, as a values file has it.
pub(super) fn nested(changes: &[Change]) -> Value {
    let mut root = Value::Object(Map::new());
    for (path, value) in changes {
        let mut place = &mut root;
        for part in path.split('.') {
            if !place.is_object() {
                *place = Value::Object(Map::new());
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

    use super::{nested, tool_image};

    #[test]
    fn what_is_named_first_stands_beside_the_releases() {
        let image = |reference: &str, stands_for: &str| json!({"reference": reference, "use": stands_for});
        let images = [
            image("z.example.org/postgres:18", "postgres-library"),
            image("registry.example.org/holdfast-workload:1", "workload"),
            image("example.org/shop:2", "workload"),
        ];
        let images: Vec<_> = images.into_iter().map(|one| serde_json::from_value(one).unwrap()).collect();
        assert_eq!(tool_image(&images).as_deref(), Some("registry.example.org/holdfast-workload:1"));
        assert_eq!(tool_image(&images[..1]), None);
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
