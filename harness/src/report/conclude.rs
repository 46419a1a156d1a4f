//! The end of a run: artefacts are proven free of credentials, the report is written, the private folder goes.

use std::collections::BTreeSet;

use super::{Report, ReportError};
use crate::redact::{Leak, PrivateRoom, Sink, scan};
use crate::run::{Event, Journal, RunDirectory};

/// Ends a run and makes its report.
///
/// Everything in the run directory is scanned, then the report is written and scanned too. A hit makes the report
/// unsound. The private folder is removed last, also then: it holds the values themselves. Raw logs that are still in
/// its spool are lost; release them before.
///
/// # Errors
/// If anything cannot be written, read back or removed. The run is then not concluded, and its report says incomplete.
pub fn conclude(
    directory: &RunDirectory,
    journal: &Journal,
    sink: &Sink,
    room: PrivateRoom,
) -> Result<Report, ReportError> {
    let failed = |source| ReportError::Write { folder: directory.path().to_owned(), source };
    let credentials = sink.redactor().too_short();
    if !credentials.is_empty() {
        journal.record(Event::NotMasked { credentials })?;
    }
    let mut leaks = BTreeSet::new();
    note(&mut leaks, directory, journal, sink)?;
    journal.record(Event::RunFinished)?;
    let mut report = Report::from_run(directory)?;
    report.write(directory, sink)?;
    if note(&mut leaks, directory, journal, sink)? {
        report = Report::from_run(directory)?;
        report.write(directory, sink)?;
    }
    room.remove().map_err(failed)?;
    Ok(report)
}

/// Scans the run directory and journals what is new; says whether anything is.
fn note(
    leaks: &mut BTreeSet<Leak>,
    directory: &RunDirectory,
    journal: &Journal,
    sink: &Sink,
) -> Result<bool, ReportError> {
    let found = scan(directory.path(), sink.redactor())
        .map_err(|source| ReportError::Write { folder: directory.path().to_owned(), source })?;
    let mut any = false;
    for leak in found {
        if leaks.insert(leak.clone()) {
            journal.record(Event::Leaked { leak })?;
            any = true;
        }
    }
    Ok(any)
}
