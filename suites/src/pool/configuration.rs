//! What the pods of a bundled PostgreSQL say of one of its settings: in arguments, in the script that starts it, in
//! variables, in files of configuration. No shell is run: what only one knows stays unknown.

use harness::finding::Locate as _;
use harness::graph::{Container, Fact, FileContent, KeyRef, Mount, Text, VolumeSource, Workload};
use harness::rendered::Rendered;

/// What a setting is told. `None` within: nothing tells, and PostgreSQL's default counts.
pub(super) fn setting(subject: &Rendered, server: &Workload, name: &str) -> Fact<Option<u64>> {
    // Who dials the server from within its pod has settings of its own.
    let clients = subject.database_clients();
    let dials = |container: &Container| clients.iter().any(|client| client.container().place() == container.place());
    let containers: Vec<&Container> = server.containers().iter().filter(|container| !dials(container)).collect();
    let started = || containers.iter().flat_map(|container| started_with(container));
    let of_command: Vec<Told> = started().flat_map(|text| told_in(&text, name)).collect();
    // What a command says wins over every file.
    if let Some(told) = agreed(of_command, name) {
        return told;
    }
    match started().find_map(|text| config_file(&text)) {
        Some(path) => in_file(subject, &containers, &path, name),
        None => in_mounts(subject, &containers, name),
    }
}

/// A number, or `None`: something that becomes one only when the server starts.
type Told = Option<u64>;

/// The words and variables by which a container starts its server. What they do not know stands there as no number.
fn started_with(container: &Container) -> impl Iterator<Item = String> {
    let words = container.words().into_iter().map(|(_, word)| word.to_string());
    // Images of several makers turn a variable into the setting of its name, `POSTGRESQL_MAX_CONNECTIONS`.
    let variables = container.env().iter().filter(|variable| variable.value.known() != Some(""));
    let variables = variables.map(|variable| match variable.name.strip_prefix("POSTGRESQL_") {
        Some(setting) => format!("{}={}", setting.to_lowercase(), variable.value),
        None => variable.value.to_string(),
    });
    words.chain(variables)
}

/// What is told with one voice. `None`: nothing is.
fn agreed(mut told: Vec<Told>, name: &str) -> Option<Fact<Option<u64>>> {
    told.sort_unstable();
    told.dedup();
    match told.as_slice() {
        [] => None,
        [Some(number)] => Some(Fact::Known(Some(*number))),
        [None] => Some(Fact::Unknown(format!("which number {name} becomes, is known when the server starts"))),
        _ => {
            Some(Fact::Unknown(format!("{name} is told more than one number; which of them counts is not known here")))
        }
    }
}

/// The file that a command names, `config_file=/etc/postgresql/postgresql.conf`.
fn config_file(text: &str) -> Option<String> {
    let text = text.replace("config-file=", "config_file=");
    let (_, rest) = text.split_once("config_file=")?;
    let path = rest.trim_start_matches(['\'', '"', '\\']);
    let end =
        path.find(|one: char| one.is_whitespace() || matches!(one, '\'' | '"' | ';' | '\\')).unwrap_or(path.len());
    Some(path[..end].to_owned())
}

fn in_file(subject: &Rendered, containers: &[&Container], path: &str, name: &str) -> Fact<Option<u64>> {
    let unknown = |hint: String| Fact::Unknown(format!("the server reads {path}; {hint}"));
    let Some(file) = containers.iter().find_map(|container| container.file(path)) else {
        return unknown(format!("no manifest holds that file; say {name} where the server is started"));
    };
    let content = match file.content {
        FileContent::Key { key, .. } => subject.graph().store().content(&key),
        FileContent::Unknown(hint) => return unknown(hint),
        FileContent::Absent | FileContent::Other(_) => {
            return unknown(format!("no key becomes that file; say {name} where the server is started"));
        }
    };
    let text = match content.fact() {
        Fact::Known(text) => text,
        Fact::Unknown(hint) => return unknown(hint),
    };
    match agreed(told_in(text, name), name) {
        Some(told) => told,
        None if includes(text) => unknown("it includes others, which may say it".into()),
        None => Fact::Known(None),
    }
}

fn includes(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("include"))
}

/// Files that are mounted and that the server may read without being told: those of its own configuration, and scripts
/// that change it.
fn in_mounts(subject: &Rendered, containers: &[&Container], name: &str) -> Fact<Option<u64>> {
    let mut told: Vec<Told> = Vec::new();
    for mount in containers.iter().flat_map(|container| container.mounts()) {
        for source in &mount.volume.sources {
            for (file, text) in files(subject, mount, source) {
                match text.fact() {
                    Fact::Known(text) => told.extend(told_in(text, name)),
                    Fact::Unknown(hint) if is_configuration(&file) => {
                        return Fact::Unknown(format!("the server may read {file} in {}; {hint}", mount.path));
                    }
                    Fact::Unknown(_) => {}
                }
            }
        }
    }
    agreed(told, name).unwrap_or(Fact::Known(None))
}

/// The files of a mount, as far as anybody knows of them, with their contents.
fn files(subject: &Rendered, mount: &Mount, source: &VolumeSource) -> Vec<(String, Text)> {
    let VolumeSource::Keys { kind, name, items, .. } = source else { return Vec::new() };
    let store = subject.graph().store();
    let content = |key: &str| store.content(&KeyRef { kind: *kind, name: name.clone(), key: key.into() });
    let mut files: Vec<(String, Text)> = if items.is_empty() {
        store.entries(*kind, name).map(|(key, text)| (key.to_owned(), text.clone())).collect()
    } else {
        items.iter().map(|item| (item.path.clone(), content(&item.key))).collect()
    };
    let Some(sub_path) = &mount.sub_path else { return files };
    if items.is_empty() && files.is_empty() {
        files.push((sub_path.clone(), content(sub_path)));
    }
    files.retain(|(file, _)| file == sub_path || file.starts_with(&format!("{sub_path}/")));
    files
}

/// Who may log in stands in files of the same ending.
fn is_configuration(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    name.ends_with(".conf") && !matches!(name, "pg_hba.conf" | "pg_ident.conf")
}

/// Every number that a text gives a setting: `-c max_connections=200`, `--max-connections=200`, `max_connections = 200`,
/// `ALTER SYSTEM SET max_connections TO 200`.
fn told_in(text: &str, name: &str) -> Vec<Told> {
    let option = format!("--{}=", name.replace('_', "-"));
    let lines = text.lines().map(|line| without_comment(line).replace(&option, &format!("{name}=")));
    let mut told = Vec::new();
    for line in lines {
        let is_of_a_word = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.' | '$' | '{');
        for (at, _) in line.match_indices(name) {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            // An option may stand before it in the same word, `-cmax_connections=200`.
            let before = ["-c", "--"].iter().find_map(|option| before.strip_suffix(option)).unwrap_or(before);
            if !before.ends_with(is_of_a_word) {
                told.extend(number_behind(after));
            }
        }
    }
    told
}

/// `None`: it is named and not told.
fn number_behind(text: &str) -> Option<Told> {
    let rest = text.trim_start_matches(['\'', '"']).trim_start();
    let assigned = ["=", ":", "TO ", "to "].iter().find_map(|sign| rest.strip_prefix(sign));
    // A file of configuration may leave out the sign.
    let rest = assigned.or_else(|| text.starts_with([' ', '\t']).then_some(rest))?;
    let rest = rest.trim_start().trim_start_matches(['\'', '"', '\\']);
    let digits = &rest[..rest.find(|one: char| !one.is_ascii_digit()).unwrap_or(rest.len())];
    match digits.parse() {
        Ok(number) => Some(Some(number)),
        Err(_) => assigned.map(|_| None),
    }
}

fn without_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with('#') || trimmed.starts_with("-- ") {
        return "";
    }
    line.find(" #").map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::super::POOL_01;
    use super::{config_file, told_in};
    use crate::testing::judge_bundled;

    #[rstest]
    #[case::an_argument("max_connections=200", &[Some(200)])]
    #[case::an_option_of_its_own("--max-connections=200", &[Some(200)])]
    #[case::an_option_as_it_is_called("postgres --max_connections=200", &[Some(200)])]
    #[case::one_word("-cmax_connections=200", &[Some(200)])]
    #[case::a_script("exec postgres -c ssl=on -c max_connections=200 -c log_statement=ddl", &[Some(200)])]
    #[case::quoted("exec postgres -c 'max_connections=200'", &[Some(200)])]
    #[case::a_file("shared_buffers = 32MB\nmax_connections = 200  # of two pods", &[Some(200)])]
    #[case::a_file_without_a_sign("max_connections\t200", &[Some(200)])]
    #[case::a_statement("ALTER SYSTEM SET max_connections TO '200';", &[Some(200)])]
    #[case::a_variable("exec postgres -c max_connections=$MAX", &[None])]
    #[case::a_comment("#max_connections = 100", &[])]
    #[case::another_setting("superuser_reserved_connections = 5\nautovacuum_max_connections = 1", &[])]
    #[case::a_question("psql -c 'SHOW max_connections'", &[])]
    fn a_text_tells(#[case] text: &str, #[case] expected: &[Option<u64>]) {
        assert_eq!(told_in(text, "max_connections"), expected);
    }

    #[rstest]
    #[case("config_file=/etc/pg.conf", Some("/etc/pg.conf"))]
    #[case("exec postgres -c 'config_file=/etc/pg.conf' -c ssl=on", Some("/etc/pg.conf"))]
    #[case("hba_file=/etc/pg_hba.conf", None)]
    fn a_command_names_its_file(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(config_file(text).as_deref(), expected);
    }

    const FILES: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: large}, data: {postgresql.conf: \"ssl = on\\nmax_connections = 200\\n\"}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: plain}, data: {postgresql.conf: 'ssl = on', pg_hba.conf: 'local all all peer'}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: open}, data: {postgresql.conf: \"include_dir 'conf.d'\"}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: script}, data: {start.sh: 'exec postgres -c max_connections=200'}}\n---\n";

    /// A server beside a client that takes 120 of its connections in a roll.
    fn beside_a_client(container: &str, volume: &str) -> String {
        format!(
            "{FILES}{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: certctl-postgres}}, spec: {{template: {{metadata: {{labels: {{app: pg}}}}, spec: {{volumes: [{{name: c, {volume}}}], containers: [{{name: pg, image: 'postgres:18', volumeMounts: [{{name: c, mountPath: /etc/pg}}], {container}}}]}}}}}}}}\n---\n{{apiVersion: v1, kind: Service, metadata: {{name: pg}}, spec: {{selector: {{app: pg}}, ports: [{{port: 5432}}]}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: pg}}, {{name: DB_POOL_SIZE, value: '60'}}]}}]}}}}}}}}"
        )
    }

    #[rstest]
    #[case::nothing("", "emptyDir: {}", Violated)]
    #[case::enough("args: [postgres, -c, max_connections=200]", "emptyDir: {}", Holds)]
    #[case::enough_in_a_script("command: [sh, -c, 'exec postgres -c max_connections=200']", "emptyDir: {}", Holds)]
    #[case::too_few_in_a_script("command: [sh, -c, 'exec postgres -c max_connections=110']", "emptyDir: {}", Violated)]
    #[case::what_a_shell_knows("command: [sh, -c, 'exec postgres -c max_connections=$MAX']", "emptyDir: {}", Unchecked)]
    #[case::enough_in_a_variable("env: [{name: POSTGRESQL_MAX_CONNECTIONS, value: '200'}]", "emptyDir: {}", Holds)]
    #[case::a_file("args: [-c, config_file=/etc/pg/postgresql.conf]", "configMap: {name: large}", Holds)]
    #[case::a_file_and_more(
        "args: [-c, config_file=/etc/pg/postgresql.conf, -c, max_connections=110]",
        "configMap: {name: large}",
        Violated
    )]
    #[case::a_file_that_does_not_say_it(
        "args: [-c, config_file=/etc/pg/postgresql.conf]",
        "configMap: {name: plain}",
        Violated
    )]
    #[case::a_file_that_includes_others(
        "args: [-c, config_file=/etc/pg/postgresql.conf]",
        "configMap: {name: open}",
        Unchecked
    )]
    #[case::a_file_of_the_image("args: [-c, config_file=/usr/share/pg.conf]", "configMap: {name: plain}", Unchecked)]
    #[case::a_file_of_somebody_else(
        "args: [-c, config_file=/etc/pg/postgresql.conf]",
        "configMap: {name: other}",
        Unchecked
    )]
    #[case::a_file_that_nobody_names("", "configMap: {name: large}", Holds)]
    #[case::a_file_of_somebody_else_that_nobody_names(
        "",
        "configMap: {name: other, items: [{key: a, path: a.conf}]}",
        Unchecked
    )]
    #[case::who_may_log_in("", "configMap: {name: plain}", Violated)]
    #[case::a_script_that_is_mounted("command: [sh, /etc/pg/start.sh]", "configMap: {name: script}", Holds)]
    fn a_server_is_told(#[case] container: &str, #[case] volume: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_bundled(&POOL_01, &beside_a_client(container, volume)), verdict);
    }
}
