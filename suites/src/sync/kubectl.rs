//! What scripts ask of the API server through kubectl, as far as their words tell.

use harness::graph::Container;
use harness::rendered::Rendered;
use harness::script::Command;

use crate::script::scripts;

/// One call of kubectl, or of a program that asks a server for its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// `get`, `patch`, `create`, `apply`, `exec`; `s_client` for a handshake.
    pub(super) verb: String,
    /// `secret`, `configmap`; nothing where it names none.
    pub(super) kind: String,
    /// The object's name, where it is known.
    pub(super) name: Option<String>,
    /// The key that it selects. `None`: the whole object, or nobody knows.
    pub(super) key: Option<String>,
    /// All its words.
    pub(super) words: Vec<String>,
    /// The script that it is part of, and its pipeline there.
    pub(super) script: usize,
    pub(super) pipeline: usize,
}

impl Call {
    /// Whether it takes something from elsewhere.
    pub(super) fn reads(&self) -> bool {
        matches!(self.verb.as_str(), "exec" | "cp" | "s_client") || self.verb == "get" && self.is_about_a_secret()
    }

    /// Whether it writes an object. What is only printed is not written.
    pub(super) fn writes(&self) -> bool {
        let names_one = matches!(self.verb.as_str(), "patch" | "create" | "replace" | "annotate");
        self.verb == "apply" || names_one && (self.is_about_a_secret() || self.kind.is_empty())
    }

    /// Whether it prints an object instead of making it.
    pub(super) fn is_dry(&self) -> bool {
        self.words.iter().any(|word| word.starts_with("--dry-run"))
    }

    pub(super) fn is_about_a_secret(&self) -> bool {
        matches!(self.kind.as_str(), "secret" | "secrets")
    }
}

/// Flags of kubectl with a value of their own behind them.
const WITH_A_VALUE: &[&str] = &[
    "-n",
    "--namespace",
    "-o",
    "--output",
    "-p",
    "--patch",
    "--type",
    "-f",
    "--filename",
    "-c",
    "--container",
    "--context",
    "--template",
    "--field-manager",
    "--from-literal",
    "--from-file",
    "--server",
    "--token",
    "-l",
    "--selector",
    "--certificate-authority",
    "--patch-file",
];

/// The calls of a container's scripts, in their order.
pub(super) fn calls(container: &Container, subject: &Rendered) -> Vec<Call> {
    let mut found = Vec::new();
    for (index, script) in scripts(container, subject).iter().enumerate() {
        let read = |command: &Command| call(command, container, index);
        found.extend(script.commands().iter().filter_map(read));
    }
    found
}

fn call(command: &Command, container: &Container, script: usize) -> Option<Call> {
    let words: Vec<String> = command.arguments().iter().map(|word| expanded(word, container)).collect();
    let (program, rest) = words.split_first()?;
    let program = program.rsplit('/').next().unwrap_or(program);
    let mut call = Call {
        verb: String::new(),
        kind: String::new(),
        name: None,
        key: None,
        words: words.clone(),
        script,
        pipeline: command.pipeline,
    };
    if program == "openssl" && rest.iter().any(|word| word == "s_client") {
        call.verb = "s_client".into();
        return Some(call);
    }
    if !matches!(program, "kubectl" | "oc") {
        return None;
    }
    let mut positional = positional(rest);
    call.verb = positional.next()?;
    if let Some(object) = positional.next() {
        match object.split_once('/') {
            Some((kind, name)) => (call.kind, call.name) = (kind.to_lowercase(), known(name)),
            None => {
                call.kind = object.to_lowercase();
                // `create secret generic NAME` has the type in between.
                let name = positional.next();
                let of_type = |word: &String| matches!(word.as_str(), "generic" | "tls" | "docker-registry");
                let typed = call.verb == "create" && name.as_ref().is_some_and(of_type);
                call.name = if typed { positional.next() } else { name }.as_deref().and_then(known);
            }
        }
    }
    call.key = rest.iter().find_map(|word| selected(word));
    Some(call)
}

/// The words that are no flags and no values of flags.
fn positional(words: &[String]) -> impl Iterator<Item = String> + '_ {
    let mut skip = false;
    words.iter().take_while(|word| *word != "--").filter_map(move |word| {
        if std::mem::take(&mut skip) {
            return None;
        }
        if word.starts_with('-') && word.len() > 1 {
            skip = WITH_A_VALUE.contains(&word.as_str());
            return None;
        }
        // Where output goes is no argument.
        (!word.contains('>') && word != "-").then(|| word.clone())
    })
}

/// A name that is spelt out.
fn known(name: &str) -> Option<String> {
    (!name.is_empty() && !name.contains(['$', '\u{2026}'])).then(|| name.to_owned())
}

/// The key of `{.data.ca\.crt}`, of `{.data['ca\.crt']}` and of `{{index .data "ca.crt"}}`.
fn selected(word: &str) -> Option<String> {
    data_paths(word).into_iter().next().map(|(key, _)| key).filter(|key| !key.is_empty())
}

/// Each path that begins at `.data`: its key, and what follows `.data`. Without a key it ends there.
pub(super) fn data_paths(text: &str) -> Vec<(String, &str)> {
    let ends = |one: char| matches!(one, '}' | '\'' | '"' | ']' | ' ' | '|' | ',' | ')');
    // `.database` and `.metadata.data-of` are other words.
    let is_longer = |after: &str| after.starts_with(|next: char| next.is_ascii_alphanumeric() || "-_".contains(next));
    let found = text.match_indices(".data").map(|(at, part)| &text[at + part.len()..]);
    found
        .filter(|after| !is_longer(after))
        .map(|after| {
            let key = after.trim_start_matches(['.', '[', '\'', '"', ' ', '\\']);
            (key.split(ends).next().unwrap_or_default().replace('\\', ""), after)
        })
        .collect()
}

/// A word with the container's own variables put in, where they are known.
pub(super) fn expanded(word: &str, container: &Container) -> String {
    container.env().iter().fold(word.to_owned(), |word, variable| match variable.value.known() {
        Some(value) if word.contains('$') => {
            let word = word.replace(&format!("${{{}}}", variable.name), value);
            if harness::script::holds_variable(&word, &variable.name) {
                word.replace(&format!("${}", variable.name), value)
            } else {
                word
            }
        }
        _ => word,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::selected;

    #[rstest]
    #[case::json_path(r"jsonpath={.data.ca\.crt}", Some("ca.crt"))]
    #[case::json_path_in_brackets(r"jsonpath={.data['ca\.crt']}", Some("ca.crt"))]
    #[case::template(r#"go-template={{index .data "ca.crt" | base64decode}}"#, Some("ca.crt"))]
    #[case::the_whole("yaml", None)]
    #[case::all_of_the_data("jsonpath={.data}", None)]
    #[case::another_word("secrets.database", None)]
    fn a_key_is_selected(#[case] word: &str, #[case] expected: Option<&str>) {
        assert_eq!(selected(word).as_deref(), expected);
    }
}
