//! Planting a defect: a mutated copy of the chart, other values, other manifests. The original is never touched.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::file::{Edit, Mutant};
use crate::helm::{Package, PackageError, ValuePath, lay_over};
use crate::subject::{Overlay, ResolvedRelease, Subject};
use crate::yaml::{self, YamlError};

/// Why a defect cannot be planted. A mutant that changes nothing would prove nothing.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    /// The subject has no such overlay.
    #[error("the subject has no overlay {overlay}")]
    NoOverlay {
        /// The name.
        overlay: String,
    },
    /// A text to replace is not there, or is there more than once.
    #[error("{file}: the text to replace occurs {count} times, expected once: {text}")]
    NotOnce {
        /// The file.
        file: String,
        /// How often it occurs.
        count: usize,
        /// The first line of the text.
        text: String,
    },
    /// A file to change is not part of the chart.
    #[error("{file}: there is no such file to change")]
    NoFile {
        /// The file.
        file: String,
    },
    /// An edit says nothing, or more than one thing.
    #[error("{file}: expected exactly one of `replace` with `with`, `delete: true` and `create`")]
    NoEdit {
        /// The file.
        file: String,
    },
    /// A value to take away is not there.
    #[error("the value {path} to take away is not there")]
    NoValue {
        /// The dotted path.
        path: String,
    },
    /// The subject has no chart, or no release of the name.
    #[error("the subject has no such chart to change")]
    NoChart,
    /// The chart cannot be read.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A file of values cannot be read.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// The copy cannot be written.
    #[error("write the mutated copy to {path}")]
    Write {
        /// The file or folder.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// A subject with a planted defect. Its files go when it is dropped.
#[derive(Debug)]
pub struct Planted {
    /// The subject.
    pub subject: Arc<Subject>,
    /// The overlay to look at.
    pub overlay: Overlay,
    _folder: TempDir,
}

/// Plants a defect in a copy of its subject, which is made within a folder.
///
/// # Errors
/// The mutant does not fit the subject: a text, file, value or overlay is not there.
pub fn plant(subject: &Subject, mutant: &Mutant, within: &Utf8Path) -> Result<Planted, PlantError> {
    let file = &mutant.file;
    let overlay = overlay(subject, file.overlay.as_deref())?.clone();
    let folder = TempDir::with_prefix_in("holdfast-mutant-", within)
        .map_err(|source| PlantError::Write { path: within.to_owned(), source })?;
    let root = Utf8Path::from_path(folder.path()).ok_or(PlantError::NoChart)?.to_owned();
    let mut planted = subject.clone();
    let mut mutated = overlay;
    if !file.files.is_empty() {
        let named = |release: &ResolvedRelease| file.release.as_ref().is_none_or(|name| release.name == *name);
        let place = subject.releases().iter().position(named).ok_or(PlantError::NoChart)?;
        let copy = root.join("chart");
        let chart = subject.releases()[place].chart.path().ok_or(PlantError::NoChart)?;
        write_chart(&Package::read(chart)?, file.files.iter(), &copy)?;
        planted.replace_chart(place, copy);
    }
    if file.values.is_some() || !file.remove.is_empty() {
        let release = planted.releases().first().ok_or(PlantError::NoChart)?;
        let mut stated = Value::Object(Map::new());
        for path in release.values.iter().chain(&mutated.values) {
            lay_over(&mut stated, &yaml::read_lenient(path)?);
        }
        if let Some(values) = &file.values {
            lay_over(&mut stated, values);
        }
        let defaults = Package::read(release.chart.path().ok_or(PlantError::NoChart)?)?.values;
        for path in &file.remove {
            let dotted = ValuePath::parse(path);
            if !dotted.remove(&mut stated) {
                // What nobody states is taken away from the chart's defaults.
                dotted.get(&defaults).ok_or_else(|| PlantError::NoValue { path: path.clone() })?;
                dotted.set(&mut stated, Value::Null);
            }
        }
        let path = root.join("values.json");
        write(&path, stated.to_string().as_bytes())?;
        planted.replace_values(Vec::new());
        mutated.values = vec![path];
    }
    for (name, edits) in &file.companions {
        let original = planted.companion_manifest(name).ok_or_else(|| PlantError::NoFile { file: name.clone() })?;
        let read = |source| PlantError::Yaml(YamlError::Read { path: original.clone(), source });
        let text = std::fs::read_to_string(&original).map_err(read)?;
        let path = root.join(format!("companion-{name}.yaml"));
        let edited = edits.iter().try_fold(Some(text), |text, edit| apply(name, text, edit))?;
        write(&path, edited.unwrap_or_default().as_bytes())?;
        planted.replace_companion_manifest(name, path);
    }
    planted.declare_restart(&file.restart);
    planted.patch_manifests(file.manifests.clone());
    Ok(Planted { subject: Arc::new(planted), overlay: mutated, _folder: folder })
}

/// The overlay that a mutant looks at: the one that it names, else the subject's first.
pub(super) fn overlay<'s>(subject: &'s Subject, name: Option<&str>) -> Result<&'s Overlay, PlantError> {
    let found = match name {
        Some(name) => subject.overlay(name),
        None => subject.overlays().first(),
    };
    found.ok_or_else(|| PlantError::NoOverlay { overlay: name.unwrap_or("at all").to_owned() })
}

fn write_chart<'a>(
    package: &Package,
    edits: impl Iterator<Item = (&'a Utf8PathBuf, &'a Vec<Edit>)> + Clone,
    copy: &Utf8Path,
) -> Result<(), PlantError> {
    for file in &package.files {
        let edited = edits.clone().find(|(path, _)| path.as_str() == file.path);
        let Some((_, edits)) = edited else {
            write(&copy.join(&file.path), &file.content)?;
            continue;
        };
        let text = file.text().ok_or_else(|| PlantError::NoFile { file: file.path.clone() })?.to_owned();
        if let Some(text) = edits.iter().try_fold(Some(text), |text, edit| apply(&file.path, text, edit))? {
            write(&copy.join(&file.path), text.as_bytes())?;
        }
    }
    for (path, edits) in edits.filter(|(path, _)| package.file(path.as_str()).is_none()) {
        let text = edits.iter().try_fold(None, |text, edit| apply(path.as_str(), text, edit))?;
        write(&copy.join(path), text.unwrap_or_default().as_bytes())?;
    }
    Ok(())
}

/// One edit of a text; `None` is a file that is not there.
fn apply(file: &str, text: Option<String>, edit: &Edit) -> Result<Option<String>, PlantError> {
    let file = file.to_owned();
    match (text, &edit.replace, &edit.with, edit.delete, &edit.create) {
        (Some(text), Some(replace), Some(with), false, None) => {
            let count = text.matches(replace.as_str()).count();
            if count != 1 {
                let text = replace.trim().lines().next().unwrap_or_default().to_owned();
                return Err(PlantError::NotOnce { file, count, text });
            }
            Ok(Some(text.replacen(replace.as_str(), with, 1)))
        }
        (Some(_), None, None, true, None) => Ok(None),
        (None, None, None, false, Some(create)) => Ok(Some(create.clone())),
        (None, Some(_), Some(_), false, None) | (None, None, None, true, None) => Err(PlantError::NoFile { file }),
        _ => Err(PlantError::NoEdit { file }),
    }
}

fn write(path: &Utf8Path, content: &[u8]) -> Result<(), PlantError> {
    let failed = |source| PlantError::Write { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, content).map_err(failed)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::apply;
    use crate::mutant::Edit;

    fn edit(replace: Option<&str>, with: Option<&str>, delete: bool, create: Option<&str>) -> Edit {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Edit { replace: owned(replace), with: owned(with), delete, create: owned(create) }
    }

    #[rstest]
    #[case::replaced(Some("a b c"), edit(Some("b"), Some("x"), false, None), Some("a x c"))]
    #[case::deleted(Some("a"), edit(None, None, true, None), None)]
    #[case::created(None, edit(None, None, false, Some("new")), Some("new"))]
    fn an_edit_changes_a_file(#[case] text: Option<&str>, #[case] edit: Edit, #[case] expected: Option<&str>) {
        let edited = apply("f", text.map(str::to_owned), &edit).unwrap();
        assert_eq!(edited.as_deref(), expected);
    }

    #[rstest]
    #[case::not_there(
        Some("a"),
        edit(Some("b"), Some("x"), false, None),
        "f: the text to replace occurs 0 times, expected once: b"
    )]
    #[case::twice(
        Some("b b"),
        edit(Some("b"), Some("x"), false, None),
        "f: the text to replace occurs 2 times, expected once: b"
    )]
    #[case::no_file(None, edit(Some("b"), Some("x"), false, None), "f: there is no such file to change")]
    #[case::without_a_replacement(
        Some("b"),
        edit(Some("b"), None, false, None),
        "f: expected exactly one of `replace` with `with`, `delete: true` and `create`"
    )]
    #[case::created_over_another(
        Some("a"),
        edit(None, None, false, Some("x")),
        "f: expected exactly one of `replace` with `with`, `delete: true` and `create`"
    )]
    fn an_edit_that_does_not_fit_is_an_error(#[case] text: Option<&str>, #[case] edit: Edit, #[case] message: &str) {
        assert_eq!(apply("f", text.map(str::to_owned), &edit).unwrap_err().to_string(), message);
    }
}
