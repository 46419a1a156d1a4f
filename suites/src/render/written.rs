//! Passwords of URLs as manifests and scripts write them, and what Kubernetes or a shell puts into them.
//!
//! Nothing is run: what a command prints, or what a script makes of a variable, is left open.

use harness::finding::Place;
use harness::graph::{Container, EnvVar, Fact, FileContent, RefKind};
use harness::script::SHELLS;
use serde_json::Value;

/// A text of a container, before anything is put into it.
#[derive(Debug)]
pub(super) struct Written {
    /// Where it stands.
    pub(super) place: Place,
    /// The text.
    pub(super) text: String,
    /// Whether a shell reads it.
    is_script: bool,
}

/// What a manifest writes into variables, commands and arguments.
pub(super) fn written_texts(container: &Container) -> Vec<Written> {
    let variables = container.env().iter().filter_map(|variable| {
        Some(Written { place: variable.place.clone(), text: variable.written.clone()?, is_script: false })
    });
    let words = ["command", "args"].into_iter().flat_map(|field| {
        let listed = container.get(field).and_then(Value::as_array).into_iter().flatten().enumerate();
        listed.filter_map(move |(index, word)| {
            Some((container.at(&format!("{field}[{index}]")), word.as_str()?.to_owned()))
        })
    });
    let words: Vec<(Place, String)> = words.collect();
    let is_script = words.first().is_some_and(|(_, word)| SHELLS.contains(&word.rsplit('/').next().unwrap_or(word)));
    let words = words.into_iter().map(|(place, text)| {
        let text = if is_script { without_comments(&text) } else { text };
        Written { place, text, is_script }
    });
    variables.chain(words).collect()
}

/// A script without the lines that no shell runs.
fn without_comments(script: &str) -> String {
    let runs = |line: &&str| !line.trim_start().starts_with('#');
    script.lines().filter(runs).collect::<Vec<_>>().join("\n")
}

impl Written {
    /// What is put into a password of this text: known where it goes in as it is, else what would tell. A part whose
    /// text the manifest shows is none.
    pub(super) fn put_in(&self, password: &str, container: &Container) -> Vec<Fact<String>> {
        gaps(password).into_iter().filter_map(|gap| self.put_into(gap, container)).collect()
    }

    fn put_into(&self, gap: Gap<'_>, container: &Container) -> Option<Fact<String>> {
        match gap {
            Gap::Bracketed(inner) => match container.variable(inner) {
                Some(variable) => of_variable(variable, format!("$({inner}), which Kubernetes does not encode")),
                None if self.is_script && !is_name(inner) => Some(of_command(inner, container)),
                None => Some(Fact::Unknown(nobody_knows(inner, container))),
            },
            Gap::Variable(name) if self.is_script && sets(&self.text, name) => {
                Some(Fact::Unknown(format!("the script itself sets {name}; the live lane sees what comes of it")))
            }
            Gap::Variable(name) => match container.variable(name) {
                Some(variable) if self.is_script => of_variable(variable, format!("${name}, which no shell encodes")),
                Some(variable) => of_variable(variable, String::new()).map(|_| {
                    Fact::Unknown(format!(
                        "whoever reads the text puts ${name} in, encoded or not; the live lane sees it"
                    ))
                }),
                None if self.is_script => Some(Fact::Unknown(nobody_knows(name, container))),
                None => None,
            },
            Gap::Made(what) if self.is_script => {
                Some(Fact::Unknown(format!("the shell makes it of {what}; the live lane sees what comes of it")))
            }
            Gap::Made(_) => None,
        }
    }
}

fn of_variable(variable: &EnvVar, as_it_is: String) -> Option<Fact<String>> {
    match variable.value.fact() {
        _ if variable.is_secret() => Some(Fact::Known(as_it_is)),
        Fact::Known(_) => None,
        Fact::Unknown(hint) => Some(Fact::Unknown(hint)),
    }
}

/// What a command prints: the file of a Secret as it is, if it does nothing but read it.
fn of_command(command: &str, container: &Container) -> Fact<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let file = match words[..] {
        ["cat" | "<", file] => Some(file),
        [file] => file.strip_prefix('<'),
        _ => None,
    };
    let is_secret = |path: &str| {
        let content = container.file(path).map(|file| file.content);
        matches!(content, Some(FileContent::Key { key, .. }) if key.kind == RefKind::Secret)
    };
    match file.filter(|path| is_secret(path)) {
        Some(path) => Fact::Known(format!("the file {path}, which no shell encodes")),
        None => {
            Fact::Unknown("a command makes it when the container starts; the live lane sees what comes of it".into())
        }
    }
}

fn nobody_knows(name: &str, container: &Container) -> String {
    if container.get("envFrom").is_some() {
        format!(
            "nobody knows whether `envFrom` brings {name}; take it by `valueFrom`, or render the Secret with the chart"
        )
    } else {
        format!("the manifest sets no variable {name}; the live lane sees what comes of it")
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}

/// Whether a script gives a variable a value of its own.
fn sets(script: &str, name: &str) -> bool {
    let begins = |before: &str| !before.ends_with(|one: char| one.is_ascii_alphanumeric() || one == '_');
    script.match_indices(&format!("{name}=")).any(|(at, _)| begins(&script[..at]))
}

/// A place in a password where something is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap<'a> {
    /// `$(NAME)` or `$(cat /run/password)`: a variable to Kubernetes, a command to a shell.
    Bracketed(&'a str),
    /// `$NAME` or `${NAME}`, also with a default.
    Variable(&'a str),
    /// Whatever else a shell makes: `${NAME//@/%40}`, or a command in backticks.
    Made(&'a str),
}

fn gaps(password: &str) -> Vec<Gap<'_>> {
    let mut found = Vec::new();
    let mut rest = password;
    while let Some(at) = rest.find(['$', '`']) {
        let (here, after) = (&rest[at..], &rest[at + 1..]);
        rest = if here.starts_with('`') {
            let (made, behind) = after.split_once('`').unwrap_or((after, ""));
            found.push(Gap::Made(made));
            behind
        } else if after.starts_with(['(', '{']) {
            let (whole, behind) = here.split_at(length_in_brackets(here));
            let inner = whole[2..].trim_end_matches([')', '}']);
            found.push(if after.starts_with('(') { Gap::Bracketed(inner) } else { braced(inner) });
            behind
        } else {
            let (name, behind) = after.split_at(length_of_name(after));
            found.extend((!name.is_empty()).then_some(Gap::Variable(name)));
            // Two of them are a dollar sign to Kubernetes, and a number to a shell.
            behind.strip_prefix('$').filter(|_| name.is_empty()).unwrap_or(behind)
        };
    }
    found
}

fn braced(inner: &str) -> Gap<'_> {
    let (name, rest) = inner.split_at(length_of_name(inner));
    let or_else = rest.trim_start_matches(':').starts_with(['-', '?', '=']);
    if rest.is_empty() || or_else { Gap::Variable(name) } else { Gap::Made(inner) }
}

fn length_of_name(text: &str) -> usize {
    text.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(text.len())
}

/// The passwords of the URLs in a text: between the colon and the at sign, or as a parameter.
pub(super) fn passwords(text: &str) -> Vec<String> {
    passwords_by_url(text).into_iter().flatten().collect()
}

/// The same for each URL of a text in its turn; nothing where it has none.
pub(super) fn passwords_by_url(text: &str) -> Vec<Option<String>> {
    let plain = text.replace(['"', '\''], "");
    let behind = plain.match_indices("://").map(|(at, separator)| &plain[at + separator.len()..]);
    behind.map(|rest| password(rest).map(str::to_owned)).collect()
}

/// The password in what follows the `://` of a URL.
fn password(rest: &str) -> Option<&str> {
    let find = |text: &str, wanted: &dyn Fn(char) -> bool| {
        outside(text).find(|(_, one)| wanted(*one)).map_or(text.len(), |(at, _)| at)
    };
    let url = &rest[..find(rest, &|one| one.is_whitespace() || matches!(one, ';' | '|' | '<' | '>' | ')'))];
    let (authority, behind) = url.split_at(find(url, &|one| matches!(one, '/' | '?' | '#')));
    if let Some((at, _)) = outside(authority).filter(|(_, one)| *one == '@').last() {
        let user_information = &authority[..at];
        return user_information.get(find(user_information, &|one| one == ':') + 1..);
    }
    let (_, query) = behind.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("password="))
}

/// The characters of a text that stand in no `$(…)`, no `${…}` and no backticks, each with its place.
fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let (here, rest) = (at, &text[at..]);
            let next = rest.chars().next()?;
            if rest.starts_with("$(") || rest.starts_with("${") {
                at += length_in_brackets(rest);
            } else if next == '`' {
                at += rest[1..].find('`').map_or(rest.len(), |end| end + 2);
            } else {
                at += next.len_utf8();
                return Some((here, next));
            }
        }
    })
}

/// How long the `$(…)` or `${…}` is with which a text begins.
fn length_in_brackets(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, one) in text.char_indices().skip(1) {
        match one {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + one.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Gap, gaps, passwords, sets};

    #[rstest]
    #[case::user_information("postgresql://app:$(DB_PASSWORD)@db:5432/app", &["$(DB_PASSWORD)"])]
    #[case::without_a_user("redis://:$(REDIS_PASSWORD)@cache", &["$(REDIS_PASSWORD)"])]
    #[case::option("--url=amqp://app:x@queue", &["x"])]
    #[case::parameter("jdbc:postgresql://db/app?user=app&password=$(PASSWORD)", &["$(PASSWORD)"])]
    #[case::of_a_command("psql \"postgres://app:$(cat /run/db:a/password)@db/app\" -c ok", &["$(cat /run/db:a/password)"])]
    #[case::behind_a_quotation("psql postgres://app:\"$PASSWORD\"@db/app", &["$PASSWORD"])]
    #[case::several("a://:$A@x; b://:${B}@y", &["$A", "${B}"])]
    #[case::no_credential("https://$(HOST)/path", &[])]
    #[case::a_port("https://host:8080/a@b", &[])]
    #[case::user_alone("postgresql://app@db/app", &[])]
    #[case::no_url("$(DB_PASSWORD)", &[])]
    fn the_password_of_a_url_is_found_before_it_is_expanded(#[case] written: &str, #[case] expected: &[&str]) {
        assert_eq!(passwords(written), expected);
    }

    #[rstest]
    #[case::of_kubernetes("a$(NAME)b", &[Gap::Bracketed("NAME")])]
    #[case::of_a_shell("$ONE${TWO}", &[Gap::Variable("ONE"), Gap::Variable("TWO")])]
    #[case::with_a_default("${NAME:-x}", &[Gap::Variable("NAME")])]
    #[case::encoded_by_the_shell("${NAME//@/%40}", &[Gap::Made("NAME//@/%40")])]
    #[case::in_backticks("`cat x`", &[Gap::Made("cat x")])]
    #[case::an_escape("a$$(NAME)b$", &[])]
    #[case::a_word("secret", &[])]
    fn a_password_has_gaps(#[case] password: &str, #[case] expected: &[Gap<'_>]) {
        assert_eq!(gaps(password), expected);
    }

    #[rstest]
    #[case::itself("PASSWORD=$(encode)", true)]
    #[case::another("DB_PASSWORD=x", false)]
    fn a_script_sets_a_variable(#[case] script: &str, #[case] expected: bool) {
        assert_eq!(sets(script, "PASSWORD"), expected);
    }
}
