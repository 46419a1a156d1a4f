//! Where the repository is whose sources some recipes read.

use std::env;

use camino::{Utf8Path, Utf8PathBuf};

/// What tells the repository from any other folder.
const MARK: &str = "fixtures/workload/Cargo.toml";

/// The checkout that the current folder is in, else the one that this program was built in, whether it still exists or
/// not: recipes without sources do not need it, and those with sources say what is missing.
pub(super) fn locate() -> Utf8PathBuf {
    let built_in = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let built_in = built_in.parent().unwrap_or(built_in);
    let current = env::current_dir().ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let around =
        current.and_then(|path| path.ancestors().find(|path| path.join(MARK).is_file()).map(Utf8Path::to_path_buf));
    around.unwrap_or_else(|| built_in.to_path_buf())
}
