//! The users' documentation: its commands work, it shows what the program prints, and its links lead somewhere.
//!
//! A block of commands (`sh`) is run as it is written, by `bash -euo pipefail`, from the root of a copy of this checkout;
//! the blocks of a page share a copy, so that one can use what another one made. Marks behind the language say more:
//!
//! - `exit-1`: the block ends with that exit code, and not with 0;
//! - `cluster`: it needs a cluster, Docker or privileges, and is not run here;
//! - `build`: it compiles, and is not run here.
//!
//! A `text` block right behind a block that is run shows what that prints to standard output; `...` stands for anything.

mod page;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::helm::Helms;
use harness::yaml;
use rstest::rstest;
use serde_json::Value;

use self::page::{Block, pages};
pub(crate) use self::page::{Page, files_below, root};

/// The languages that a block may be in.
const LANGUAGES: &[&str] = &["sh", "text", "yaml", "json", "xml", "rust"];
/// The marks of blocks of commands that are not run here.
const NOT_RUN: &[&str] = &["cluster", "build"];

#[test]
fn the_commands_of_every_page_work_and_print_what_it_shows() {
    let path = search_path();
    let problems: Vec<String> = pages().iter().flat_map(|page| run(page, &path)).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}

#[test]
fn every_block_has_a_language_and_marks_that_are_known() {
    let mut problems = Vec::new();
    for page in pages() {
        problems.extend(page.flaws.iter().cloned());
        for block in &page.blocks {
            let marks = block.info.iter().skip(1).filter(|mark| !NOT_RUN.contains(&mark.as_str()));
            let unknown = |mark: &String| block.language() != "sh" || exit_code(mark).is_none();
            if !LANGUAGES.contains(&block.language()) || marks.into_iter().any(unknown) {
                let info = block.info.join(",");
                problems.push(format!("{}:{}: a block cannot be in `{info}`", page.path, block.line));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut problems = Vec::new();
    for page in pages() {
        for (line, link) in page.links().into_iter().filter(|(_, link)| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let here = root().join(&page.path);
            let target = if file.is_empty() { here } else { here.with_file_name(file) };
            let there =
                target.is_file() && (anchor.is_empty() || Page::read(&target).anchors().contains(&anchor.into()));
            if !there && !target.is_dir() {
                problems.push(format!("{}:{line}: {link} leads nowhere", page.path));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    let folder = root().join("docs/src");
    let summary = Page::read(&folder.join("SUMMARY.md"));
    let listed: BTreeSet<PathBuf> = summary.links().into_iter().map(|(_, link)| folder.join(link)).collect();
    let missing: Vec<PathBuf> = files_below(&folder, "md")
        .into_iter()
        .filter(|path| !path.ends_with("SUMMARY.md") && !listed.contains(path))
        .collect();
    assert!(missing.is_empty(), "mdBook leaves out what docs/src/SUMMARY.md does not list: {missing:?}");
}

#[test]
fn files_of_this_repository_are_quoted_as_they_are() {
    let folders =
        [("suites/src", "rs"), ("harness/src", "rs"), ("docs/examples", "yaml"), ("fixtures/mutants", "yaml")];
    let files = folders.iter().flat_map(|(folder, extension)| files_below(&root().join(folder), extension));
    let files: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut problems = Vec::new();
    for name in ["your-chart-in-ten-minutes", "writing-a-requirement"] {
        let page = Page::read(&root().join(format!("docs/src/{name}.md")));
        for block in page.blocks.iter().filter(|block| ["rust", "yaml"].contains(&block.language())) {
            if !files.iter().any(|file| file.contains(block.text.trim_end())) {
                problems.push(format!("{}:{}: no file has these lines", page.path, block.line));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_subject_file_is_explained_field_by_field_with_examples_that_are_valid() {
    let page = Page::read(&root().join("docs/src/the-subject-file.md"));
    let text = fs::read_to_string(root().join(&page.path)).unwrap();
    let schema = fs::read_to_string(root().join("harness/schemas/subject.v1.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    // An example shows a part of a file.
    schema.as_object_mut().unwrap().remove("required");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for block in page.blocks.iter().filter(|block| block.language() == "yaml") {
        let example: Value = yaml::parse_strict(&block.text, &page.path).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&example).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}:{}: {errors:?}", page.path, block.line);
    }
    let mut fields = BTreeSet::new();
    collect_fields(&schema, &mut fields);
    let named = |field: &&String| ["`F`", ".F`", "`F: "].iter().any(|form| text.contains(&form.replace('F', field)));
    let missing: Vec<&String> = fields.iter().filter(|field| !named(field)).collect();
    assert!(missing.is_empty(), "{} does not explain {missing:?}", page.path);
}

#[rstest]
#[case::the_same("a\nb\n", "a\nb\n", true)]
#[case::another("a\nb\n", "a\nc\n", false)]
#[case::lines_left_out("a\n...\nd\n", "a\nb\nc\nd\n", true)]
#[case::a_word_left_out("took ... s\n", "took 0.4 s\n", true)]
#[case::the_end_left_out("a\n...\n", "a\nb\n", true)]
#[case::another_beginning("a\n...\n", "b\nc\n", false)]
#[case::another_end("a\n...\nd\n", "a\nb\nc\n", false)]
#[case::another_order("...b\n...a\n...", "a\nb\n", false)]
fn a_page_shows_what_is_printed(#[case] page: &str, #[case] printed: &str, #[case] expected: bool) {
    assert_eq!(shows(page, printed), expected);
}

#[test]
fn a_command_that_does_not_work_is_told_with_page_and_line() {
    let text =
        "# A page\n\n```sh\nholdfast explain NOPE-77\n```\n\n```sh\nholdfast --version\n```\n\n```text\nnothing\n```\n";
    let problems = run(&Page::parse("docs/src/a.md".into(), text), &search_path());
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("docs/src/a.md:3: ended with exit code 64"), "{problems:?}");
    assert!(problems[1].starts_with("docs/src/a.md:11: "), "{problems:?}");
}

/// What is wrong with the commands of a page.
fn run(page: &Page, path: &std::ffi::OsStr) -> Vec<String> {
    let is_run = |block: &Block| block.language() == "sh" && !NOT_RUN.iter().any(|mark| block.is_marked(mark));
    let mut problems = Vec::new();
    let mut copy: Option<tempfile::TempDir> = None;
    let mut printed: Option<String> = None;
    for block in &page.blocks {
        if is_run(block) {
            let folder = copy.get_or_insert_with(copy_of_the_checkout);
            let output = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &block.text])
                .current_dir(folder.path())
                .env("PATH", path)
                .env("NO_COLOR", "1")
                // No command of the documentation may find a cluster by itself.
                .env_remove("KUBECONFIG")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let expected = block.info.iter().find_map(|mark| exit_code(mark)).unwrap_or(0);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.code() != Some(expected) {
                let code = output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
                problems.push(format!(
                    "{}:{}: ended with exit code {code} instead of {expected}:\n{}\n{said}{}",
                    page.path,
                    block.line,
                    block.text,
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
            printed = Some(said);
        } else if let Some(printed) = printed.take().filter(|_| block.language() == "text")
            && !shows(&block.text, &printed)
        {
            problems
                .push(format!("{}:{}: the commands before it print something else:\n{printed}", page.path, block.line));
        }
    }
    problems
}

/// The exit code that a mark tells.
fn exit_code(mark: &str) -> Option<i32> {
    mark.strip_prefix("exit-")?.parse().ok()
}

/// Whether a page shows what is printed; `...` on the page stands for anything.
fn shows(page: &str, printed: &str) -> bool {
    let (page, printed) = (page.trim_end(), printed.trim_end());
    let parts: Vec<&str> = page.split("...").collect();
    let [first, middle @ .., last] = parts.as_slice() else { return page == printed };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Where the commands of the documentation are found: this program, then Helm, then what is there anyway.
pub(crate) fn search_path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_holdfast"));
    let helms = Helms::at_hand().ok();
    let helm = helms.as_ref().and_then(|helms| helms.installer().ok());
    let first = [Some(program), helm.map(camino::Utf8Path::as_std_path)];
    let folders = first.into_iter().flatten().filter_map(|path| path.parent().map(Path::to_owned));
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(folders.chain(std::env::split_paths(&others))).unwrap()
}

/// The checkout without what was built in it and without hidden files, so that no command can change it.
pub(crate) fn copy_of_the_checkout() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.starts_with('.') && !["target", "dist"].contains(&name.as_str()) {
            copy_to(&entry.path(), &copy.path().join(name));
        }
    }
    copy
}

fn copy_to(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy_to(&entry.path(), &to.join(entry.file_name()));
    }
}

/// The names of all fields that a schema has.
fn collect_fields(schema: &Value, fields: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(properties) = object.get("properties").and_then(Value::as_object) {
                fields.extend(properties.keys().cloned());
            }
            object.values().for_each(|value| collect_fields(value, fields));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_fields(item, fields)),
        _ => {}
    }
}
