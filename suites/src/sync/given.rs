//! What a copier is given of the Secret that it copies from, besides what its scripts ask the API server for: files,
//! variables, and the names that a program of its own is told.
//!
//! A program that has a whole Secret in reach may take any key of it, and one that is told of a key takes that one.

use harness::graph::{Container, EnvSource, FileContent, KeyRef, Mount, RefKind, VolumeSource};
use harness::rendered::Rendered;
use harness::script::{Command, SHELLS};
use harness::subject::SyncedKey;

use super::kubectl::expanded;
use super::taken::{Taken, is_private};
use crate::script::{Script, scripts};

/// Programs that look at a file, and hand it on to nobody.
const LOOK: &[&str] = &["test", "[", "[[", "ls", "stat", "grep", "openssl", "echo", "printf", "cmp", "diff"];

/// What a container takes of the Secrets that it mounts or has in variables, each with its name. Where the source is
/// declared it is asked about that one, else about those whose files a command of kubectl takes.
pub(super) fn given(container: &Container, subject: &Rendered, source: Option<&SyncedKey>) -> Vec<(String, Taken)> {
    let commands: Vec<Command> = scripts(container, subject).iter().flat_map(Script::commands).collect();
    let mut found = Vec::new();
    for mount in container.mounts() {
        for volume in &mount.volume.sources {
            let VolumeSource::Keys { kind: RefKind::Secret, name, items, held, .. } = volume else { continue };
            let keys =
                if items.is_empty() { held.clone() } else { Some(items.iter().map(|one| one.key.clone()).collect()) };
            let is_declared = source.is_some_and(|source| source.secret == *name);
            let taking = commands.iter().filter(|command| is_declared || takes_files(command));
            let mut taken: Vec<Taken> =
                taking.flat_map(|command| of_files(command, container, mount, keys.as_deref())).collect();
            if is_declared && taken.is_empty() {
                taken.push(of_reach(keys, &format!("mounted at {}", mount.path)));
            } else if !is_declared && source.is_some() {
                taken.retain(|taken| matches!(taken, Taken::Keys(keys) if keys.iter().any(|key| is_private(key))));
            }
            found.extend(taken.into_iter().map(|taken| (name.clone(), taken)));
        }
    }
    let Some(source) = source else { return found };
    let own = |key: &&KeyRef| key.kind == RefKind::Secret && key.name == source.secret;
    let mut whole: Vec<String> = Vec::new();
    for variable in container.env() {
        let Some(key) = variable.key().filter(own) else { continue };
        match variable.source {
            EnvSource::EnvFrom(_) => whole.push(key.key.clone()),
            _ => found.push((source.secret.clone(), Taken::Keys(vec![key.key.clone()]))),
        }
    }
    if !whole.is_empty() {
        found.push((source.secret.clone(), of_reach(Some(whole), "taken whole as variables")));
    }
    found
}

/// The key that a program of its own is told to take: one word of its settings names the Secret, and one the key. What
/// a shell is told is a script, which says more than names.
pub(super) fn told(container: &Container, source: Option<&SyncedKey>) -> Option<(String, Taken)> {
    let source = source?;
    let words: Vec<String> =
        container.words().into_iter().filter_map(|(_, word)| Some(word.known()?.to_owned())).collect();
    let first = words.first().map_or("", String::as_str);
    if SHELLS.contains(&first.rsplit('/').next().unwrap_or_default()) {
        return None;
    }
    let variables = container.env().iter().filter_map(|variable| variable.value.known()).map(str::to_owned);
    let settings: Vec<String> =
        words.iter().cloned().chain(variables).filter(|text| !text.contains(char::is_whitespace)).collect();
    let parts: Vec<&str> = settings.iter().flat_map(|text| text.split(['/', ',', ':', '='])).collect();
    let names = |name: &str| parts.contains(&name);
    let is_told = names(&source.secret) && names(&source.key) && !parts.iter().any(|part| is_private(part));
    is_told.then(|| (source.secret.clone(), Taken::Keys(vec![source.key.clone()])))
}

/// What may be taken of what is in reach, where no command says which.
fn of_reach(keys: Option<Vec<String>>, how: &str) -> Taken {
    match keys {
        Some(keys) if !keys.iter().any(|key| is_private(key)) => Taken::Keys(keys),
        _ => Taken::Unknown(format!("the whole Secret is {how}; which of its keys a program takes is not known here")),
    }
}

/// Whether a command makes keys of files.
fn takes_files(command: &Command) -> bool {
    command.words.iter().any(|word| word.starts_with("--from-file"))
}

/// What a command takes of the files of a mount that it names.
fn of_files(command: &Command, container: &Container, mount: &Mount, keys: Option<&[String]>) -> Vec<Taken> {
    let program = command.program().rsplit('/').next().unwrap_or_default();
    if LOOK.contains(&program) {
        return Vec::new();
    }
    let unknown = |path: &str| Taken::Unknown(format!("what {program} takes of {path} is not known here"));
    let words: Vec<String> = command.words.iter().map(|word| expanded(word, container)).collect();
    let named = words.iter().flat_map(|word| paths(word, mount.path.trim_end_matches('/')));
    let taken = named.map(|path| {
        let is_folder = path.trim_end_matches(['/', '.', '*']).len() <= mount.path.trim_end_matches('/').len();
        match container.file(path).map(|file| file.content) {
            _ if is_folder && takes_files(command) => keys.map_or(Taken::Whole, |keys| Taken::Keys(keys.to_vec())),
            Some(FileContent::Key { key, .. }) if !is_folder && !path.contains(['$', '*', '?']) => {
                Taken::Keys(vec![key.key])
            }
            _ => unknown(path),
        }
    });
    taken.collect()
}

/// The paths within a word that lead to a folder or below it.
fn paths<'w>(word: &'w str, folder: &str) -> Vec<&'w str> {
    let ends = |one: char| one.is_whitespace() || matches!(one, '"' | '\'' | ',' | ';' | ')' | ':' | '>' | '|');
    let of_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.' | '/');
    let begins = |at: &usize| !word[..*at].ends_with(of_name);
    let found = word.match_indices(folder).map(|(at, _)| at).filter(begins).map(|at| {
        let rest = &word[at..];
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    });
    found.filter(|path| path.len() == folder.len() || path[folder.len()..].starts_with('/')).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::paths;

    #[rstest]
    #[case::the_folder("--from-file=/ca", &["/ca"])]
    #[case::a_file("--from-file=ca.crt=/ca/ca.crt", &["/ca/ca.crt"])]
    #[case::everything_in_it("/ca/*", &["/ca/*"])]
    #[case::another_folder("/cache/ca.crt", &[])]
    #[case::a_folder_of_that_name_elsewhere("/run/ca/ca.crt", &[])]
    fn a_word_names_files(#[case] word: &str, #[case] expected: &[&str]) {
        assert_eq!(paths(word, "/ca"), expected);
    }
}
