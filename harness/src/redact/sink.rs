//! The one writer of artefacts. Nothing reaches a file of the run or a terminal but through it.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Write;

use camino::Utf8Path;
use serde::Serialize;

use super::{Masking, RedactError, Redactor};

/// Writes artefacts and lines, masked.
#[derive(Debug, Clone)]
pub struct Sink {
    redactor: Redactor,
}

impl Sink {
    /// A sink that masks what the redactor knows at the time of writing.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor }
    }

    /// The redactor behind it.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A line for a terminal or a log.
    pub fn line<'a>(&self, line: &'a str) -> Cow<'a, str> {
        self.redactor.mask(line)
    }

    /// Writes a whole file: a reader sees the old one or the new one, never half of it, also after a power cut.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Utf8Path, content: &[u8]) -> Result<(), RedactError> {
        self.place(path, &self.redactor.mask_bytes(content))
    }

    /// Writes a value as indented JSON, masked within its strings.
    ///
    /// # Errors
    /// If the value cannot be encoded or masked, or the file not be written.
    pub fn json<T: Serialize>(&self, path: &Utf8Path, value: &T) -> Result<(), RedactError> {
        let (masked, _) = self.masked(path, value)?;
        let mut text =
            serde_json::to_vec_pretty(&masked).map_err(|source| RedactError::Json { path: path.to_owned(), source })?;
        text.push(b'\n');
        self.place(path, &text)
    }

    /// A value as one line of JSON with its end, masked within its strings. `path` is for the message of an error.
    ///
    /// # Errors
    /// If the value cannot be encoded or masked.
    pub fn json_line<T: Serialize>(&self, path: &Utf8Path, value: &T) -> Result<Vec<u8>, RedactError> {
        let (_, mut line) = self.masked(path, value)?;
        line.push(b'\n');
        Ok(line)
    }

    /// A file that is written piece by piece, masked across the pieces. The folder is made.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn stream(&self, path: &Utf8Path) -> Result<Masking<File>, RedactError> {
        let failed = |source| RedactError::Write { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        Ok(Masking::new(File::create(path).map_err(failed)?, self.redactor.clone()))
    }

    fn masked<T: Serialize>(&self, path: &Utf8Path, value: &T) -> Result<(serde_json::Value, Vec<u8>), RedactError> {
        let json = |source| RedactError::Json { path: path.to_owned(), source };
        let mut masked = serde_json::to_value(value).map_err(json)?;
        self.redactor.mask_json(&mut masked);
        let text = serde_json::to_vec(&masked).map_err(json)?;
        // Masking within strings cannot see a value that runs over from one string into the next, or into a number.
        if self.redactor.finds(&text) {
            return Err(RedactError::Structure { path: path.to_owned() });
        }
        Ok((masked, text))
    }

    fn place(&self, path: &Utf8Path, content: &[u8]) -> Result<(), RedactError> {
        let failed = |source| RedactError::Write { path: path.to_owned(), source };
        let folder = path.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        let mut temporary = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder).map_err(failed)?;
        temporary.as_file_mut().write_all(content).and_then(|()| temporary.as_file().sync_all()).map_err(failed)?;
        readable(temporary.as_file()).map_err(failed)?;
        temporary.persist(path).map_err(|error| failed(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

/// Temporary files are for their owner only; artefacts are for everyone who may enter the folder.
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
