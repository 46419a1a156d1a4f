//! A page of the documentation: its blocks of code, its links and its headings.

use std::fs;
use std::path::{Path, PathBuf};

/// A page.
pub(crate) struct Page {
    /// Its path from the root of the checkout.
    pub(crate) path: String,
    /// Its blocks of code, in order.
    pub(crate) blocks: Vec<Block>,
    /// What is wrong with its form.
    pub(crate) flaws: Vec<String>,
    /// Everything that is no code, line by line, with the number of the line.
    prose: Vec<(usize, String)>,
}

/// A block of code.
pub(crate) struct Block {
    /// The line of its fence, from 1.
    pub(crate) line: usize,
    /// What the fence says, split at commas: the language, then marks.
    pub(crate) info: Vec<String>,
    /// What is in it.
    pub(crate) text: String,
}

impl Block {
    /// Its language.
    pub(crate) fn language(&self) -> &str {
        self.info.first().map_or("", String::as_str)
    }

    /// Whether the fence has a mark.
    pub(crate) fn is_marked(&self, mark: &str) -> bool {
        self.info.iter().skip(1).any(|one| one == mark)
    }
}

/// The checkout that this test was built in.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The files below a folder, with an extension, in the order of their paths.
pub(crate) fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|one| one == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The pages of the book, and the pages that stand beside what they are about.
pub(crate) fn pages() -> Vec<Page> {
    let beside = ["README.md", "fixtures/README.md", "harness/ARCHITECTURE.md", "kind-config/README.md"];
    let mut paths = files_below(&root().join("docs/src"), "md");
    paths.extend(beside.iter().map(|path| root().join(path)));
    paths.iter().map(|path| Page::read(path)).collect()
}

impl Page {
    /// Reads a page of the checkout.
    pub(crate) fn read(path: &Path) -> Self {
        let name = path.strip_prefix(root()).unwrap_or(path).to_str().unwrap().to_owned();
        Self::parse(name, &fs::read_to_string(path).unwrap())
    }

    /// Reads the text of a page.
    pub(crate) fn parse(path: String, text: &str) -> Self {
        let mut page = Self { path, blocks: Vec::new(), flaws: Vec::new(), prose: Vec::new() };
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (open.take(), fence) {
                (None, Some(info)) => {
                    let info = info.split(',').map(|word| word.trim().to_owned()).collect();
                    open = Some(Block { line: index + 1, info, text: String::new() });
                }
                (None, None) => page.prose.push((index + 1, line.to_owned())),
                (Some(block), Some("")) => page.blocks.push(block),
                (Some(mut block), _) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
            }
        }
        if let Some(block) = open {
            page.flaws.push(format!("{}:{}: this block has no end", page.path, block.line));
        }
        page
    }

    /// The targets of its links, each with the number of its line.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let of_line = |(number, line): &(usize, String)| {
            // What stands between back quotes is code.
            let prose: String = line.split('`').step_by(2).collect();
            let rest = prose.split("](").skip(1);
            let targets = rest.filter_map(|rest| Some((*number, rest.split_once(')')?.0.to_owned())));
            targets.collect::<Vec<_>>()
        };
        self.prose.iter().flat_map(of_line).collect()
    }

    /// The names by which links reach its headings.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose.iter().filter_map(|(_, line)| line.strip_prefix('#'));
        headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
    }
}

/// A heading as mdBook names it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|character| match character {
        '-' | '_' => Some(character),
        ' ' => Some('-'),
        _ => character.is_alphanumeric().then(|| character.to_ascii_lowercase()),
    });
    kept.collect()
}
