//! How the CA of the database reaches a client.

use super::client::DatabaseClient;
use super::reference::{KeyRef, RefKind};
use super::said;
use super::store::{Store, Surroundings};
use super::volume::{FileContent, Item, Mount, VolumeSource};
use crate::digest;
use crate::finding::{Locate, Place};

/// How the CA reaches one client. What is absent, the manifests do not have.
#[derive(Debug, Clone)]
pub struct CaWiring {
    /// What provides the CA.
    pub provider: CaProvider,
    /// The environment variable that names the file, or holds the CA itself.
    pub variable: Option<String>,
    /// The parameter of a connection string that names the file, `sslrootcert`.
    pub parameter: Option<String>,
    /// The file that the variable or parameter names.
    pub path: Option<String>,
    /// The volume.
    pub volume: Option<String>,
    /// Where the volume is mounted.
    pub mount_path: Option<String>,
    /// Whether the mount says `readOnly: true`.
    pub read_only: bool,
    /// The file or folder of the volume that is mounted instead of the whole.
    pub sub_path: Option<String>,
    /// The keys of the volume and their files. Empty: all keys.
    pub items: Vec<Item>,
    /// The mode of the files.
    pub mode: Option<i64>,
    /// Whether the pod starts without the CA.
    pub optional: bool,
    /// Where the wiring is best seen: the mount, else the variable, else the container.
    pub place: Place,
}

/// What provides the CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaProvider {
    /// A key of a Secret or ConfigMap, mounted as a file.
    File(KeyRef),
    /// A Secret or ConfigMap is mounted, but no key of it becomes the file that is named.
    NoSuchFile {
        /// Secret or ConfigMap.
        kind: RefKind,
        /// Its name.
        name: String,
    },
    /// A Secret or ConfigMap is mounted, and nothing names a file of it.
    MountOnly {
        /// Secret or ConfigMap.
        kind: RefKind,
        /// Its name.
        name: String,
    },
    /// The variable holds the CA itself, from a key of a Secret or ConfigMap.
    Environment(KeyRef),
    /// The variable holds the CA itself, and the manifest has it written out; its SHA-256.
    Written(String),
    /// A volume that somebody else fills, such as a copy in an `emptyDir`.
    Copy,
    /// The image's own files.
    Image,
    /// The path is not known; the text says what would tell.
    Unknown(String),
}

impl CaWiring {
    /// The name of the Secret.
    pub fn secret(&self) -> Option<&str> {
        match &self.provider {
            CaProvider::File(key) | CaProvider::Environment(key) => Some(&key.name),
            CaProvider::NoSuchFile { name, .. } | CaProvider::MountOnly { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The key within the Secret.
    pub fn key(&self) -> Option<&str> {
        match &self.provider {
            CaProvider::File(key) | CaProvider::Environment(key) => Some(&key.key),
            _ => None,
        }
    }

    /// What makes two clients trust the same CA: Secret and key.
    pub fn trust(&self) -> Option<(&str, &str)> {
        Some((self.secret()?, self.key()?))
    }

    /// Everything that `ca.identical` compares, on one line.
    pub fn fingerprint(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        let mut items: Vec<String> = self.items.iter().map(|item| format!("{}:{}", item.key, item.path)).collect();
        items.sort();
        let items = if items.is_empty() { "all keys".into() } else { items.join(",") };
        format!(
            "secret {} key {} at {} ({items}, mode {:o}{}{}), {} = {}",
            self.secret().unwrap_or("-"),
            self.key().unwrap_or("-"),
            text(&self.mount_path).trim_end_matches('/'),
            self.mode.unwrap_or(0o644),
            if self.read_only { ", read-only" } else { "" },
            self.sub_path.as_ref().map(|path| format!(", subPath {path}")).unwrap_or_default(),
            self.variable.as_deref().or(self.parameter.as_deref()).unwrap_or("-"),
            text(&self.path),
        )
    }
}

impl Locate for CaWiring {
    fn place(&self) -> Place {
        self.place.clone()
    }
}

/// Variables by which drivers and runtimes find a CA, libpq's first.
const CA_VARIABLES: &[&str] = &[
    "PGSSLROOTCERT",
    "SSLROOTCERT",
    "SSL_ROOT_CERT",
    "DB_CA_CERT",
    "DB_CA_FILE",
    "DATABASE_CA_CERT",
    "DB_SSL_CA",
    "POSTGRES_CA_CERT",
    "NODE_EXTRA_CA_CERTS",
    "DB_ROOT_CERT",
    "SSL_ROOTCERT",
    "SQL_TLS_CA_FILE",
];

pub(super) fn find(client: &DatabaseClient, store: &Store, surroundings: &Surroundings) -> Option<CaWiring> {
    let container = client.container();
    let declared = surroundings.ca_variable.as_deref();
    let variable = declared.into_iter().chain(CA_VARIABLES.iter().copied()).find_map(|name| {
        container
            .env()
            .iter()
            .find(|variable| variable.name == name || variable.name.ends_with(&format!("_{name}")))
            .filter(|variable| variable.value.known() != Some(""))
    });
    let parameter = client.dsns().iter().find_map(|found| Some((found, found.dsn.parameter("sslrootcert")?)));
    // In libpq a parameter of the connection string wins over the variable.
    if let Some((found, path)) = parameter {
        let mut wiring = match path.known() {
            Some("system") => empty(CaProvider::Image, found.place.clone()),
            Some(path) => at_path(client, path, found.place.clone()),
            None => empty(CaProvider::Unknown(unknown(path)), found.place.clone()),
        };
        wiring.parameter = Some("sslrootcert".into());
        wiring.variable = variable.filter(|known| known.value.known() == path.known()).map(|known| known.name.clone());
        return Some(wiring);
    }
    let said = said::find(container, client.dsns(), store, ("PGSSLROOTCERT", "sslrootcert"));
    if let Some(path) = said.iter().find(|path| !path.is_unknown()) {
        let mut wiring = match path.known() {
            Some(path) if path.starts_with('/') => at_path(client, path, container.place()),
            Some(path) => {
                empty(CaProvider::Unknown(format!("a command sets PGSSLROOTCERT to `{path}`")), container.place())
            }
            None => empty(CaProvider::Unknown(unknown(path)), container.place()),
        };
        wiring.variable = Some("PGSSLROOTCERT".into());
        return Some(wiring);
    }
    if let Some(variable) = variable {
        let mut wiring = match (variable.value.known(), variable.key()) {
            // A path is one wherever it is written, in a Secret of variables too.
            (Some(path), _) if path.starts_with('/') => at_path(client, path, variable.place.clone()),
            (_, Some(key)) => empty(CaProvider::Environment(key.clone()), variable.place.clone()),
            (Some(text), None) if is_certificate(text) => {
                empty(CaProvider::Written(digest::sha256(text.trim())), variable.place.clone())
            }
            (Some(_), None) => empty(CaProvider::Image, variable.place.clone()),
            (None, None) => empty(CaProvider::Unknown(unknown(&variable.value)), variable.place.clone()),
        };
        wiring.optional |= variable.optional;
        wiring.variable = Some(variable.name.clone());
        return Some(wiring);
    }
    if let Some((path, place)) = client.ca_in_settings() {
        return Some(at_path(client, path, place));
    }
    let mount = container.mounts().iter().find(|mount| is_ca_mount(mount, store, surroundings))?;
    let (kind, name) = mount.volume.keys().next()?;
    let mut wiring = empty(CaProvider::MountOnly { kind, name: name.to_owned() }, mount.place.clone());
    describe(&mut wiring, mount, mount.volume.sources.first());
    Some(wiring)
}

/// Whether a text is a certificate, as it is or in base64.
pub(crate) fn is_certificate(text: &str) -> bool {
    text.contains("BEGIN CERTIFICATE") || text.trim_start().starts_with("LS0tLS1CRUdJTiBDRVJU")
}

fn unknown(text: &super::fact::Text) -> String {
    match text.fact() {
        super::fact::Fact::Known(_) => String::new(),
        super::fact::Fact::Unknown(hint) => hint,
    }
}

fn is_ca_mount(mount: &Mount, store: &Store, surroundings: &Surroundings) -> bool {
    let by_plan = surroundings.ca_volume.as_deref() == Some(&*mount.volume.name)
        || surroundings
            .ca_mount_path
            .as_deref()
            .is_some_and(|path| path.trim_end_matches('/') == mount.path.trim_end_matches('/'));
    by_plan || mount.volume.keys().any(|(kind, name)| kind == RefKind::Secret && store.is_operator_ca(name))
}

fn empty(provider: CaProvider, place: Place) -> CaWiring {
    CaWiring {
        provider,
        variable: None,
        parameter: None,
        path: None,
        volume: None,
        mount_path: None,
        read_only: false,
        sub_path: None,
        items: Vec::new(),
        mode: None,
        optional: false,
        place,
    }
}

fn at_path(client: &DatabaseClient, path: &str, place: Place) -> CaWiring {
    let Some(file) = client.container().file(path) else {
        let mut wiring = empty(CaProvider::Image, place);
        wiring.path = Some(path.to_owned());
        return wiring;
    };
    let (provider, source) = match file.content {
        FileContent::Key { key, source } => (CaProvider::File(key), Some(source)),
        FileContent::Other(_) => (CaProvider::Copy, None),
        FileContent::Unknown(hint) => (CaProvider::Unknown(hint), None),
        FileContent::Absent => {
            let mut sources = file.mount.volume.keys();
            let first = file.mount.volume.keys().next();
            let (kind, name) =
                sources.find(|(kind, _)| *kind == RefKind::Secret).or(first).unwrap_or((RefKind::Secret, ""));
            (CaProvider::NoSuchFile { kind, name: name.to_owned() }, file.mount.volume.sources.first())
        }
    };
    let mut wiring = empty(provider, file.mount.place.clone());
    wiring.path = Some(path.to_owned());
    describe(&mut wiring, file.mount, source);
    wiring
}

fn describe(wiring: &mut CaWiring, mount: &Mount, source: Option<&VolumeSource>) {
    wiring.volume = Some(mount.volume.name.clone());
    wiring.mount_path = Some(mount.path.clone());
    wiring.read_only = mount.read_only;
    wiring.sub_path.clone_from(&mount.sub_path);
    if let Some(VolumeSource::Keys { items, optional, mode, .. }) = source {
        wiring.items.clone_from(items);
        wiring.optional = *optional;
        wiring.mode = *mode;
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::CaProvider;
    use crate::graph::cnpg::Cluster;
    use crate::graph::tests::{deployment, graph_in};
    use crate::graph::{Graph, Surroundings};

    const MORE: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: notes}, data: {readme: x}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: made}, stringData: {root.pem: x}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: filled}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: copied}, stringData: {other: x}}\n---\n{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: synced}, spec: {data: [{secretKey: ca.crt}]}}\n---\n{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: merged}, spec: {target: {creationPolicy: Merge}, data: [{secretKey: ca.crt}]}}\n";

    fn graph(volume: &str) -> Graph {
        let container = "env: [{name: PGHOST, value: db-rw}, {name: PGSSLROOTCERT, value: /etc/ca/root.pem}], volumeMounts: [{name: v, mountPath: /etc/ca}]";
        let surroundings = Surroundings {
            clusters: vec![Cluster::named("db")],
            copied: Some(("copied".into(), "root.pem".into())),
            ..Surroundings::default()
        };
        graph_in(&format!("{}---\n{MORE}", deployment(container, &format!("{{name: v, {volume}}}"))), &surroundings)
    }

    #[rstest]
    #[case::with_a_path("export PGSSLROOTCERT=/etc/ca/root.pem; pg_dump", "", Some("File(secret/made[root.pem])"))]
    #[case::with_a_list("psql 'host=db-rw sslrootcert=/etc/ca/root.pem'", "", Some("File(secret/made[root.pem])"))]
    #[case::over_a_variable(
        "PGSSLROOTCERT=/etc/ca/root.pem psql",
        "{name: PGSSLROOTCERT, value: /etc/ca/other}",
        Some("File(secret/made[root.pem])")
    )]
    #[case::with_what_only_the_shell_knows("PGSSLROOTCERT=$CA psql", "", Some("Unknown"))]
    #[case::without_one("psql", "", None)]
    fn a_command_may_name_the_file(#[case] command: &str, #[case] env: &str, #[case] expected: Option<&str>) {
        let container = format!(
            "env: [{{name: PGHOST, value: db-rw}}, {env}], command: [sh, -c, \"{command}\"], volumeMounts: [{{name: v, mountPath: /etc/ca}}]"
        );
        let text = format!("{}---\n{MORE}", deployment(&container, "{name: v, secret: {secretName: made}}"));
        let graph = graph_in(&text, &Surroundings::default());
        let seen = graph.database_clients()[0].ca().map(|ca| format!("{:?}", ca.provider));
        assert_eq!(seen.is_some(), expected.is_some(), "{seen:?}");
        assert!(seen.unwrap_or_default().starts_with(expected.unwrap_or_default()));
    }

    #[rstest]
    #[case::as_it_is("-----BEGIN CERTIFICATE-----", true)]
    #[case::in_base64("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", true)]
    #[case::as_that_of_the_system("system", false)]
    fn a_variable_may_hold_the_ca(#[case] value: &str, #[case] written: bool) {
        let container = format!("env: [{{name: PGHOST, value: db-rw}}, {{name: DB_SSL_CA, value: '{value}'}}]");
        let graph = graph_in(&deployment(&container, ""), &Surroundings::default());
        let provider = &graph.database_clients()[0].ca().unwrap().provider;
        assert_eq!(matches!(provider, CaProvider::Written(_)), written, "{provider:?}");
    }

    #[rstest]
    #[case::that_the_secret_has("secret: {secretName: made}", "file secret/made[root.pem]")]
    #[case::that_the_operators_secret_lacks("secret: {secretName: db-ca}", "no such file in db-ca")]
    #[case::that_an_external_secret_lacks("secret: {secretName: synced}", "no such file in synced")]
    #[case::that_somebody_may_merge_into("secret: {secretName: merged}", "file secret/merged[root.pem]")]
    #[case::of_a_secret_that_nobody_knows("secret: {secretName: elsewhere}", "file secret/elsewhere[root.pem]")]
    #[case::of_a_secret_that_somebody_fills("secret: {secretName: filled}", "file secret/filled[root.pem]")]
    #[case::that_something_copies("secret: {secretName: copied}", "file secret/copied[root.pem]")]
    #[case::of_the_second_source(
        "projected: {sources: [{configMap: {name: notes}}, {secret: {name: made}}]}",
        "file secret/made[root.pem]"
    )]
    #[case::of_the_source_that_is_known_to_have_it(
        "projected: {sources: [{secret: {name: elsewhere}}, {secret: {name: made}}]}",
        "file secret/made[root.pem]"
    )]
    #[case::that_no_source_has(
        "projected: {sources: [{configMap: {name: notes}}, {secret: {name: db-ca}}]}",
        "no such file in db-ca"
    )]
    #[case::of_one_of_two("projected: {sources: [{secret: {name: elsewhere}}, {secret: {name: other}}]}", "unknown")]
    fn a_whole_volume_gives_the_file(#[case] volume: &str, #[case] told: &str) {
        let graph = graph(volume);
        let ca = graph.database_clients()[0].ca().unwrap();
        let seen = match &ca.provider {
            CaProvider::File(key) => format!("file {key}"),
            CaProvider::NoSuchFile { name, .. } => format!("no such file in {name}"),
            CaProvider::Unknown(_) => "unknown".into(),
            other => format!("{other:?}"),
        };
        assert_eq!(seen, told);
    }
}
