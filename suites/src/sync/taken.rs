//! What a script takes of a Secret that it reads: some keys, all of it, or what cannot be told.
//!
//! No program is run. Of `jq` and its like only a path to a key is understood; whatever else a script does with a whole
//! Secret may pick the right key out of it, or not.

use harness::script::{Command, holds_variable};

use super::kubectl::{Call, data_paths};

/// What a call takes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// What stands under these keys; no key is a certificate from elsewhere.
    Keys(Vec<String>),
    /// Every key.
    Whole,
    /// Nothing that is in a key.
    Nothing,
    /// It cannot be told; the text says why.
    Unknown(String),
}

/// What a call takes along, in a script of these commands.
pub(super) fn taken(call: &Call, commands: &[Command]) -> Taken {
    match call.verb.as_str() {
        "get" => match template(call) {
            Some(template) => by_template(template),
            None if prints_all(call) => of_all(call, commands),
            None if call.words.iter().any(|word| word.contains("-file=")) => {
                Taken::Unknown("a file says which part of the Secret it prints".into())
            }
            None => Taken::Nothing,
        },
        // A handshake shows certificates only.
        "s_client" => Taken::Keys(Vec::new()),
        _ => from_a_pod(call),
    }
}

/// Whether a key is that of a private key.
pub(super) fn is_private(key: &str) -> bool {
    let plain = key.to_lowercase();
    plain.ends_with(".key") || plain.ends_with("-key") || plain.ends_with("key.pem")
}

/// The template by which a call prints: `jsonpath`, `go-template`, `custom-columns`.
fn template(call: &Call) -> Option<&str> {
    let is_one = |word: &&String| {
        let named = ["jsonpath=", "go-template=", "custom-columns="].iter().any(|kind| word.contains(kind));
        named || word.starts_with('{')
    };
    call.words.iter().find(is_one).map(String::as_str)
}

fn prints_all(call: &Call) -> bool {
    let formats = ["yaml", "json", "-oyaml", "-ojson", "--output=yaml", "--output=json", "-o=yaml", "-o=json"];
    call.words.iter().any(|word| formats.contains(&word.as_str()))
}

fn by_template(template: &str) -> Taken {
    let paths = data_paths(template);
    if paths.is_empty() {
        let of_others = template.contains(".metadata") || template.contains(".type");
        let hint = || format!("which keys `{template}` prints is not known here");
        return if of_others { Taken::Nothing } else { Taken::Unknown(hint()) };
    }
    // What goes through all keys is not a path to one.
    let ranges = template.contains("range ");
    of_paths(&paths, template, |after| ranges || after.is_empty() || after.starts_with('}'))
}

/// What paths from `.data` on lead to; `is_end` tells of what follows whether the path ended at `.data` itself.
fn of_paths(paths: &[(String, &str)], text: &str, is_end: impl Fn(&str) -> bool) -> Taken {
    let mut keys = Vec::new();
    for (key, after) in paths {
        let is_plain = key.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_'));
        if key == "*" || key.is_empty() && is_end(after.trim()) {
            return Taken::Whole;
        }
        if key.is_empty() || !is_plain {
            return Taken::Unknown(format!("which keys `{text}` takes is not known here"));
        }
        keys.push(key.clone());
    }
    Taken::Keys(keys)
}

/// What becomes of a whole Secret that a call prints.
fn of_all(call: &Call, commands: &[Command]) -> Taken {
    let of_pipeline = || commands.iter().enumerate().filter(|(_, command)| command.pipeline == call.pipeline);
    let asks = |command: &Command| {
        let words = command.arguments();
        words.iter().any(|word| word == "get") && is_kubectl(command)
    };
    let after: Vec<&Command> =
        of_pipeline().map(|(_, command)| command).skip_while(|command| !asks(command)).skip(1).collect();
    if of_pipeline().any(|(_, command)| command.writes_a_file()) {
        return Taken::Unknown("the whole Secret becomes a file; what is taken of that is not known here".into());
    }
    if let Some(taken) = filtered(&after) {
        return taken;
    }
    let last = of_pipeline().next_back().map_or(0, |(index, _)| index);
    match variable(&commands[last..]) {
        Some(name) => of_variable(name, commands),
        None => Taken::Whole,
    }
}

/// The variable that takes what the first of the commands prints.
fn variable(commands: &[Command]) -> Option<&str> {
    let (first, rest) = commands.split_first()?;
    let taker = rest.iter().find(|_| first.captured)?;
    taker.words.iter().find_map(|word| Some(word.split_once('=').filter(|(_, value)| value.contains('\u{2026}'))?.0))
}

/// What is taken of a variable that holds a whole Secret.
fn of_variable(name: &str, commands: &[Command]) -> Taken {
    let mut keys: Option<Vec<String>> = None;
    for (index, command) in commands.iter().enumerate() {
        let looks = matches!(command.program(), "[" | "[[" | "test");
        if looks || !command.words.iter().any(|word| holds_variable(word, name)) {
            continue;
        }
        let rest = commands.iter().skip(index).filter(|other| other.pipeline == command.pipeline);
        match filtered(&rest.collect::<Vec<_>>()).unwrap_or(Taken::Whole) {
            Taken::Keys(more) => keys.get_or_insert_default().extend(more),
            other => return other,
        }
    }
    match keys {
        Some(keys) => Taken::Keys(keys),
        None => Taken::Unknown(format!("the whole Secret is in ${name}; what is taken of it is not known here")),
    }
}

/// Programs that hand on all that they read.
const HAND_ON: &[&str] =
    &["sed", "tee", "cat", "echo", "printf", "kubectl", "oc", "base64", "tr", "envsubst", "kubeseal"];

/// What commands that read a whole Secret leave of it. `None`: all.
fn filtered(commands: &[&Command]) -> Option<Taken> {
    commands.iter().find_map(|command| {
        let program = command.program().rsplit('/').next().unwrap_or_default();
        let selects = || command.words.iter().any(|word| word == "-n" || word.ends_with("/d") || word.contains("/d;"));
        match program {
            "jq" | "gojq" | "jaq" | "yq" => Some(by_program(command)),
            "sed" if !selects() => None,
            known if known != "sed" && HAND_ON.contains(&known) => None,
            other => Some(Taken::Unknown(format!("what {other} leaves of the whole Secret is not known here"))),
        }
    })
}

/// What a program of `jq` or `yq` takes, if it is but a path.
fn by_program(command: &Command) -> Taken {
    let is_text = |word: &&String| !word.starts_with('-') && !matches!(word.as_str(), "e" | "eval");
    let text = command.arguments().iter().skip(1).find(is_text).map_or("", String::as_str);
    let changes = ["del(", "entries", "paths(", "keys", "$"].iter().any(|word| text.contains(word));
    let paths = data_paths(text);
    if changes || paths.is_empty() {
        return Taken::Unknown(format!("what `{text}` takes of the whole Secret is not known here"));
    }
    of_paths(&paths, text, |after| after.is_empty() || after.starts_with("[]"))
}

/// What a program that runs in a pod prints, by the file that it is told.
fn from_a_pod(call: &Call) -> Taken {
    if let Some(key) = call.words.iter().find(|word| is_private(word)) {
        return Taken::Keys(vec![key.clone()]);
    }
    let is_certificate = |word: &String| word.ends_with(".crt") || word.contains("cert") || word.ends_with("ca.pem");
    if call.words.iter().any(is_certificate) {
        Taken::Keys(Vec::new())
    } else {
        Taken::Unknown("what it takes from the pod is not known here".into())
    }
}

fn is_kubectl(command: &Command) -> bool {
    matches!(command.program().rsplit('/').next(), Some("kubectl" | "oc"))
}
