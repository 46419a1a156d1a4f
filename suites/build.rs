//! Puts what each requirement's file says it is for into the library, so that `holdfast explain` can tell it: the words
//! of the file's head, without its first line, which is the statement.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let source = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("src");
    println!("cargo::rerun-if-changed=src");
    let mut all = Vec::new();
    for area in fs::read_dir(&source)? {
        let area = area?.path();
        if area.is_dir() {
            collect(&area, &mut all)?;
        }
    }
    all.sort();
    let mut table = String::from("&[\n");
    for (id, why) in all {
        writeln!(table, "    ({id:?}, {why:?}),")?;
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("why.rs"), table)?;
    Ok(())
}

/// The heads of the files that begin with `//! AREA-NN: `.
fn collect(area: &Path, all: &mut Vec<(String, String)>) -> Result<(), Box<dyn Error>> {
    for file in fs::read_dir(area)? {
        let text = fs::read_to_string(file?.path())?;
        let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
        let Some((statement, why)) = head.split_first() else { continue };
        let Some((id, _)) = statement.split_once(": ") else { continue };
        if id.split_once('-').is_some_and(|(_, number)| number.parse::<u32>().is_ok()) {
            all.push((id.to_owned(), why.join("\n").trim().to_owned()));
        }
    }
    Ok(())
}
