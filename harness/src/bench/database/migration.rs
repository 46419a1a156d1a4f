//! The release that migrates the databases: what it needs, and what can be switched off beside it.

use std::collections::BTreeSet;

use crate::bench::installation::Change;
use crate::graph::{DatabaseClient, DeclaredRole, RefKind, Reference, Text, Use, Workload};
use crate::manifests::Object;
use crate::rendered::{self, Rendered};

/// The release that migrates the databases.
#[derive(Debug, Clone, Default)]
pub struct Migration {
    /// Its place among the releases.
    pub release: usize,
    /// Its Jobs, those that only look among them.
    pub jobs: Vec<String>,
    /// The Secrets of others without which the migration does not start, with their keys.
    pub needs: Vec<(String, Vec<String>)>,
    /// The Secrets that it logs in with, and the roles that they are for, where an object says it.
    pub roles: Vec<(String, String)>,
    /// The databases that it migrates, where its connection strings say it.
    pub databases: Vec<String>,
    /// Everything that can be switched off without it, switched off.
    pub off: Vec<Change>,
}

impl Migration {
    /// What the manifests show of it; nothing where no Job migrates.
    pub(in crate::bench) fn of(rendered: &Rendered, roles: &[DeclaredRole]) -> Option<Self> {
        let migrating: Vec<&DatabaseClient> =
            rendered.database_clients().iter().filter(|client| client.workload().migrates()).collect();
        let release = rendered.release_of(migrating.first()?.workload().object());
        let own = |workload: &&Workload| {
            rendered.release_of(workload.object()) == release && workload.object().kind() == "Job"
        };
        let jobs = rendered.workloads().iter().filter(own).map(|job| job.object().name().to_owned()).collect();
        let made: BTreeSet<&str> = rendered.manifests().of_kind("Secret").map(Object::name).collect();
        let is_needed = |one: &Reference| {
            one.kind == RefKind::Secret
                && !one.optional
                && !matches!(one.usage, Use::ImagePull | Use::Store)
                && !made.contains(one.name.as_str())
        };
        let mut needs: Vec<(String, Vec<String>)> = Vec::new();
        for one in migrating.iter().flat_map(|client| client.workload().references()).filter(is_needed) {
            match needs.iter_mut().find(|(secret, _)| *secret == one.name) {
                Some((_, keys)) => keys.extend(one.key.filter(|key| !keys.contains(key))),
                None => needs.push((one.name, one.key.into_iter().collect())),
            }
        }
        let role_of = |secret: &String| {
            let role = roles.iter().find(|role| role.secret.as_ref() == Some(secret))?;
            Some((secret.clone(), role.name.clone()))
        };
        let dsns = migrating.iter().flat_map(|client| client.dsns());
        let databases: BTreeSet<String> =
            dsns.filter_map(|found| found.dsn.database.as_ref().and_then(Text::known).map(str::to_owned)).collect();
        Some(Self {
            release,
            roles: needs.iter().filter_map(|(secret, _)| role_of(secret)).collect(),
            off: switched_off(rendered),
            databases: databases.into_iter().collect(),
            jobs,
            needs,
        })
    }
}

/// Every toggle of the subject, off, as long as the migration is rendered all the same.
fn switched_off(rendered: &Rendered) -> Vec<Change> {
    let toggles = rendered.subject().toggles();
    let off = toggles.iter().fold(rendered::Change::none(), |change, toggle| change.and_set(toggle.as_str(), false));
    let migrates = |other: &rendered::Rendering| other.workloads().iter().any(Workload::migrates);
    if toggles.is_empty() || !rendered.would_render(&off).as_ref().is_some_and(migrates) {
        return Vec::new();
    }
    toggles.iter().map(|toggle| (toggle.clone(), false.into())).collect()
}
