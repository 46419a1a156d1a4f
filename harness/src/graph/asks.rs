//! Containers that only ask whether a server or a Secret is there, and log in nowhere: they wait for others, or look
//! before others begin.

use super::workload::Container;
use crate::script::{Command, SHELLS, commands};

/// Programs that see whether a server answers, and never log in.
const ASKING: &[&str] = &["pg_isready", "nc", "ncat", "netcat", "nslookup", "getent"];

/// Programs and words of the shell that come to no server.
const HARMLESS: &[&str] = &[
    "[", "[[", "}", ":", "break", "continue", "date", "done", "echo", "esac", "exit", "export", "false", "fi", "for",
    "printf", "seq", "set", "sleep", "test", "true",
];

/// Whether a container comes to no database: all it runs is asking whether a server answers, or, where it starts
/// whatever is missing, whether what it refers to is there.
pub(super) fn only_asks(container: &Container) -> bool {
    let words: Vec<String> = container.words().iter().map(|(_, word)| word.with_holes().to_owned()).collect();
    let Some((first, rest)) = words.split_first() else { return false };
    if !SHELLS.contains(&base(first)) {
        return ASKING.contains(&base(first));
    }
    let Some(script) = rest.iter().find(|word| !word.starts_with('-')) else { return false };
    let mut secrets = container.env().iter().filter(|variable| variable.is_secret()).peekable();
    let looks = secrets.peek().is_some() && secrets.all(|variable| variable.optional);
    let programs = programs_of(script);
    programs.iter().all(|program| ASKING.contains(&program.as_str()) || HARMLESS.contains(&program.as_str()))
        && (looks || programs.iter().any(|program| ASKING.contains(&program.as_str())))
}

/// The programs that a script runs. A command that a variable names is one that nobody knows.
fn programs_of(script: &str) -> Vec<String> {
    let program_of = |command: &Command| {
        let mut words = command.arguments().iter();
        let mut first = words.next()?;
        if first == "timeout" {
            let is_option =
                |word: &&String| word.starts_with('-') || word.starts_with(|one: char| one.is_ascii_digit());
            first = words.find(|word| !is_option(word))?;
        }
        let is_redirection = first.trim_start_matches(|one: char| one.is_ascii_digit()).starts_with(['>', '<', '&']);
        // A socket of the shell's own asks like a program.
        let opens_a_socket = command.words.iter().any(|word| word.contains("/dev/tcp/"));
        match (opens_a_socket, is_redirection) {
            (true, _) => Some("nc".to_owned()),
            (false, true) => None,
            (false, false) => Some(base(first).to_owned()),
        }
    };
    commands(script).iter().filter_map(program_of).collect()
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::graph::tests::client_of;

    const HOST: &str = "{name: PGHOST, value: db-rw}";
    const WANTED: &str = "{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: db-app, key: uri, optional: true}}}";
    const INSISTED: &str = "{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: db-app, key: uri}}}";

    #[rstest]
    #[case::waits_for_an_answer(
        HOST,
        "sh, -c, 'until pg_isready -h \"$PGHOST\"; do echo \"not yet; wait\"; sleep 2; done'",
        true
    )]
    #[case::waits_for_a_port(
        HOST,
        "sh, -c, 'i=0; while ! timeout 5 nc -z $PGHOST 5432 >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 60 ] || exit 1; done'",
        true
    )]
    #[case::waits_by_the_shell(
        HOST,
        "bash, -c, 'until (echo > /dev/tcp/$PGHOST/5432) 2>/dev/null; do sleep 1; done'",
        true
    )]
    #[case::asks_directly(HOST, "pg_isready, -h, db-rw", true)]
    #[case::goes_on_afterwards(
        HOST,
        "sh, -c, 'until pg_isready; do sleep 1; done; exec python manage.py migrate'",
        false
    )]
    #[case::logs_in(HOST, "sh, -c, 'until psql -c \"select 1\"; do sleep 1; done'", false)]
    #[case::hides_a_command(HOST, "sh, -c, 'until pg_isready; do sleep 1; done; echo \"$(psql -c x)\"'", false)]
    #[case::ends_as_a_command_of_a_variable(HOST, "sh, -c, 'until pg_isready; do sleep 1; done; exec $COMMAND'", false)]
    #[case::asks_in_braces(HOST, "sh, -c, '{ pg_isready; } >/dev/null 2>&1 || exit 1'", true)]
    #[case::says_when_it_asks(HOST, "sh, -c, 'until pg_isready; do echo \"$(date) not yet\"; sleep 1; done'", true)]
    #[case::is_a_program(HOST, "/app/server", false)]
    #[case::looks_whether_it_is_there(
        WANTED,
        "sh, -c, 'if [ -z \"$DATABASE_URL\" ]; then echo \"missing: db-app\"; exit 1; fi'",
        true
    )]
    #[case::insists_on_what_it_looks_at(INSISTED, "sh, -c, '[ -n \"$DATABASE_URL\" ]'", false)]
    fn a_container(#[case] env: &str, #[case] command: &str, #[case] asks: bool) {
        let client = client_of(&format!("env: [{env}], command: [{command}]"), "", "");
        assert_eq!(client.is_none(), asks);
    }
}
