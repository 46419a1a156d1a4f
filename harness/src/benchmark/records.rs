//! The speed of the live lane, read from what the latest run left: nothing is run for it.

use camino::Utf8Path;
use serde_json::Value;

use super::page::{Budget, Figure, Floor, Row};
use super::timeline::{Cause, CriticalPath, TimedRecord, critical_paths};
use super::{MeasureError, Request};
use crate::run::RunDirectory;

const ONE_SUBJECT: Budget = Budget::AtMost { seconds: 180.0 };
const FOUR_SUBJECTS: Budget = Budget::AtMost { seconds: 360.0 };

const WHAT: &str = "live lane, one subject";

/// The critical paths of the latest run, and a row for each.
pub(super) fn rows(request: &Request<'_>) -> Result<(Vec<Row>, Vec<CriticalPath>), MeasureError> {
    let absent = |why: String| Ok((vec![Row::absent(WHAT, why, Some(ONE_SUBJECT))], Vec::new()));
    let Ok(directory) = RunDirectory::find(&request.runs, None) else {
        return absent(format!("no run in {}: make conformance", request.runs));
    };
    let paths = critical_paths(&read(&directory.records())?);
    if paths.is_empty() {
        return absent(format!("run {} left no record of the live lane: make conformance", directory.id()));
    }
    let scope = scope_in(&directory.path().join("report.json"));
    let mut rows: Vec<Row> = paths.iter().map(row).collect();
    if paths.len() > 1 {
        rows.push(together(&paths));
    }
    let note = format!("read from run {}, {scope}", directory.id());
    Ok((rows.into_iter().map(|row| row.noting(&note)).collect(), paths))
}

fn read(folder: &Utf8Path) -> Result<Vec<TimedRecord>, MeasureError> {
    let unread = |path: &Utf8Path, source| MeasureError::File { operation: "read", path: path.to_owned(), source };
    let mut records = Vec::new();
    for entry in folder.read_dir_utf8().map_err(|source| unread(folder, source))? {
        let path = entry.map_err(|source| unread(folder, source))?.into_path();
        if path.extension() == Some("json") {
            let text = std::fs::read(&path).map_err(|source| unread(&path, source))?;
            records.push(serde_json::from_slice(&text).map_err(|error| unread(&path, error.into()))?);
        }
    }
    Ok(records)
}

/// How much of the contract a run judged, by its report; a run that was killed has none yet.
fn scope_in(report: &Utf8Path) -> String {
    let text = std::fs::read(report).unwrap_or_default();
    let report: Value = serde_json::from_slice(&text).unwrap_or_default();
    report["scope"].as_str().map_or_else(|| "a scope that no report tells".into(), |scope| format!("{scope} scope"))
}

fn row(path: &CriticalPath) -> Row {
    let imposed = Floor::new(
        format!(
            "on its critical path, the database {:.1} s, rollouts {:.1} s, refreshed files {:.1} s",
            path.of(Cause::Database),
            path.of(Cause::Rollout),
            path.of(Cause::Refresh)
        ),
        Figure::once(path.imposed()),
    );
    let what = format!("live lane, {} {}", path.subject, path.overlay);
    let row = Row::measured(what, Figure::once(path.seconds), Some(imposed), Some(ONE_SUBJECT)).noting(format!(
        "ours {:.1} s, and {:.1} s of which nothing is recorded",
        path.of(Cause::Ours),
        path.of(Cause::Unrecorded)
    ));
    if path.broken.is_empty() {
        return row;
    }
    row.noting(format!("broke off: {}; whole it would have taken another time", path.broken.join(", ")))
}

/// All subjects of the run; nothing keeps them from standing side by side, so the floor is that of the longest.
fn together(paths: &[CriticalPath]) -> Row {
    let began = paths.iter().map(|path| path.began).min().unwrap_or_default();
    let end = |path: &CriticalPath| path.began.duration_since(began).as_secs_f64() + path.seconds;
    let seconds = paths.iter().map(end).fold(0.0, f64::max);
    let imposed = paths.iter().map(CriticalPath::imposed).fold(0.0, f64::max);
    let floor = Floor::new("what is imposed on the one that takes longest", Figure::once(imposed));
    let what = format!("live lane, all {} together", paths.len());
    Row::measured(what, Figure::once(seconds), Some(floor), Some(FOUR_SUBJECTS)).noting("the budget is that of four")
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::{read, row, scope_in, together};
    use crate::benchmark::page::Outcome;
    use crate::benchmark::timeline::critical_paths;

    const RECORD: &str = r#"{"experiment": "install", "subject": "agents", "overlay": "production", "namespace": "hf-1",
        "steps": [
            {"name": "apply the companions and wait for the database", "began": "2026-03-01T12:00:00Z", "seconds": 20},
            {"name": "install the releases", "began": "2026-03-01T12:00:20Z", "seconds": 5}]}"#;

    #[test]
    fn a_folder_of_records_becomes_a_row_with_its_floor() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agents-production-install.json"), RECORD).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no record").unwrap();
        let records = read(Utf8Path::from_path(folder.path()).unwrap()).unwrap();
        let row = row(&critical_paths(&records)[0]);
        assert_eq!(row.what, "live lane, agents production");
        let Outcome::Measured { figure, floor, ratio, within } = row.outcome else { panic!("it was measured") };
        assert_eq!((figure.value, floor.unwrap().figure.value), (25.0, 20.0));
        assert_eq!((ratio, within), (Some(1.25), Some(true)));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_said_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agents-production-install.json"), "{").unwrap();
        let refused = read(Utf8Path::from_path(folder.path()).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("agents-production-install.json"), "{refused}");
    }

    #[test]
    fn the_scope_is_the_one_that_the_report_tells() {
        let folder = tempfile::tempdir().unwrap();
        let report = Utf8Path::from_path(folder.path()).unwrap().join("report.json");
        assert_eq!(scope_in(&report), "a scope that no report tells");
        std::fs::write(&report, r#"{"scope": "partial", "results": [{"what": "scope"}]}"#).unwrap();
        assert_eq!(scope_in(&report), "partial scope");
    }

    #[test]
    fn subjects_that_follow_one_another_are_held_against_the_longest_alone() {
        let later = RECORD.replace("agents", "platform").replace("12:00:", "12:01:");
        let records: Vec<_> = [RECORD, &later].into_iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let Outcome::Measured { figure, ratio, .. } = together(&critical_paths(&records)).outcome else {
            panic!("it was measured")
        };
        assert_eq!((figure.value, ratio), (85.0, Some(4.25)));
    }
}
