//! Connection strings that a shell composes, `postgresql://$USER:$(cat /run/password)@${HOST}/app` in a command.
//!
//! No shell is run: a variable that is known is put in, and what a command would print stays a hole.

use super::dsn::Dsn;
use super::env::EnvVar;
use super::fact::Text;

/// How a connection string begins, wherever it stands.
pub(super) const BEGINNINGS: &[&str] = &["jdbc:postgresql:", "postgresql://", "postgres://", "postgresql+"];

/// The first connection string within a text that a shell reads; `None`: there is none with a host.
pub(super) fn connection_string(text: &Text, variables: &[EnvVar]) -> Option<Dsn> {
    let whole = text.with_holes();
    let start = BEGINNINGS.iter().filter_map(|beginning| whole.find(beginning)).min()?;
    let mut composed = Text::default();
    let mut rest = &whole[start..];
    while let Some(character) = rest.chars().next() {
        let ends = character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>' | ';' | '|' | ')');
        if ends {
            break;
        }
        let Some(after) = rest.strip_prefix('$') else {
            let (this, after) = rest.split_at(character.len_utf8());
            composed.push_text(&text.part(this));
            rest = after;
            continue;
        };
        if let Some(command) = after.strip_prefix('(') {
            composed.push_text(&Text::unknown("a command makes it when the container starts; the live lane sees it"));
            rest = behind_the_command(command);
            continue;
        }
        let braced = after.strip_prefix('{');
        let named = braced.unwrap_or(after);
        let length = named.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(named.len());
        let (name, after) = named.split_at(length);
        match variables.iter().find(|known| known.name == name) {
            Some(variable) => composed.push_text(&variable.value),
            None => composed.push_text(&Text::unknown(format!("the shell sets {name}; the live lane sees it"))),
        }
        rest = if braced.is_some() { after.split_once('}').map_or("", |(_, after)| after) } else { after };
    }
    Dsn::parse(&composed).filter(|dsn| !dsn.hosts.is_empty())
}

/// What follows the closing bracket of `$(`.
fn behind_the_command(command: &str) -> &str {
    let mut depth = 1_usize;
    for (at, character) in command.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &command[at + 1..];
        }
    }
    ""
}
