//! SEC-01: no credential is printed.
//!
//! Logs are read by more people than Secrets are, and kept longer. A script that says which database it cannot reach
//! prints the password with the rest of the URL; `set -x` prints every command with everything expanded; `env` prints
//! all. The rendered lane reads the scripts of containers that hold a credential; the live lane searches what
//! every container of the namespace wrote, before each restart and in pods that are gone too, what the operator wrote
//! meanwhile on a cluster of Holdfast's own, and the events, for every live password, in any spelling. A log of which
//! nobody could read all leaves it open.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty};
use harness::experiment::SETTLED;
use harness::finding::{Locate as _, Place};
use harness::graph::{Container, FileContent, RefKind};
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::script::{Command, holds_variable};

use crate::script::{Script, scripts};

/// No credential is printed.
pub const SEC_01: Requirement = Requirement {
    id: "SEC-01",
    title: "No credential is printed into logs and events",
    level: Level::Must,
    source: "S3: \"DO NOT commit real values\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Live],
    remedy: "name the host and the role in messages, never the URL; drop `set -x` and `env` from scripts with a credential",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let mut holders = 0;
    for workload in subject.workloads() {
        for container in workload.containers() {
            let names = secret_variables(container);
            if names.is_empty() && !mounts_a_secret(container) {
                continue;
            }
            holders += 1;
            let all = scripts(container, subject);
            let printed: Vec<String> = all.iter().flat_map(|script| printed(script, container, &names)).collect();
            check.expect(container.at("command").place(), "commands that print a credential", &printed[..], empty());
        }
    }
    if holders == 0 {
        check.not_applicable("no container is given a Secret");
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    let place = Place::object("the namespace");
    let Some(exposed) = &install.at(SETTLED).exposed else {
        return check.undecided(place, "live passwords in logs", "nobody searched for them");
    };
    check.control(&place, "live passwords to search for", &exposed.searched[..], not_empty());
    check.control(&place, "logs and events to search", &exposed.logs[..], not_empty());
    for place in &exposed.logs {
        let state = if exposed.found.contains(place) { "a live password" } else { "none" };
        check.expect(place, "a live password in any spelling", &state, equal_to("none"));
    }
    for place in &exposed.unread {
        check.undecided(place, "a live password in any spelling", "nobody could read this log to its end");
    }
}

/// Keys of a Secret that tell who and where, and open nothing.
const NAMES: &[&str] = &["username", "user", "role", "dbname", "database", "host", "hostname", "port"];

/// The variables that hold a Secret, or are composed of one.
fn secret_variables(container: &Container) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for variable in container.env() {
        let written = variable.written.as_deref().unwrap_or_default();
        let composed = harness::graph::expansions(written).iter().any(|name| found.contains(name));
        let is_a_name = variable.key().is_some_and(|key| NAMES.contains(&key.key.as_str()));
        if (variable.is_secret() && !is_a_name) || composed {
            found.push(&variable.name);
        }
    }
    found
}

fn mounts_a_secret(container: &Container) -> bool {
    container.mounts().iter().any(|mount| mount.volume.keys().any(|(kind, _)| kind == RefKind::Secret))
}

/// What a script prints, by program and credential; the credential itself never stands in a script.
fn printed(script: &Script, container: &Container, names: &[&str]) -> Vec<String> {
    let commands = script.commands();
    let traced = script.is_traced();
    let mut found = Vec::new();
    for command in &commands {
        let held = names.iter().find(|name| command.words.iter().any(|word| holds_variable(word, name)));
        let visible = !command.captured && !command.writes_a_file();
        let what = match (command.program(), held) {
            (_, Some(name)) if traced => Some(format!("`set -x` prints {name}")),
            (program @ ("echo" | "printf"), Some(name)) if visible => Some(format!("`{program}` prints {name}")),
            (program @ ("env" | "printenv" | "export"), _) if visible && prints_all(command) && !names.is_empty() => {
                Some(format!("`{program}` prints {}", names[0]))
            }
            ("printenv", _) if visible => {
                let name = names.iter().find(|name| command.words.iter().any(|word| word == **name));
                name.map(|name| format!("`printenv` prints {name}"))
            }
            ("cat", _) if visible => {
                let file = command.words.iter().find(|word| is_secret_file(container, word));
                file.map(|file| format!("`cat` prints {file}"))
            }
            _ => None,
        };
        found.extend(what.map(|what| format!("{}: {what}", script.field)));
    }
    found.dedup();
    found
}

/// `env` and its like without a command or a name behind it.
fn prints_all(command: &Command) -> bool {
    match command.arguments() {
        [program, rest @ ..] if program == "export" => rest.first().is_some_and(|option| option == "-p"),
        [_, rest @ ..] => rest.iter().all(|word| word.starts_with('-') || word.contains('>') || word.starts_with('/')),
        [] => false,
    }
}

fn is_secret_file(container: &Container, path: &str) -> bool {
    let file = path.starts_with('/').then(|| container.file(path)).flatten();
    matches!(file.map(|file| file.content), Some(FileContent::Key { key, .. }) if key.kind == RefKind::Secret)
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::finding::Place;
    use harness::record::{Experiment, Exposed};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::SEC_01;
    use crate::testing::{judge_live, judge_manifests, moment, record};

    fn pod(script: &str) -> String {
        let url = "{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: db, key: uri}}}, {name: PGUSER, valueFrom: \
                   {secretKeyRef: {name: db, key: username}}}";
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n    - name: a\n      env: [{url}]\n      volumeMounts: [{{name: s, mountPath: /etc/db}}]\n      command: [sh, -c]\n      args:\n        - |\n          {}\n  volumes: [{{name: s, secret: {{secretName: db}}}}]\n",
            script.replace('\n', "\n          ")
        )
    }

    #[rstest]
    #[case::names_the_host("migrate || echo \"cannot reach $DATABASE_HOST\"", Holds)]
    #[case::names_the_role("migrate || echo \"cannot log in as $PGUSER\"", Holds)]
    #[case::prints_the_url("migrate || echo \"cannot reach $DATABASE_URL\"", Violated)]
    #[case::prints_it_as_kubernetes_expands_it("echo $(DATABASE_URL)", Violated)]
    #[case::pipes_it("echo \"$DATABASE_URL\" | psql-from-stdin", Holds)]
    #[case::writes_it("printf %s \"$DATABASE_URL\" > /tmp/url", Holds)]
    #[case::takes_it_apart("HOST=$(echo \"$DATABASE_URL\" | cut -d@ -f2); echo \"$HOST\"", Holds)]
    #[case::hands_it_over("psql \"$DATABASE_URL\" -c 'select 1'", Holds)]
    #[case::traces("set -ex\npsql \"$DATABASE_URL\" -c 'select 1'", Violated)]
    #[case::traces_something_else("set -ex\nserve", Holds)]
    #[case::prints_the_environment("env\nserve", Violated)]
    #[case::runs_by_env("env TZ=UTC serve", Holds)]
    #[case::prints_a_file("cat /etc/db/uri", Violated)]
    #[case::reads_a_file("URL=$(cat /etc/db/uri) serve", Holds)]
    fn a_script(#[case] script: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&SEC_01, &pod(script)), verdict);
    }

    #[rstest]
    #[case::clean(&[], Unchecked)]
    #[case::with_a_password_elsewhere(&["log of pod a"], Violated)]
    fn a_log_that_nobody_could_read_leaves_the_others(#[case] found: &[&str], #[case] verdict: Verdict) {
        let mut settled = moment(SETTLED, 0, []);
        settled.exposed = Some(Exposed {
            searched: vec!["secret/db, password".into()],
            logs: vec![Place::object("log of pod a")],
            unread: vec![Place::object("log of pod b")],
            found: found.iter().map(|name| Place::object(*name)).collect(),
            ..Exposed::default()
        });
        assert_eq!(judge_live(&SEC_01, [record(Experiment::Install, [settled])]), verdict);
    }

    #[test]
    fn who_holds_no_secret_prints_none() {
        let text = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, command: [env]}]}}";
        assert_eq!(judge_manifests(&SEC_01, text), NotApplicable);
    }

    #[rstest]
    #[case::nowhere(&["secret/db, password"], &[], Holds)]
    #[case::in_a_log(&["secret/db, password"], &["log of pod a"], Violated)]
    #[case::of_which_there_is_none(&[], &[], Unchecked)]
    fn a_live_password_stands(#[case] searched: &[&str], #[case] found: &[&str], #[case] verdict: Verdict) {
        let mut settled = moment(SETTLED, 0, []);
        settled.exposed = Some(Exposed {
            searched: searched.iter().map(|name| (*name).to_owned()).collect(),
            logs: vec![Place::object("log of pod a"), Place::object("event about a")],
            found: found.iter().map(|name| Place::object(*name)).collect(),
            ..Exposed::default()
        });
        assert_eq!(judge_live(&SEC_01, [record(Experiment::Install, [settled])]), verdict);
    }
}
