//! Services as libpq knows them: everything of a connection under one name, in `pg_service.conf`.

use super::client::FoundDsn;
use super::fact::Text;
use super::settings::Settings;
use super::store::Store;
use super::volume::{FileContent, MountedFile};
use super::workload::Container;
use crate::finding::{Locate as _, Place};

/// What the service says that a container dials by, `service=shop` or PGSERVICE; `None`: it dials by none.
pub(super) fn find(container: &Container, dsns: &[FoundDsn], store: &Store) -> Option<Settings> {
    let in_a_string =
        dsns.iter().find_map(|found| Some((found.dsn.parameter("service")?.clone(), found.place.clone())));
    let variable = || container.variable("PGSERVICE").map(|variable| (variable.value.clone(), variable.place()));
    let (name, place) = in_a_string.or_else(variable).filter(|(name, _)| name.known() != Some(""))?;
    let because = format!("service {name}");
    let open = |hint: String| Settings {
        because: because.clone(),
        modes: vec![Text::unknown(hint)],
        ca: None,
        roles: Vec::new(),
        place: place.clone(),
    };
    let Some(named) = name.known() else { return Some(open(hint_of(&name))) };
    let Some((key, file_place)) = file(container) else {
        return Some(open(format!(
            "PGSERVICE names {named}, and no manifest has the pg_service.conf that says what that is; mount it from a \
             ConfigMap, or set PGSSLMODE instead of a service"
        )));
    };
    let text = store.content(&key);
    let Some(content) = text.known() else { return Some(open(hint_of(&text))) };
    let Some(section) = section(content, named) else {
        return Some(open(format!("PGSERVICE names {named}, which is no section of {key}; correct the name")));
    };
    let value = |wanted: &str| section.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
    Some(Settings {
        because,
        modes: value("sslmode").map(Text::of).into_iter().collect(),
        ca: value("sslrootcert"),
        roles: value("user").map(|user| (format!("user of service {named}"), user)).into_iter().collect(),
        place: file_place,
    })
}

/// The key that becomes the file of services, and where it is mounted.
fn file(container: &Container) -> Option<(super::KeyRef, Place)> {
    let known = |name: &str| container.variable(name).and_then(|variable| variable.value.known());
    let folder = known("PGSYSCONFDIR").map(|folder| format!("{}/pg_service.conf", folder.trim_end_matches('/')));
    let told = known("PGSERVICEFILE").map(str::to_owned).into_iter().chain(folder);
    // Without a word, libpq looks into the home folder, which is the image's.
    let mounted = container.mounts().iter().filter(|mount| mount.volume.keys().next().is_some()).flat_map(|mount| {
        let folder = mount.path.trim_end_matches('/');
        [mount.path.clone(), format!("{folder}/.pg_service.conf"), format!("{folder}/pg_service.conf")]
    });
    told.chain(mounted.filter(|path| path.ends_with("pg_service.conf"))).find_map(|path| {
        let MountedFile { mount, content, .. } = container.file(&path)?;
        match content {
            FileContent::Key { key, .. } => Some((key, mount.place())),
            _ => None,
        }
    })
}

/// The settings of one section; `None`: there is no such section.
fn section<'t>(content: &'t str, name: &str) -> Option<Vec<(&'t str, &'t str)>> {
    let heading = format!("[{name}]");
    let mut lines = content.lines().map(str::trim).skip_while(|line| *line != heading);
    lines.next()?;
    let own = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    Some(own.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.trim(), value.trim())).collect())
}

fn hint_of(text: &Text) -> String {
    match text.fact() {
        super::Fact::Known(_) => String::new(),
        super::Fact::Unknown(hint) => hint,
    }
}
