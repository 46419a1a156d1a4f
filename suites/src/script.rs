//! The scripts that containers run, as far as checks need them: which programs, with which words, and where what they
//! print goes. No shell is run; what a command would print stays unknown.

use harness::graph::{Container, RefKind};
use harness::rendered::Rendered;

/// A script of a container, with the field that holds it.
#[derive(Debug)]
pub(crate) struct Script {
    /// Where it stands, `command[2]` or the ConfigMap's key.
    pub(crate) field: String,
    text: String,
}

/// One simple command.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its words without quotes; `$NAME` stays as it is written.
    pub(crate) words: Vec<String>,
    /// Whether another command or a variable takes what it prints.
    pub(crate) captured: bool,
    /// The number of the pipeline that it is part of; the commands of one stand in their order.
    pub(crate) pipeline: usize,
}

/// Programs that run a script.
pub(crate) const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "zsh"];

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
        let mut reader =
            Reader { rest: self.text.replace("\\\n", " ").chars().collect(), at: 0, found: Vec::new(), pipelines: 0 };
        while reader.at < reader.rest.len() {
            reader.list(false);
            reader.at += 1;
        }
        reader.found
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

impl Command {
    /// The program, without what stands before it: assignments, and words of the shell's own language.
    pub(crate) fn program(&self) -> &str {
        self.arguments().first().map_or("", String::as_str)
    }

    /// The program and its words.
    pub(crate) fn arguments(&self) -> &[String] {
        const LANGUAGE: &[&str] =
            &["if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "time", "command", "eval"];
        let own = |word: &String| LANGUAGE.contains(&word.as_str()) || is_assignment(word);
        let skipped = self.words.iter().take_while(|word| own(word)).count();
        &self.words[skipped..]
    }

    /// Whether what it says of a failure goes nowhere.
    pub(crate) fn discards_errors(&self) -> bool {
        let joined = self.words.join(" ").replace("> /dev/null", ">/dev/null");
        joined.contains("2>/dev/null")
            || joined.contains("&>/dev/null")
            || joined.contains(">/dev/null") && joined.contains("2>&1")
    }

    /// Whether what it prints is written to a file; a log is none.
    pub(crate) fn writes_a_file(&self) -> bool {
        let mut words = self.words.iter().peekable();
        while let Some(word) = words.next() {
            let target = match word.trim_start_matches('1').strip_prefix('>') {
                Some(">" | "") => words.peek().map_or("", |next| next.as_str()),
                Some(rest) => rest.trim_start_matches('>'),
                None => continue,
            };
            if !target.is_empty()
                && !target.starts_with('&')
                && !target.starts_with("/dev/std")
                && !target.starts_with("/proc/1/")
            {
                return true;
            }
        }
        false
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_'))
}

/// Whether a word holds a variable of a name, `$NAME` or `${NAME}`, by itself or within.
pub(crate) fn holds_variable(word: &str, name: &str) -> bool {
    let braced = [format!("${{{name}}}"), format!("${{{name}:")];
    let plain = format!("${name}");
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
    braced.iter().any(|one| word.contains(one.as_str()))
        || word.match_indices(&plain).any(|(at, _)| ends(&word[at + plain.len()..]))
}

struct Reader {
    rest: Vec<char>,
    at: usize,
    found: Vec<Command>,
    pipelines: usize,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    /// Reads commands up to the end of the text, or of the substitution.
    fn list(&mut self, captured: bool) {
        self.pipelines += 1;
        let mut pipeline = self.pipelines;
        let mut command = Command { captured, pipeline, ..Command::default() };
        let mut word: Option<String> = None;
        while let Some(character) = self.peek(0) {
            match character {
                '#' if word.is_none() => {
                    while self.peek(0).is_some_and(|next| next != '\n') {
                        self.at += 1;
                    }
                    continue;
                }
                ')' => break,
                '\n' | ';' | '|' | '&' => {
                    // `2>&1` and `&>` are no ends.
                    let redirects = character == '&'
                        && (word.as_deref().is_some_and(|word| word.ends_with('>')) || self.peek(1) == Some('>'));
                    if redirects {
                        word.get_or_insert_default().push('&');
                        self.at += 1;
                        continue;
                    }
                    command.words.extend(word.take());
                    let piped = character == '|' && self.peek(1) != Some('|');
                    if character != '\n' && character != ';' && self.peek(1) == Some(character) {
                        self.at += 1;
                    }
                    let ended = std::mem::take(&mut command);
                    if !ended.words.is_empty() {
                        self.found.push(Command { captured: captured || piped, ..ended });
                    }
                    if !piped {
                        self.pipelines += 1;
                        pipeline = self.pipelines;
                    }
                    command = Command { captured, pipeline, ..Command::default() };
                }
                blank if blank.is_whitespace() => command.words.extend(word.take()),
                _ => self.read_into(word.get_or_insert_default()),
            }
            self.at += 1;
        }
        command.words.extend(word);
        if !command.words.is_empty() {
            self.found.push(command);
        }
    }

    /// One character with everything that belongs to it: a quotation, a substitution.
    fn read_into(&mut self, word: &mut String) {
        match self.peek(0) {
            Some('\\') => {
                self.at += 1;
                word.extend(self.peek(0));
            }
            Some('\'') => {
                self.at += 1;
                while let Some(next) = self.peek(0).filter(|next| *next != '\'') {
                    word.push(next);
                    self.at += 1;
                }
            }
            Some('"') => {
                self.at += 1;
                while let Some(next) = self.peek(0).filter(|next| *next != '"') {
                    match next {
                        '\\' if self.peek(1).is_some_and(|after| "$`\"\\".contains(after)) => {
                            self.at += 1;
                            word.extend(self.peek(0));
                        }
                        '$' | '`' => self.expand(word),
                        other => word.push(other),
                    }
                    self.at += 1;
                }
            }
            Some('$' | '`') => self.expand(word),
            Some('(') => {
                // A subshell: what is in it is read as commands of their own.
                self.at += 1;
                self.list(false);
            }
            other => word.extend(other),
        }
    }

    /// A variable stays as it is written; a substitution is read for itself.
    fn expand(&mut self, word: &mut String) {
        if self.peek(0) == Some('$') && self.peek(1) == Some('(') {
            self.at += 2;
            self.list(true);
            word.push('\u{2026}');
        } else if self.peek(0) == Some('`') {
            self.at += 1;
            let start = self.at;
            while self.peek(0).is_some_and(|next| next != '`') {
                self.at += 1;
            }
            let inner: String = self.rest[start..self.at.min(self.rest.len())].iter().collect();
            let script = Script { field: String::new(), text: inner };
            self.found.extend(script.commands().into_iter().map(|command| Command { captured: true, ..command }));
            word.push('\u{2026}');
        } else {
            word.push('$');
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Command, Script, holds_variable};

    fn commands(text: &str) -> Vec<Command> {
        Script { field: "args[0]".into(), text: text.into() }.commands()
    }

    #[rstest]
    #[case::lists("a b; c && d || e", "a b|c|d|e")]
    #[case::lines_and_comments("a # b\nc \\\n d", "a|c d")]
    #[case::quotations("echo 'a; b' \"c d\"", "echo a; b c d")]
    #[case::substitutions(
        "CA=$(kubectl get secret x | base64 -d)\nuse \"$CA\"",
        "kubectl get secret x|base64 -d|CA=…|use $CA"
    )]
    #[case::redirections("a >/dev/null 2>&1 &", "a >/dev/null 2>&1")]
    #[case::backticks("a `b c`", "b c|a …")]
    fn a_script_is_made_of_commands(#[case] text: &str, #[case] expected: &str) {
        let read: Vec<String> = commands(text).into_iter().map(|command| command.words.join(" ")).collect();
        assert_eq!(read.join("|"), expected);
    }

    #[test]
    fn what_another_command_takes_is_captured() {
        let captured: Vec<bool> = commands("a | b; x=$(c)").into_iter().map(|command| command.captured).collect();
        assert_eq!(captured, [true, false, true, false]);
    }

    #[rstest]
    #[case::option("set -eux\na", true)]
    #[case::by_name("set -o xtrace", true)]
    #[case::other_options("set -eu", false)]
    #[case::another_program("tar -x", false)]
    fn a_script_is_traced(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(Script { field: String::new(), text: text.into() }.is_traced(), expected);
    }

    #[rstest]
    #[case::plain("postgres://$URL", true)]
    #[case::braced("${URL}", true)]
    #[case::with_a_default("${URL:-none}", true)]
    #[case::a_longer_name("$URL_FILE", false)]
    fn a_word_holds_a_variable(#[case] word: &str, #[case] expected: bool) {
        assert_eq!(holds_variable(word, "URL"), expected);
    }

    #[rstest]
    #[case::file("echo a > /tmp/x", true)]
    #[case::joined("echo a >>/tmp/x", true)]
    #[case::the_error_log("echo a >&2", false)]
    #[case::the_log("echo a > /dev/stdout", false)]
    fn output_goes_to(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(commands(text)[0].writes_a_file(), expected);
    }
}
