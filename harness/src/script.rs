//! The commands of a shell script, as far as they can be read: which programs, with which words, and where what they print
//! goes. No shell is run; what a command would print stays unknown.

/// Programs that run a script.
pub const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "zsh"];

/// One simple command.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its words without quotes; `$NAME` stays as it is written.
    pub words: Vec<String>,
    /// Whether another command or a variable takes what it prints.
    pub captured: bool,
    /// The number of the pipeline that it is part of; the commands of one stand in their order.
    pub pipeline: usize,
}

/// The simple commands of a script, those of substitutions too.
pub fn commands(script: &str) -> Vec<Command> {
    let rest = script.replace("\\\n", " ").chars().collect();
    let mut reader = Reader { rest, at: 0, found: Vec::new(), pipelines: 0 };
    while reader.at < reader.rest.len() {
        reader.list(false);
        reader.at += 1;
    }
    reader.found
}

impl Command {
    /// The program, without what stands before it: assignments, and words of the shell's own language.
    pub fn program(&self) -> &str {
        self.arguments().first().map_or("", String::as_str)
    }

    /// The program and its words.
    pub fn arguments(&self) -> &[String] {
        const LANGUAGE: &[&str] =
            &["if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "time", "command", "eval"];
        let own = |word: &String| LANGUAGE.contains(&word.as_str()) || is_assignment(word);
        let skipped = self.words.iter().take_while(|word| own(word)).count();
        &self.words[skipped..]
    }

    /// Whether what it says of a failure goes nowhere.
    pub fn discards_errors(&self) -> bool {
        let joined = self.words.join(" ").replace("> /dev/null", ">/dev/null");
        joined.contains("2>/dev/null")
            || joined.contains("&>/dev/null")
            || joined.contains(">/dev/null") && joined.contains("2>&1")
    }

    /// Whether what it prints is written to a file; a log is none.
    pub fn writes_a_file(&self) -> bool {
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
pub fn holds_variable(word: &str, name: &str) -> bool {
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
                // A subshell: what is in it is read as commands of their own.
                '(' if word.is_none() => {
                    self.at += 1;
                    self.list(false);
                }
                // The name of a function that is defined here runs nothing.
                '(' if self.peek(1) == Some(')') => {
                    self.at += 1;
                    word = None;
                }
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
            other => word.extend(other),
        }
    }

    /// A variable stays as it is written; a substitution is read for itself, and arithmetic is no command.
    fn expand(&mut self, word: &mut String) {
        let is_arithmetic = ['$', '(', '('].into_iter().enumerate().all(|(at, one)| self.peek(at) == Some(one));
        if is_arithmetic {
            let end = (self.at..self.rest.len()).find(|at| self.rest[*at..].starts_with(&[')', ')']));
            self.at = end.map_or(self.rest.len(), |end| end + 1);
            word.push('\u{2026}');
        } else if self.peek(0) == Some('$') && self.peek(1) == Some('(') {
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
            self.found.extend(commands(&inner).into_iter().map(|command| Command { captured: true, ..command }));
            word.push('\u{2026}');
        } else {
            word.push('$');
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{commands, holds_variable};

    #[rstest]
    #[case::lists("a b; c && d || e", "a b|c|d|e")]
    #[case::lines_and_comments("a # b\nc \\\n d", "a|c d")]
    #[case::quotations("echo 'a; b' \"c d\"", "echo a; b c d")]
    #[case::substitutions(
        "CA=$(kubectl get secret x | base64 -d)\nuse \"$CA\"",
        "kubectl get secret x|base64 -d|CA=…|use $CA"
    )]
    #[case::redirections("a >/dev/null 2>&1 &", "a >/dev/null 2>&1")]
    #[case::subshells("(a; b) >c | d", "a|b|>c|d")]
    #[case::functions("f() { a; }; f", "{ a|}|f")]
    #[case::arithmetic("i=$((i + 1)); a $(( (1 + 2) * i ))", "i=…|a …")]
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
