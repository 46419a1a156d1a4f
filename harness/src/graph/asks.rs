//! Containers that only ask whether a server or a Secret is there, and log in nowhere: they wait for others, or look
//! before others begin.

use super::workload::Container;

/// Programs that see whether a server answers, and never log in.
const ASKING: &[&str] = &["pg_isready", "nc", "ncat", "netcat", "nslookup", "getent"];

/// Programs and words of the shell that come to no server.
const HARMLESS: &[&str] = &[
    "[", "[[", ":", "break", "continue", "date", "done", "echo", "esac", "exit", "export", "false", "fi", "for",
    "printf", "seq", "set", "sleep", "test", "true",
];

/// Words of the shell after which a command begins.
const BEFORE_A_COMMAND: &[&str] =
    &["!", "{", "}", "command", "do", "elif", "else", "exec", "if", "then", "time", "until", "while"];

const SHELLS: &[&str] = &["sh", "bash", "ash", "dash"];

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
    let Some(programs) = programs_of(script) else { return false };
    programs.iter().all(|program| ASKING.contains(&program.as_str()) || HARMLESS.contains(&program.as_str()))
        && (looks || programs.iter().any(|program| ASKING.contains(&program.as_str())))
}

/// The programs that a script runs; nothing where it cannot be told.
fn programs_of(script: &str) -> Option<Vec<String>> {
    let mut programs = Vec::new();
    for command in plain(script)?.split([';', '\n', '|', '&', '(', ')', '`']) {
        let is_assignment = |word: &&str| {
            word.split_once('=').is_some_and(|(name, _)| {
                name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_') && !name.is_empty()
            })
        };
        let mut words =
            command.split_whitespace().skip_while(|word| BEFORE_A_COMMAND.contains(word) || is_assignment(word));
        let Some(mut first) = words.next() else { continue };
        if first == "timeout" {
            let is_option = |word: &&str| word.starts_with('-') || word.starts_with(|one: char| one.is_ascii_digit());
            first = words.find(|word| !is_option(word))?;
        }
        // A redirection is no program, and a socket of the shell's own asks like one.
        if command.contains("/dev/tcp/") {
            programs.push("nc".to_owned());
        } else if !first.trim_start_matches(|one: char| one.is_ascii_digit()).starts_with(['>', '<', '$', '#']) {
            programs.push(base(first).to_owned());
        }
    }
    Some(programs)
}

/// A script without what stands in quotes, in arithmetic and behind `>&`: none of these ends a command. Nothing where a
/// quote holds a command.
fn plain(script: &str) -> Option<String> {
    let script = script.replace("\\\n", " ").replace(">&", ">").replace("&>", ">");
    let mut plain = String::new();
    let mut quote = None;
    for character in script.chars() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => {
                plain.push_str("text");
                quote = None;
            }
            (Some('"'), '`' | '(') => return None,
            (Some(_), _) => {}
            (None, _) => plain.push(character),
        }
    }
    while let Some(start) = plain.find("$((") {
        let end = start + plain[start..].find("))")?;
        plain.replace_range(start..end + 2, "0");
    }
    Some(plain)
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
