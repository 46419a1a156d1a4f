//! The scripts that containers run: those of their commands, and those of ConfigMaps that these name.

use harness::graph::{Container, RefKind};
use harness::rendered::Rendered;
use harness::script::{Command, SHELLS, commands};

/// A script of a container, with the field that holds it.
#[derive(Debug)]
pub(crate) struct Script {
    /// Where it stands, `command[2]` or the ConfigMap's key.
    pub(crate) field: String,
    text: String,
}

/// What a container runs: its command and arguments, and the scripts of ConfigMaps that these name.
pub(crate) fn scripts(container: &Container, subject: &Rendered) -> Vec<Script> {
    let mut words: Vec<(String, String)> = Vec::new();
    for field in ["command", "args"] {
        let listed = container.get(field).and_then(serde_json::Value::as_array).into_iter().flatten().enumerate();
        let told = listed.filter_map(|(index, word)| Some((format!("{field}[{index}]"), word.as_str()?.to_owned())));
        words.extend(told.map(|(field, word)| (field, with_plain_variables(&word, container))));
    }
    let mut found: Vec<Script> = Vec::new();
    let is_shell = words.first().is_some_and(|(_, word)| SHELLS.contains(&word.rsplit('/').next().unwrap_or(word)));
    if is_shell {
        // What stands before the script are options of the shell, and `-x` is one of them.
        let options: Vec<&str> =
            words.iter().map(|(_, word)| word.as_str()).filter(|word| word.starts_with('-')).collect();
        let traced = options.iter().any(|option| !option.starts_with("--") && option.contains('x'));
        let text = words.iter().skip(1).find(|(_, word)| !word.starts_with('-'));
        if let Some((field, text)) = text {
            let text = if traced { format!("set -x\n{text}") } else { text.clone() };
            found.push(Script { field: field.clone(), text });
        }
    } else if !words.is_empty() {
        let quoted = words.iter().map(|(_, word)| format!("'{}'", word.replace('\'', "'\\''")));
        found.push(Script { field: "command".into(), text: quoted.collect::<Vec<_>>().join(" ") });
    }
    let lifecycle = container.get("lifecycle").map(ToString::to_string).unwrap_or_default();
    let says = |key: &str| words.iter().any(|(_, word)| word.contains(key)) || lifecycle.contains(key);
    for mount in container.mounts() {
        for (kind, name) in mount.volume.keys().filter(|(kind, _)| *kind == RefKind::ConfigMap) {
            for (key, text) in subject.graph().store().entries(kind, name).filter(|(key, _)| says(key)) {
                let Some(text) = text.known() else { continue };
                found.push(Script { field: format!("{key} of ConfigMap {name}"), text: text.to_owned() });
            }
        }
    }
    found
}

/// `$(NAME)` of Kubernetes as the shell would write it, `${NAME}`: to a shell the first is a command.
fn with_plain_variables(word: &str, container: &Container) -> String {
    container.env().iter().fold(word.to_owned(), |word, known| {
        word.replace(&format!("$({})", known.name), &format!("${{{}}}", known.name))
    })
}

impl Script {
    /// Its simple commands, those of substitutions too.
    pub(crate) fn commands(&self) -> Vec<Command> {
        commands(&self.text)
    }

    /// Whether the shell prints each command before it runs it, with everything expanded.
    pub(crate) fn is_traced(&self) -> bool {
        self.commands().iter().any(|command| {
            command.words.first().is_some_and(|word| word == "set")
                && command.words.iter().skip(1).any(|word| {
                    word == "xtrace" || word.starts_with('-') && !word.starts_with("--") && word.contains('x')
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Script;

    #[rstest]
    #[case::option("set -eux\na", true)]
    #[case::by_name("set -o xtrace", true)]
    #[case::other_options("set -eu", false)]
    #[case::another_program("tar -x", false)]
    fn a_script_is_traced(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(Script { field: String::new(), text: text.into() }.is_traced(), expected);
    }
}
