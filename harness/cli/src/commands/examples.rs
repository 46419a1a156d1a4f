//! `holdfast examples`: the reference subjects that the program carries, written out to be read, tried and copied.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use harness::exit;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Every file of the reference subjects, by its path below `fixtures`.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// Write the reference subjects with their charts into a folder: they meet the contract, to be read, tried and copied.
#[derive(Debug, Args)]
pub(crate) struct Examples {
    /// The folder; it must be empty or not be there yet.
    #[arg(value_name = "FOLDER")]
    folder: Utf8PathBuf,
}

impl Examples {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let folder = &self.folder;
        if folder.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::usage(format!(
                "write the examples into {folder}: there is something in it already; name a folder that is empty or new"
            )));
        }
        for (name, bytes) in FILES {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, bytes))
                .map_err(|error| Failure::usage(format!("write {path}: {error}")))?;
        }
        let subjects = FILES.iter().filter(|(name, _)| is_subject(Utf8Path::new(name)));
        let lines = subjects.map(|(name, _)| format!("holdfast check --subject {}\n", folder.join(name)));
        terminal.print(&lines.collect::<String>())?;
        Ok(exit::HOLDS)
    }
}

/// A subject's own file, and none that it refers to.
fn is_subject(path: &Utf8Path) -> bool {
    path.parent().is_some_and(|folder| folder == "subjects")
}
