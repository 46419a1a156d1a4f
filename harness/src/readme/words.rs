//! Commands of a shell, read as a shell reads them, as far as documentation goes: quotes, escapes, variables, comments.
//!
//! What a substitution of a command prints nobody knows without running it; it stays as it is written.

/// The words of each simple command. Pipes, lists and new lines end one.
pub(super) fn commands(text: &str, expand: &dyn Fn(&str) -> String) -> Vec<Vec<String>> {
    let mut reader = Reader { rest: text.replace("\\\n", "").chars().collect(), at: 0, expand };
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    while let Some(character) = reader.next() {
        match character {
            '#' if word.is_none() => reader.skip_line(),
            '\n' | ';' | '|' | '&' => {
                words.extend(word.take());
                if !words.is_empty() {
                    commands.push(std::mem::take(&mut words));
                }
            }
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => reader.read_into(other, word.get_or_insert_default()),
        }
    }
    words.extend(word);
    if !words.is_empty() {
        commands.push(words);
    }
    commands
}

struct Reader<'a> {
    rest: Vec<char>,
    at: usize,
    expand: &'a dyn Fn(&str) -> String,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.get(self.at).copied();
        self.at += 1;
        character
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|character| character != '\n') {
            self.at += 1;
        }
    }

    /// One character outside of quotes, with everything that belongs to it.
    fn read_into(&mut self, character: char, word: &mut String) {
        match character {
            '\\' => word.extend(self.next()),
            '\'' => {
                while let Some(character) = self.next().filter(|character| *character != '\'') {
                    word.push(character);
                }
            }
            '"' => {
                while let Some(character) = self.next().filter(|character| *character != '"') {
                    match character {
                        // Between double quotes a backslash stays, except before what would have a meaning.
                        '\\' if self.peek().is_some_and(|next| "$`\"\\".contains(next)) => word.extend(self.next()),
                        '$' => self.variable(word),
                        other => word.push(other),
                    }
                }
            }
            '$' => self.variable(word),
            other => word.push(other),
        }
    }

    /// What follows a dollar sign.
    fn variable(&mut self, word: &mut String) {
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        match self.peek() {
            Some('(') => {
                let mut depth = 0_usize;
                word.push('$');
                while let Some(character) = self.next() {
                    word.push(character);
                    match character {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            Some('{') => {
                self.at += 1;
                let mut name = String::new();
                while let Some(character) = self.next().filter(|character| *character != '}') {
                    name.push(character);
                }
                word.push_str(&(self.expand)(&name));
            }
            Some(first) if is_name(first) => {
                let mut name = String::new();
                while let Some(character) = self.peek().filter(|character| is_name(*character)) {
                    name.push(character);
                    self.at += 1;
                }
                word.push_str(&(self.expand)(&name));
            }
            _ => word.push('$'),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::commands;

    #[rstest]
    #[case::plain("helm upgrade a .\n", &[&["helm", "upgrade", "a", "."][..]])]
    #[case::comments_and_lists("# 1.\na b && c # d\n", &[&["a", "b"][..], &["c"][..]])]
    #[case::a_continued_line("a \\\n  b\n", &[&["a", "b"][..]])]
    #[case::an_escape_outside_of_quotes_is_gone("a k=x\\,y", &[&["a", "k=x,y"][..]])]
    #[case::an_escape_within_single_quotes_stays("a 'k=x\\,y'", &[&["a", "k=x\\,y"][..]])]
    #[case::an_escape_within_double_quotes_stays("a \"k=$X\\,${Y}\"", &[&["a", "k=[X]\\,[Y]"][..]])]
    #[case::a_substitution_is_not_run("a \"$(printf %s \"$X\" | b)\" c", &[&["a", "$(printf %s \"$X\" | b)", "c"][..]])]
    #[case::a_pipe_makes_two("a | b", &[&["a"][..], &["b"][..]])]
    #[case::an_empty_word_is_one("a ''", &[&["a", ""][..]])]
    fn a_shell_reads(#[case] text: &str, #[case] expected: &[&[&str]]) {
        assert_eq!(commands(text, &|name| format!("[{name}]")), expected);
    }
}
