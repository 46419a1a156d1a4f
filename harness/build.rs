//! Puts `kind-config` into the library, so that `holdfast` makes clusters and images without a checkout; and how it is
//! optimised, so that it can tell.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = manifest.parent().ok_or("the package has no parent folder")?.join("kind-config");
    println!("cargo::rerun-if-changed=../kind-config");
    // Figures of speed say how the program that measured them was compiled.
    println!("cargo::rustc-env=HOLDFAST_OPT_LEVEL={}", env::var("OPT_LEVEL")?);

    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut source = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root)?.to_str().ok_or("a file name is not UTF-8")?;
        // From the folder of the crate that is compiled: a target folder may be shared by several checkouts.
        let path = format!("/../kind-config/{name}");
        writeln!(source, "    ({name:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),")?;
    }
    source.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("kind_config.rs"), source)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
