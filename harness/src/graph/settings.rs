//! What mounted files of configuration say about PostgreSQL, read line by line.
//!
//! Applications read YAML, INI, TOML and properties, often as templates of their own that no parser takes. A name, a
//! value and the names around them by indentation or section are enough to see a driver, a mode of TLS and a CA.

use super::fact::Text;
use super::recognise::{is_postgres, names_a_kind};
use super::store::Store;
use super::workload::Container;
use crate::finding::{Locate as _, Place};

/// A file that says that there is a PostgreSQL to dial.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The file and the setting, `setting database.engine in config.yaml of ConfigMap app`.
    pub(super) because: String,
    /// Modes of TLS, as they are written.
    pub(super) modes: Vec<Text>,
    /// The file that holds the CA.
    pub(super) ca: Option<String>,
    /// As whom somebody logs in, each after what says it, like `because`.
    pub(super) roles: Vec<(String, String)>,
    /// Where the file is mounted.
    pub(super) place: Place,
}

/// One setting: the names around it and its own, in lower case without separators, and its value.
struct Setting {
    names: Vec<String>,
    written: String,
    value: String,
}

/// Names of a section about PostgreSQL.
const POSTGRES: &[&str] = &["postgres", "postgresql", "pgsql"];

/// Names within such a section that are about a connection.
const CONNECTION: &[&str] = &["host", "hosts", "hostname", "user", "username", "database", "dbname", "sslmode", "mode"];

/// Switches of a section about TLS by which whoever is dialled is verified, its name included.
const VERIFIES: &[&str] = &["enablehostverification", "verify", "verifyhostname"];
/// The same, the other way round.
const VERIFIES_NOT: &[&str] = &["skipverify", "insecureskipverify", "skiphostverification", "insecure"];

/// The files of a container that name PostgreSQL.
pub(super) fn find(container: &Container, store: &Store) -> Vec<Settings> {
    let mut found: Vec<Settings> = Vec::new();
    for mount in container.mounts() {
        for (kind, name) in mount.volume.keys() {
            for (key, text) in store.entries(kind, name) {
                let Some(mut settings) = read(text) else { continue };
                let stands = |setting: &str| format!("{setting} in {key} of {} {name}", kind.kind());
                settings.because = stands(&settings.because);
                settings.roles.iter_mut().for_each(|(says, _)| *says = stands(says));
                settings.place = mount.place();
                if found.iter().all(|known| known.because != settings.because) {
                    found.push(settings);
                }
            }
        }
    }
    found
}

fn read(text: &Text) -> Option<Settings> {
    let whole = text.with_holes();
    let named = whole.to_ascii_lowercase();
    if !named.contains("postgres") && !named.contains("pgsql") && !named.contains("server_tls_sslmode") {
        return None;
    }
    let settings = settings_of(whole);
    let (says, around) = settings.iter().find_map(evidence)?;
    let own: Vec<&Setting> = settings.iter().filter(|setting| setting.names.starts_with(&around)).collect();
    let (mut modes, mut ca) = (Vec::new(), None);
    for setting in &own {
        if is_mode(setting) {
            modes.push(text.part(&setting.value));
        } else if names_a_ca(setting) && ca.is_none() {
            ca = Some(setting.value.clone());
        }
    }
    modes.extend(switched(&own));
    modes.extend(login_without_a_mode(&own).map(|login| {
        Text::unknown(format!("{login} has no mode of TLS beside it, where another login has one; write it there, too"))
    }));
    let roles = own.iter().filter(|setting| setting.names.last().is_some_and(|last| names_a_role(last)));
    let roles = roles.map(|setting| (format!("setting {}", setting.written), setting.value.clone())).collect();
    Some(Settings { because: format!("setting {says}"), modes, ca, roles, place: Place::object("") })
}

/// The setting that names PostgreSQL, as it is written, and the names around everything that belongs to it.
fn evidence(setting: &Setting) -> Option<(String, Vec<String>)> {
    let (last, parents) = setting.names.split_last()?;
    let says = || setting.written.clone();
    // PgBouncer dials with settings of its own.
    if last == "servertlssslmode" || names_a_kind(last) && is_postgres(&setting.value) {
        return Some((says(), parents.to_vec()));
    }
    let at = parents.iter().position(|name| POSTGRES.contains(&name.as_str()))?;
    CONNECTION.contains(&last.as_str()).then(|| (says(), parents[..=at].to_vec()))
}

/// A user who logs in with settings of his own, where only another one's say how TLS is used.
fn login_without_a_mode<'a>(own: &[&'a Setting]) -> Option<&'a str> {
    // The section whose connection a mode is for: `ssl` is a part of it.
    let owners: Vec<&[String]> = own
        .iter()
        .filter(|setting| is_mode(setting))
        .filter_map(|setting| setting.names.split_last())
        .map(|(_, parents)| parents.strip_suffix(&["ssl".to_owned()]).unwrap_or(parents))
        .collect();
    let is_covered = |login: &[String]| owners.iter().any(|owner| owner.starts_with(login) || login.starts_with(owner));
    let mut logins = own.iter().filter_map(|setting| Some((setting, setting.names.split_last()?)));
    let lonely = logins.find(|(_, (last, around))| names_a_role(last) && !is_covered(around));
    lonely.filter(|_| !owners.is_empty()).map(|(setting, _)| setting.written.as_str())
}

fn names_a_role(name: &str) -> bool {
    matches!(name, "user" | "username")
}

fn is_mode(setting: &Setting) -> bool {
    let [parents @ .., last] = setting.names.as_slice() else { return false };
    last == "mode" && parents.last().is_some_and(|parent| parent == "ssl")
        || last.ends_with("sslmode") && !last.starts_with("client")
}

/// Modes of drivers that have switches instead: whether there is TLS, and whether it verifies whom it talks to.
fn switched(own: &[&Setting]) -> Vec<Text> {
    let mut sections: Vec<&[String]> = Vec::new();
    for setting in own {
        let Some((_, section)) = setting.names.split_last() else { continue };
        let of_tls = section.last().is_some_and(|name| matches!(name.as_str(), "ssl" | "tls"));
        if of_tls && !sections.contains(&section) {
            sections.push(section);
        }
    }
    let told = |section: &[String], names: &[&str]| {
        let of_section =
            own.iter().filter(|one| one.names.len() == section.len() + 1 && one.names.starts_with(section));
        let mut named = of_section.filter(|one| names.contains(&one.names[section.len()].as_str()));
        named.find_map(|one| one.value.parse::<bool>().ok())
    };
    let mode = |section: &&[String]| {
        let verifies = told(section, VERIFIES).or_else(|| told(section, VERIFIES_NOT).map(|not| !not));
        match (told(section, &["enabled", "enable"]), verifies) {
            (Some(false), _) => Some(Text::of("disable")),
            (_, Some(true)) => Some(Text::of("verify-full")),
            (_, Some(false)) => Some(Text::of("require")),
            (Some(true), None) => {
                let hint =
                    format!("{} is switched on, and nothing beside it says whether it verifies", section.join("."));
                Some(Text::unknown(hint))
            }
            (None, None) => None,
        }
    };
    sections.iter().filter_map(mode).collect()
}

fn names_a_ca(setting: &Setting) -> bool {
    let [parents @ .., last] = setting.names.as_slice() else { return false };
    let of_tls = parents.last().is_some_and(|parent| matches!(parent.as_str(), "ssl" | "tls"));
    let named = last.ends_with("sslrootcert") || of_tls && matches!(last.as_str(), "rootcert" | "cafile");
    named && setting.value.starts_with('/')
}

fn settings_of(text: &str) -> Vec<Setting> {
    let mut around: Vec<(usize, String)> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let listed = line.trim_start().trim_start_matches("- ");
        let indent = line.len() - listed.len();
        if let Some(section) = listed.strip_prefix('[').and_then(|rest| rest.trim_end().strip_suffix(']')) {
            around = section.split('.').map(|name| (0, name.to_owned())).collect();
            continue;
        }
        let Some((name, value)) = split(listed) else { continue };
        // The names of a section are around every line of it, however it is indented.
        while around.last().is_some_and(|(outer, _)| *outer > 0 && *outer > indent) {
            around.pop();
        }
        let outer = around.iter().map(|(_, name)| name.clone());
        let path: Vec<String> = outer.chain(name.split('.').map(str::to_owned)).collect();
        if value.is_empty() {
            around.extend(name.split('.').map(|name| (indent + 1, name.to_owned())));
        } else {
            let names = path.iter().map(|name| plain(name)).collect();
            found.push(Setting { names, written: path.join("."), value: value.to_owned() });
        }
    }
    found
}

/// The name and the value of a line, without quotes and comments; `None`: it is something else.
fn split(line: &str) -> Option<(&str, &str)> {
    let at = line.find([':', '='])?;
    let (name, value) = (line[..at].trim(), line[at + 1..].trim());
    let is_name = !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.'));
    let value = value.split(" #").next().unwrap_or_default().trim();
    is_name.then(|| (name, value.trim_matches(['"', '\''])))
}

fn plain(name: &str) -> String {
    name.chars().filter(|character| !matches!(character, '_' | '-')).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::read;
    use crate::graph::fact::Text;

    fn told(file: &str) -> Option<String> {
        let settings = read(&Text::of(file))?;
        let modes: Vec<String> = settings.modes.iter().map(ToString::to_string).collect();
        Some(format!("{}: {} {}", settings.because, modes.join(","), settings.ca.unwrap_or_default()))
    }

    #[rstest]
    #[case::engine_beside_options(
        "databases:\n  default:\n    engine: app.backends.postgresql\n    options:\n      sslmode: prefer\n      sslrootcert: /ca/a.crt\n",
        Some("setting databases.default.engine: prefer /ca/a.crt")
    )]
    #[case::section_of_its_own(
        "Store:\n  Postgres:\n    Host: db\n    User:\n      SSL:\n        Mode: verify-full\n        RootCert: /ca/a.crt\nCache:\n  SSL:\n    Mode: disable\n",
        Some("setting Store.Postgres.Host: verify-full /ca/a.crt")
    )]
    #[case::two_roles(
        "postgres:\n  host: db\n  user: {}\n  admin:\n    ssl:\n      mode: require\n  owner:\n    ssl:\n      mode: disable\n",
        Some("setting postgres.host: require,disable ")
    )]
    #[case::a_login_that_the_mode_of_another_is_not_for(
        "postgres:\n  host: db\n  user:\n    username: shop\n  admin:\n    username: root\n    ssl:\n      mode: verify-full\n",
        Some("setting postgres.host: verify-full,(unknown) ")
    )]
    #[case::a_mode_for_every_login(
        "postgres:\n  host: db\n  sslmode: verify-full\n  user:\n    username: shop\n  admin:\n    username: root\n",
        Some("setting postgres.host: verify-full ")
    )]
    #[case::sections_in_brackets(
        "[server]\nssl_mode = x\n[database]\ntype = postgres\nssl_mode = require\n",
        Some("setting database.type: require ")
    )]
    #[case::properties("app.db.vendor=postgres\napp.db.sslmode=verify-ca\n", Some("setting app.db.vendor: verify-ca "))]
    #[case::template_of_the_application(
        "address: {{ env \"IP\" | quote }}\nstore:\n  sql:\n    pluginName: \"postgres12\"\n    tls:\n      caFile: /ca/a.crt\n",
        Some("setting store.sql.pluginName:  /ca/a.crt")
    )]
    #[case::switched_off(
        "sql:\n  pluginName: postgres12\n  tls:\n    enabled: false\n    enableHostVerification: true\n",
        Some("setting sql.pluginName: disable ")
    )]
    #[case::switched_on(
        "sql:\n  pluginName: postgres12\n  tls:\n    enabled: true\n    enableHostVerification: true\n",
        Some("setting sql.pluginName: verify-full ")
    )]
    #[case::switched_on_for_anybody(
        "sql:\n  pluginName: postgres12\n  tls:\n    enabled: true\n    enableHostVerification: false\n",
        Some("setting sql.pluginName: require ")
    )]
    #[case::switched_on_and_no_more(
        "sql:\n  pluginName: postgres12\n  tls:\n    enabled: true\n",
        Some("setting sql.pluginName: (unknown) ")
    )]
    #[case::verification_is_skipped(
        "storage:\n  postgres:\n    host: db\n    tls:\n      skip_verify: true\n",
        Some("setting storage.postgres.host: require ")
    )]
    #[case::switched_for_another_server(
        "sql:\n  pluginName: postgres12\nredis:\n  tls:\n    enabled: false\n",
        Some("setting sql.pluginName:  ")
    )]
    #[case::pooler(
        "[databases]\n* = host=db\n[pgbouncer]\nclient_tls_sslmode = prefer\nserver_tls_sslmode = require\n",
        Some("setting pgbouncer.server_tls_sslmode: require ")
    )]
    #[case::another_driver("database:\n  engine: mysql\n  # postgres is possible too\n", None)]
    #[case::prose("We like postgres: it works.\nSee postgresql.org\n", None)]
    #[case::name_of_a_database("redis:\n  host: postgres\n", None)]
    fn a_file_says_whether_and_how_postgresql_is_dialled(#[case] file: &str, #[case] expected: Option<&str>) {
        assert_eq!(told(file).as_deref(), expected);
    }
}
