//! How fast logs pass through the one writer of artefacts, against the same bytes written as they are.

use std::fs::File;
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use super::MeasureError;
use super::page::{Figure, Floor, Row};
use super::sampling::alternate;
use crate::redact::{Redactor, Sink};

const SAMPLES: usize = 5;

/// How much there is to mask: what the pods of a run write on a talkative day.
pub(super) const BYTES: usize = 10_000_000;

/// How many credentials a run of one subject knows, about.
const CREDENTIALS: usize = 24;

/// One line in so many holds a credential.
const LINES_TO_A_CREDENTIAL: usize = 200;

pub(super) fn rows() -> Result<Vec<Row>, MeasureError> {
    let folder = Folder::new()?;
    let redactor = acquainted()?;
    let sink = Sink::new(redactor);
    let log = log(BYTES);
    let (masked, plain) = (folder.path.join("masked.log"), folder.path.join("plain.log"));
    let masks = || {
        let mut masking = sink.stream(&masked)?;
        let written = io::copy(&mut log.as_slice(), &mut masking).and_then(|_| masking.finish().map(drop));
        written.map_err(unwritten(&masked))
    };
    let writes = || {
        // In the pieces in which the log passes through the mask.
        let copied = File::create(&plain).and_then(|mut file| pieces(&log).try_for_each(|piece| file.write_all(piece)));
        copied.map_err(unwritten(&plain))
    };
    let (masking, writing) = alternate(SAMPLES, masks, writes)?;
    proven(&masked)?;
    let floor = Floor::new("the same bytes, written as they are", Figure::speed(log.len(), &writing));
    let what = format!("masking of a {} MB log", BYTES / 1_000_000);
    let row = Row::measured(what, Figure::speed(log.len(), &masking), Some(floor), None);
    Ok(vec![row.noting(format!("{CREDENTIALS} credentials, one in {LINES_TO_A_CREDENTIAL} lines holds one"))])
}

/// A folder that goes when it is dropped.
pub(super) struct Folder {
    pub(super) path: Utf8PathBuf,
    _kept: TempDir,
}

impl Folder {
    pub(super) fn new() -> Result<Self, MeasureError> {
        let failed = |source| MeasureError::File {
            operation: "make a folder in",
            path: std::env::temp_dir().to_string_lossy().as_ref().into(),
            source,
        };
        let kept = TempDir::with_prefix("holdfast-bench-").map_err(failed)?;
        let path = Utf8Path::from_path(kept.path()).ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
        Ok(Self { path: path.to_owned(), _kept: kept })
    }
}

/// A redactor that knows as many credentials as one of a run.
pub(super) fn acquainted() -> Result<Redactor, MeasureError> {
    let redactor = Redactor::in_memory();
    let named: Vec<(String, String)> =
        (0..CREDENTIALS).map(|index| (format!("bench-{index}"), credential(index))).collect();
    redactor.register_all(named.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    Ok(redactor)
}

/// Lines as a database client writes them, some with a credential in a connection string.
pub(super) fn log(bytes: usize) -> Vec<u8> {
    let mut log = Vec::with_capacity(bytes + 256);
    let mut index = 0;
    while log.len() < bytes {
        let written = if index % LINES_TO_A_CREDENTIAL == 0 {
            let password = credential(index / LINES_TO_A_CREDENTIAL % CREDENTIALS);
            writeln!(
                log,
                "2026-03-01T12:00:00.{index:09}Z ERROR connect to postgres://app:{password}@agents-db-rw:5432/app"
            )
        } else {
            writeln!(
                log,
                "2026-03-01T12:00:00.{index:09}Z INFO request=GET /v1/agents status=200 rows={index} took=1.8ms pool=steady"
            )
        };
        // Memory takes everything.
        drop(written);
        index += 1;
    }
    log
}

fn credential(index: usize) -> String {
    let digest = crate::digest::sha256(format!("credential {index}"));
    digest.chars().filter(char::is_ascii_hexdigit).take(32).collect()
}

/// The pieces in which a log is copied.
pub(super) fn pieces(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    log.chunks(8 * 1024)
}

/// A mask that let something through would be fast.
fn proven(masked: &Utf8Path) -> Result<(), MeasureError> {
    let text = std::fs::read(masked).map_err(|source| MeasureError::File {
        operation: "read",
        path: masked.to_owned(),
        source,
    })?;
    let text = String::from_utf8_lossy(&text);
    let leaked = (0..CREDENTIALS).any(|index| text.contains(&credential(index)));
    if leaked || !text.contains("[redacted:bench-0]") {
        return Err(MeasureError::Unusable("mask a log: what was written is not masked".into()));
    }
    Ok(())
}

fn unwritten(path: &Utf8Path) -> impl FnOnce(io::Error) -> MeasureError {
    move |source| MeasureError::File { operation: "write", path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::{acquainted, credential, log, proven};
    use crate::redact::Sink;
    use camino::Utf8Path;

    #[test]
    fn a_log_holds_credentials_that_the_redactor_knows() {
        let (redactor, log) = (acquainted().unwrap(), log(100_000));
        assert!((100_000..101_000).contains(&log.len()));
        assert!(redactor.finds(&log));
        assert!(!String::from_utf8_lossy(&redactor.mask_bytes(&log)).contains(&credential(0)));
    }

    #[test]
    fn a_log_that_was_not_masked_is_no_measurement() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("a.log");
        let log = log(100_000);
        std::fs::write(&path, &log).unwrap();
        assert!(proven(&path).is_err());
        Sink::new(acquainted().unwrap()).write(&path, &log).unwrap();
        proven(&path).unwrap();
    }
}
