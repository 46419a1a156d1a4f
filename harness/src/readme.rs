//! What a chart's README says, as far as it can be checked: its sections, its fenced blocks, the Secrets in them.

mod words;

use serde_json::Value;

use crate::graph::is_certificate;
use crate::manifests::{Manifests, Object};

/// A README, cut at its headings.
#[derive(Debug)]
pub struct Readme<'a> {
    text: &'a str,
    sections: Vec<Section<'a>>,
}

/// What stands under one heading, without the sections below it.
#[derive(Debug)]
pub struct Section<'a> {
    heading: &'a str,
    level: usize,
    /// What stands before the first block.
    words: String,
    blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// What is written behind its fence, in lower case.
    pub language: String,
    /// What is in it.
    pub text: String,
    /// The line of its fence, from 1.
    pub line: u64,
}

/// A command of a block, as the shell would start it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// The line of the block's fence, from 1.
    pub line: u64,
}

/// A Secret that an example makes.
#[derive(Debug, PartialEq, Eq)]
pub struct ExampleSecret {
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: Vec<String>,
    /// Whether something in it looks like a certificate.
    pub holds_certificates: bool,
    /// The line of the block's fence, from 1.
    pub line: u64,
}

impl<'a> Readme<'a> {
    /// Reads the text of a README.
    pub fn parse(text: &'a str) -> Self {
        let mut sections = vec![Section { heading: "", level: 0, words: String::new(), blocks: Vec::new() }];
        let mut open: Option<(&str, Block)> = None;
        for (line, number) in text.lines().zip(1..) {
            let trimmed = line.trim_start();
            match &mut open {
                Some((fence, _)) if trimmed.starts_with(*fence) => {
                    if let (Some((_, block)), Some(section)) = (open.take(), sections.last_mut()) {
                        section.blocks.push(block);
                    }
                }
                Some((_, block)) => block.text.extend([line, "\n"]),
                None => {
                    if let Some(fence) = ["```", "~~~"].into_iter().find(|fence| trimmed.starts_with(fence)) {
                        let language = trimmed.trim_start_matches(['`', '~']).trim().to_lowercase();
                        open = Some((fence, Block { language, text: String::new(), line: number }));
                    } else if line.starts_with('#') {
                        let heading = line.trim_start_matches('#');
                        let level = line.len() - heading.len();
                        sections.push(Section {
                            heading: heading.trim(),
                            level,
                            words: String::new(),
                            blocks: Vec::new(),
                        });
                    } else if let Some(section) = sections.last_mut().filter(|section| section.blocks.is_empty()) {
                        section.words.extend([line, "\n"]);
                    }
                }
            }
        }
        Self { text, sections }
    }

    /// Whether a word occurs anywhere.
    pub fn mentions(&self, word: &str) -> bool {
        self.text.contains(word)
    }

    /// The section under a heading.
    pub fn section(&self, heading: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.heading == heading)
    }

    /// Every fenced block.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sections.iter().flat_map(|section| &section.blocks)
    }

    /// Whether a section about one of these topics has commands, in itself or in a section below it.
    pub fn has_steps(&self, topics: &[&str]) -> bool {
        let about = |heading: &str| topics.iter().any(|topic| heading.to_lowercase().contains(topic));
        self.sections.iter().enumerate().filter(|(_, section)| about(section.heading)).any(|(index, section)| {
            let below = self.sections[index + 1..].iter().take_while(|next| next.level > section.level);
            std::iter::once(section).chain(below).any(|one| one.blocks.iter().any(Block::has_commands))
        })
    }
}

impl Section<'_> {
    /// What stands before its first block.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Its blocks for a shell, as they are written.
    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter(|block| block.has_commands()).map(|block| block.text.as_str())
    }

    /// Its commands, one after the other; `expand` says what a variable of the shell holds.
    pub fn commands(&self, expand: &dyn Fn(&str) -> String) -> Vec<Command> {
        self.blocks.iter().filter(|block| block.has_commands()).flat_map(|block| block.commands(expand)).collect()
    }
}

impl Block {
    /// Whether it is YAML, by what it says of itself.
    pub fn is_yaml(&self) -> bool {
        ["yaml", "yml"].contains(&&*self.language)
    }

    /// Whether it is for a shell, by what it says of itself.
    pub fn has_commands(&self) -> bool {
        ["sh", "bash", "shell", "console", "zsh"].contains(&&*self.language)
    }

    /// Its commands; `expand` says what a variable of the shell holds.
    pub fn commands(&self, expand: &dyn Fn(&str) -> String) -> Vec<Command> {
        let commands = words::commands(&self.text, expand).into_iter();
        commands.map(|words| Command { words, line: self.line }).collect()
    }

    /// The Secrets that its commands make from files.
    pub fn secrets_by_command(&self) -> Vec<ExampleSecret> {
        let joined = self.text.replace("\\\n", " ");
        let made = joined.lines().filter_map(|line| {
            let (_, command) = line.split_once("create secret generic ")?;
            let mut words = command.split_whitespace();
            let name = words.next()?.to_owned();
            let files: Vec<&str> = words.filter_map(|word| word.strip_prefix("--from-file=")).collect();
            let key = |file: &&str| match file.split_once('=') {
                Some((key, _)) => key.to_owned(),
                None => file.rsplit('/').next().unwrap_or_default().to_owned(),
            };
            let holds_certificates = files.iter().any(|file| file.ends_with(".crt") || file.ends_with(".pem"));
            Some(ExampleSecret { name, keys: files.iter().map(key).collect(), holds_certificates, line: self.line })
        });
        made.filter(|secret| !secret.keys.is_empty()).collect()
    }

    /// The Secrets among its manifests.
    pub fn secrets_among(&self, manifests: &Manifests) -> Vec<ExampleSecret> {
        let secrets = manifests.of_kind("Secret").map(|object| {
            let entries = |field| object.get(field).and_then(Value::as_object).into_iter().flatten();
            let entries: Vec<(&String, &Value)> = entries("data").chain(entries("stringData")).collect();
            ExampleSecret {
                name: object.name().to_owned(),
                keys: entries.iter().map(|(key, _)| (*key).clone()).collect(),
                holds_certificates: entries.iter().any(|(_, value)| value.as_str().is_some_and(is_certificate)),
                line: self.line,
            }
        });
        secrets.collect()
    }
}

/// What is no Kubernetes object, and so an example of values.
pub fn values_among(manifests: &Manifests) -> impl Iterator<Item = &Value> {
    manifests.objects().filter(|object| object.kind().is_empty()).map(Object::value)
}

#[cfg(test)]
mod tests {
    use super::Readme;

    const TEXT: &str = "# chart\n## Rotate\n```sh\n# no heading\nkubectl create secret generic trust \\\n  --from-file=ca.crt=new.crt --from-file=dir/b.pem\n```\n## Roll back\nAsk somebody.\n### How\n~~~bash\nls\n~~~\n## Remove\n";

    #[test]
    fn a_heading_is_no_comment_of_a_block() {
        let readme = Readme::parse(TEXT);
        assert!(readme.has_steps(&["rotat"]));
        assert!(readme.has_steps(&["roll back"]));
        assert!(!readme.has_steps(&["remove"]));
    }

    #[test]
    fn a_command_names_the_keys_that_it_makes() {
        let readme = Readme::parse(TEXT);
        let [secret] = &readme.blocks().next().unwrap().secrets_by_command()[..] else { panic!("expected one") };
        assert_eq!(
            (secret.name.as_str(), &secret.keys[..], secret.line),
            ("trust", &["ca.crt".into(), "b.pem".into()][..], 3)
        );
        assert!(secret.holds_certificates);
    }
}
