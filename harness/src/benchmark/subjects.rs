//! The rendered lane on everything that there is to judge: all subjects of the fixtures under all their overlays.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::helm_calls::measured;
use super::lane::judge;
use super::page::{Budget, Row};
use super::{MeasureError, Request};
use crate::subject::Subject;
use crate::yaml;

const SAMPLES: usize = 3;
const BUDGET: Budget = Budget::TimesFloor { times: 1.3 };

pub(super) fn rows(request: &Request<'_>) -> Result<Vec<Row>, MeasureError> {
    let files = subject_files(&request.fixtures.join("subjects"))?;
    let read = || files.iter().map(|file| Subject::read(file).map(Arc::new)).collect::<Result<Vec<_>, _>>();
    let scenes: usize = read()?.iter().map(|subject| subject.overlays().len()).sum();
    let measured = measured(SAMPLES, |helms| judge(request, read()?, Vec::new(), helms))?;
    let what = format!("rendered lane, {} subjects under {scenes} overlays", files.len());
    let row = Row::measured(what, measured.figure, Some(measured.floor), Some(BUDGET));
    Ok(vec![
        row.noting("the budget is that of 13 services under 3 overlays each; these are the subjects that there are"),
    ])
}

/// Every file below a folder that says of itself that it is a subject.
fn subject_files(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, MeasureError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let unread = |source| MeasureError::File { operation: "read", path: next.clone(), source };
        for entry in next.read_dir_utf8().map_err(unread)? {
            let path = entry.map_err(unread)?.into_path();
            // Companions lie beside the subjects; they are streams of manifests.
            let is_subject = || yaml::read_lenient(&path).is_ok_and(|value| value["kind"] == "Subject");
            if path.is_dir() {
                open.push(path);
            } else if path.extension() == Some("yaml") && is_subject() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::subject_files;

    #[test]
    fn companions_are_no_subjects() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir(root.join("specimens")).unwrap();
        std::fs::write(root.join("specimens/a.yaml"), "kind: Subject\n").unwrap();
        std::fs::write(root.join("cluster.yaml"), "kind: Cluster\n").unwrap();
        std::fs::write(root.join("several.yaml"), "kind: Secret\n---\nkind: Secret\n").unwrap();
        std::fs::write(root.join("README.md"), "kind: Subject\n").unwrap();
        assert_eq!(subject_files(root).unwrap(), [root.join("specimens/a.yaml")]);
    }
}
