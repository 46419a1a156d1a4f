//! Containers that dial PostgreSQL: how they are recognised, how they treat TLS, which credentials they hold.

mod mode;

use super::asks::only_asks;
use super::ca::{self, CaWiring};
use super::dsn::Dsn;
use super::env::EnvVar;
use super::fact::Text;
use super::recognise::{
    ends_with_any, holds_parameters, is_server, names_a_credential_file, names_a_database, names_a_password_of_it,
    says_where, speaks_another,
};
use super::reference::{KeyRef, RefKind};
use super::settings::{self, Settings};
use super::store::{Store, Surroundings};
use super::volume::{FileContent, VolumeSource};
use super::workload::{Container, Workload};
use super::{said, service, shell};
use crate::finding::{Locate, Place};
use crate::manifests::Object;
use crate::plaintext::is_password_name;

/// A container that dials PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseClient {
    workload: Workload,
    container: Container,
    because: String,
    dsns: Vec<FoundDsn>,
    credentials: Vec<KeyRef>,
    without_password: Vec<KeyRef>,
    settings: Vec<Settings>,
    /// The section of `pg_service.conf` that it dials by.
    service: Option<Settings>,
    /// Modes of TLS that its commands say.
    told: Vec<Text>,
    ca: Option<CaWiring>,
}

/// A connection string and where it stands.
#[derive(Debug, Clone)]
pub struct FoundDsn {
    /// The variable, argument or file that holds it, `env DATABASE_URL`.
    pub holder: String,
    /// The connection string.
    pub dsn: Dsn,
    /// Where it stands.
    pub place: Place,
}

impl DatabaseClient {
    pub(super) fn recognise(
        workload: &Workload,
        container: &Container,
        store: &Store,
        surroundings: &Surroundings,
        services: &[&Object],
    ) -> Option<Self> {
        if is_server(container, workload, services) || only_asks(container) {
            return None;
        }
        let dsns = find_dsns(container, store);
        if dsns.is_empty() && speaks_another(container) {
            return None;
        }
        let credentials = find_credentials(container, store, surroundings);
        let settings = settings::find(container, store);
        let names = |variable: &&EnvVar| names_a_database(variable) || names_a_credential_file(&variable.name);
        let named = || container.env().iter().find(names);
        let is_credential =
            |(kind, name): &&(RefKind, String)| *kind == RefKind::Secret && surroundings.credentials.contains(name);
        let because = if let Some(found) = dsns.first() {
            format!("{} is a connection string", found.holder)
        } else if let Some(variable) = named() {
            format!("it has the variable {}", variable.name)
        } else if let Some(file) = settings.first() {
            format!("it reads {}", file.because)
        } else if let Some((_, secret)) = container.unread().iter().find(is_credential) {
            format!("it takes Secret {secret} whole")
        } else {
            let held = |key: &&KeyRef| knows(key, store, surroundings) && insists_on(container, key);
            format!("it holds {}", credentials.iter().find(held)?)
        };
        let without_password = credentials.iter().filter(|key| holds_no_password(key, store)).cloned().collect();
        let service = service::find(container, &dsns, store);
        let told = said::find(container, &dsns, store, ("PGSSLMODE", "sslmode"));
        let (workload, container) = (workload.clone(), container.clone());
        let mut client = Self {
            workload,
            container,
            because,
            dsns,
            credentials,
            without_password,
            settings,
            service,
            told,
            ca: None,
        };
        client.ca = ca::find(&client, store, surroundings);
        Some(client)
    }

    /// The workload.
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The container.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Why it is taken for a client of PostgreSQL.
    pub fn because(&self) -> &str {
        &self.because
    }

    /// The connection strings that it holds.
    pub fn dsns(&self) -> &[FoundDsn] {
        &self.dsns
    }

    /// The keys that it takes anything of its connection from: host and user as well as password.
    pub fn credentials(&self) -> &[KeyRef] {
        &self.credentials
    }

    /// The keys of Secrets among them that a password is in, by itself or within a connection string.
    pub fn passwords(&self) -> impl Iterator<Item = &KeyRef> {
        self.credentials.iter().filter(|key| key.kind == RefKind::Secret && !self.without_password.contains(key))
    }

    /// As whom files of settings have it log in, each after what says it, `setting db.user in app.yaml of ConfigMap app`.
    pub fn roles_in_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let told = self.service.iter().chain(&self.settings).flat_map(|file| &file.roles);
        told.map(|(says, role)| (says.as_str(), role.as_str()))
    }

    /// The file of the CA that a file of configuration names, and where that is mounted.
    pub(super) fn ca_in_settings(&self) -> Option<(&str, Place)> {
        self.service.iter().chain(&self.settings).find_map(|file| Some((file.ca.as_deref()?, file.place.clone())))
    }

    /// What it takes whole and may say more of its connection than is known; the text says what would tell.
    pub fn unread(&self) -> Option<String> {
        let (kind, name) = self.container.unread().first()?;
        Some(format!(
            "`envFrom` takes {kind} {name} whole, and no manifest tells all its keys; render it, or set PGSSLMODE and \
             PGSSLROOTCERT in the container's own `env`"
        ))
    }

    /// The Secrets that it takes whole, and that may hold more variables than those that are known.
    pub fn unread_secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = self.container.unread().iter().filter(|(kind, _)| *kind == RefKind::Secret);
        secrets.map(|(_, name)| name.as_str())
    }

    /// How the CA reaches it. `None`: it has none.
    pub fn ca(&self) -> Option<&CaWiring> {
        self.ca.as_ref()
    }

    /// The host names that it dials, as far as they are known.
    pub fn hosts(&self) -> Vec<Text> {
        let of_dsns = self.dsns.iter().flat_map(|found| found.dsn.hosts.clone());
        let of_variables = self.container.env().iter().filter(|variable| {
            variable.name == "PGHOST" || ends_with_any(&variable.name, &["DB_HOST", "POSTGRES_HOST", "DATABASE_HOST"])
        });
        of_dsns.chain(of_variables.map(|variable| variable.value.clone())).collect()
    }
}

impl Locate for DatabaseClient {
    fn place(&self) -> Place {
        self.container.place()
    }
}

fn knows(key: &KeyRef, store: &Store, surroundings: &Surroundings) -> bool {
    key.kind == RefKind::Secret
        && (surroundings.credentials.contains(&key.name) || store.is_operator_credential(&key.name))
}

/// Whether a key only says where the database is and as whom, or is known to hold nothing that opens it.
fn holds_no_password(key: &KeyRef, store: &Store) -> bool {
    let content = store.content(key);
    let of_a_string = || Dsn::parse(&content).is_some_and(|dsn| dsn.password.is_none());
    // A password that is empty in this rendering is one all the same.
    let is_empty = || content.known() == Some("") && !is_password_name(&key.key);
    says_where(&key.key) || is_empty() || of_a_string()
}

/// Whether a container does not start without a key. One that does only looks whether it is there.
fn insists_on(container: &Container, key: &KeyRef) -> bool {
    let of_key = |variable: &&EnvVar| variable.key() == Some(key);
    let mut variables = container.env().iter().filter(of_key).peekable();
    variables.peek().is_none() || variables.any(|variable| !variable.optional)
}

fn find_dsns(container: &Container, store: &Store) -> Vec<FoundDsn> {
    let mut found = Vec::new();
    for variable in container.env() {
        let parameters = || holds_parameters(variable).then(|| Dsn::of_parameters(&variable.value));
        let composed = || shell::connection_string(&variable.value, container.env());
        if let Some(dsn) = Dsn::parse(&variable.value).or_else(parameters).or_else(composed) {
            found.push(FoundDsn { holder: format!("env {}", variable.name), dsn, place: variable.place.clone() });
        }
    }
    for (field, word) in container.words() {
        // An option and its value may be one word, `--database-url=postgres://...`.
        let text = word.with_holes();
        let value = if text.starts_with('-') { text.split_once('=').map_or(text, |(_, value)| value) } else { text };
        let composed = || shell::connection_string(&word, container.env());
        if let Some(dsn) = Dsn::parse(&word.part(value)).or_else(composed) {
            found.push(FoundDsn { holder: field.clone(), dsn, place: container.at(&field) });
        }
    }
    // `DATABASE_URL_FILE` and its like name a mounted file.
    for variable in container.env().iter().filter(|variable| variable.name.ends_with("_FILE")) {
        let file = variable.value.known().and_then(|path| container.file(path));
        let Some(FileContent::Key { key, .. }) = file.map(|file| file.content) else { continue };
        if let Some(dsn) = Dsn::parse(&store.content(&key)) {
            found.push(FoundDsn { holder: format!("env {}", variable.name), dsn, place: variable.place.clone() });
        }
    }
    for mount in container.mounts() {
        for (kind, name) in mount.volume.keys() {
            for (key, text) in store.entries(kind, name) {
                for dsn in dsns_in_file(text) {
                    let holder = format!("file {key} of {} {name}", kind.kind());
                    found.push(FoundDsn { holder, dsn, place: mount.place.clone() });
                }
            }
        }
    }
    found
}

/// Connection strings in a file of configuration: URIs anywhere, a list of key=value pairs as a line of its own.
fn dsns_in_file(text: &Text) -> Vec<Dsn> {
    let whole = text.with_holes();
    let ends = |character: char| character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>');
    let words = whole.split(ends).filter_map(|word| {
        let start = shell::BEGINNINGS.iter().find_map(|beginning| word.find(beginning))?;
        Dsn::parse(&text.part(&word[start..]))
    });
    let mut found: Vec<Dsn> = words.collect();
    if found.is_empty() {
        found.extend(whole.lines().filter_map(|line| Dsn::parse(&text.part(line))));
    }
    found
}

fn find_credentials(container: &Container, store: &Store, surroundings: &Surroundings) -> Vec<KeyRef> {
    let mut found: Vec<KeyRef> = Vec::new();
    let mut add = |key: &KeyRef| {
        if !found.contains(key) {
            found.push(key.clone());
        }
    };
    for variable in container.env().iter().filter(|variable| variable.is_secret()) {
        if let Some(key) = variable.key()
            && (knows(key, store, surroundings)
                || names_a_database(variable)
                || names_a_password_of_it(&variable.name)
                || Dsn::parse(&variable.value).is_some())
        {
            add(key);
        }
    }
    // A Secret that becomes part of a connection string through `$(VAR)`.
    for variable in container.env().iter().filter(|variable| Dsn::parse(&variable.value).is_some()) {
        for name in super::env::expansions(variable.written.as_deref().unwrap_or_default()) {
            if let Some(key) = container.variable(name).filter(|part| part.is_secret()).and_then(EnvVar::key) {
                add(key);
            }
        }
    }
    // A Secret in a variable beside that of the connection string: `FLYWAY_URL`, `FLYWAY_USER`, `FLYWAY_PASSWORD`.
    for variable in container.env().iter().filter(|variable| Dsn::parse(&variable.value).is_some()) {
        let Some((stem, _)) = variable.name.rsplit_once('_') else { continue };
        for last in ["USER", "USERNAME", "PASSWORD"] {
            if let Some(key) =
                container.variable(&format!("{stem}_{last}")).filter(|one| one.is_secret()).and_then(EnvVar::key)
            {
                add(key);
            }
        }
    }
    for variable in container.env().iter().filter(|variable| names_a_credential_file(&variable.name)) {
        let file = variable.value.known().and_then(|path| container.file(path));
        if let Some(FileContent::Key { key, .. }) = file.map(|file| file.content)
            && key.kind == RefKind::Secret
        {
            add(&key);
        }
    }
    for mount in container.mounts() {
        for source in &mount.volume.sources {
            let VolumeSource::Keys { kind: RefKind::Secret, name, items, .. } = source else { continue };
            if !surroundings.credentials.contains(name) && !store.is_operator_credential(name) {
                continue;
            }
            let whole = || store.some_keys(RefKind::Secret, name);
            let keys = if items.is_empty() { whole() } else { items.iter().map(|item| item.key.clone()).collect() };
            for key in keys {
                add(&KeyRef { kind: RefKind::Secret, name: name.clone(), key });
            }
        }
    }
    found
}
