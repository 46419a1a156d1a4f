//! Puts the reference subjects with their charts into the program, so that `holdfast examples` has them where there is no
//! checkout.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The folders of `fixtures` whose files belong to reference subjects.
const FOLDERS: [&str; 3] = ["charts", "subjects", "values"];
/// What only the project's own tests are interested in.
const LEFT_OUT: &str = "specimens";

fn main() -> Result<(), Box<dyn Error>> {
    let fixtures = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../fixtures");
    let mut files = Vec::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed=../../fixtures/{folder}");
        collect(&fixtures.join(folder), &mut files)?;
    }
    files.sort();
    let mut source = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&fixtures)?.to_str().ok_or("a file name is not UTF-8")?;
        // From the folder of the crate that is compiled: a target folder may be shared by several checkouts.
        let path = format!("/../../fixtures/{name}");
        writeln!(source, "    ({name:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),")?;
    }
    source.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("examples.rs"), source)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == LEFT_OUT) {
            continue;
        }
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
