//! The proof at the end: finished artefacts are read back and searched for every credential in every spelling.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;

use camino::Utf8Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Form, RedactError, Redactor};

/// A credential that got past the mask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Leak {
    /// The artefact, from the scanned folder on.
    pub file: String,
    /// The name under which the credential was registered.
    pub credential: String,
    /// How it is spelled there.
    pub form: Form,
}

impl fmt::Display for Leak {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "credential {} stands in {}, {}", self.credential, self.file, self.form)
    }
}

/// Searches every file below a folder, and the names of the files. Links are not followed.
///
/// # Errors
/// If anything cannot be read: what was not read was not found to be clean.
pub fn scan(folder: &Utf8Path, redactor: &Redactor) -> Result<Vec<Leak>, RedactError> {
    redactor.reload()?;
    let patterns = redactor.patterns();
    let mut leaks = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let failed = |source| RedactError::Scan { path: path.clone(), source };
        for entry in path.read_dir_utf8().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let name = relative(entry.path(), folder);
            let mut note = |bytes: &[u8]| {
                leaks.extend(patterns.hits(bytes).map(|hit| Leak {
                    file: redactor.mask(&name).into_owned(),
                    credential: hit.name.to_owned(),
                    form: hit.form,
                }));
            };
            note(name.as_bytes());
            if kind.is_dir() {
                open.push(entry.path().to_owned());
            } else if kind.is_file() {
                note(
                    &fs::read(entry.path())
                        .map_err(|source| RedactError::Scan { path: entry.path().into(), source })?,
                );
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).map_err(failed)?;
                note(target.as_os_str().as_encoded_bytes());
            }
        }
    }
    Ok(leaks.into_iter().collect())
}

fn relative(path: &Utf8Path, folder: &Utf8Path) -> String {
    path.strip_prefix(folder).map_or_else(|_| path.to_string(), Utf8Path::to_string)
}
