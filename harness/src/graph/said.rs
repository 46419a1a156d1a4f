//! What commands, and the scripts that they run, say of libpq's settings: `PGSSLMODE=require psql`.

use super::client::FoundDsn;
use super::fact::Text;
use super::store::Store;
use super::volume::FileContent;
use super::workload::Container;

/// Programs that run a script.
const SHELLS: &[&str] = &["sh", "bash", "ash", "dash"];

/// The values that a container's commands give a setting, which is a variable and a parameter of connection strings.
/// A script that nobody knows may say anything: it is a value that is not known.
pub(super) fn find(
    container: &Container,
    dsns: &[FoundDsn],
    store: &Store,
    (variable, parameter): (&str, &str),
) -> Vec<Text> {
    let words: Vec<Text> = container.words().into_iter().map(|(_, word)| word).collect();
    let scripts = scripts(container, &words, store);
    let unknown = scripts.iter().filter(|script| script.is_unknown()).cloned();
    let texts = || words.iter().chain(&scripts);
    let assigned = texts().flat_map(|text| values(text, variable));
    // What stands in a list of key=value pairs that was read is that list's own.
    let listed = texts().filter(|_| dsns.is_empty()).flat_map(|text| values(text, parameter));
    let written = assigned.chain(listed).filter(|value| !value.with_holes().contains(variable));
    unknown.chain(written).collect()
}

/// The mounted scripts that a command runs: by themselves, or by a shell.
fn scripts(container: &Container, words: &[Text], store: &Store) -> Vec<Text> {
    let first = words.first().and_then(Text::known).unwrap_or_default();
    let by_a_shell = SHELLS.contains(&first.rsplit('/').next().unwrap_or_default());
    let run = words.iter().take(if by_a_shell { words.len() } else { 1 });
    let contents = run.filter_map(|word| match container.file(word.known()?)?.content {
        FileContent::Key { key, .. } => Some(store.content(&key)),
        _ => None,
    });
    contents.collect()
}

/// What stands behind `name=`, except in a URI, whose parameters are its own.
fn values(text: &Text, name: &str) -> Vec<Text> {
    let whole = text.with_holes();
    let found = whole.match_indices(name).filter(|(at, _)| !whole[..*at].ends_with(['?', '&']));
    let values = found.filter_map(|(at, _)| whole[at + name.len()..].strip_prefix('=')).map(|value| {
        let value = value.trim_start_matches(['"', '\'']);
        let end = value.find(|one: char| one.is_whitespace() || "\"';&|)".contains(one)).unwrap_or(value.len());
        text.part(&value[..end])
    });
    values.collect()
}
