//! The pages of the requirements in the book are those that the contract makes.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{holdfast, stderr};

#[test]
fn the_book_has_the_pages_that_the_contract_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("requirements");
    let output = holdfast(&root, &["explain", "--pages", made.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (made, kept) = (pages_in(&made), pages_in(&root.join("docs/src/requirements")));
    let other: Vec<&String> =
        made.keys().chain(kept.keys()).filter(|name| made.get(*name) != kept.get(*name)).collect();
    assert!(other.is_empty(), "run `holdfast explain --pages docs/src/requirements`: {other:?} are not what it writes");
}

fn pages_in(folder: &Path) -> BTreeMap<String, String> {
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect()
}
