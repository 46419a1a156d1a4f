//! A chart as it is packaged: its files, its description, its defaults, its dependencies.
//!
//! It is read as Helm packages it, with `.helmignore`. Nothing is rendered here.

use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::ignore::Ignore;
use super::values::ValuePath;
use crate::digest::sha256_of_parts;
use crate::finding::{Locate, Place};
use crate::yaml::{self, YamlError};

/// Why a chart cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file or folder cannot be read.
    #[error("read {path} of the chart")]
    Read {
        /// What was read.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// `Chart.yaml` is missing or has no name.
    #[error("{path} is no chart: {problem}")]
    NoChart {
        /// The folder or archive.
        path: Utf8PathBuf,
        /// What is missing.
        problem: &'static str,
    },
    /// A file of the chart is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

/// A chart.
#[derive(Debug, Clone)]
pub struct Package {
    /// The name in `Chart.yaml`.
    pub name: String,
    /// The version in `Chart.yaml`.
    pub version: String,
    /// Where it was read from.
    pub path: Utf8PathBuf,
    /// `Chart.yaml`.
    pub description: Value,
    /// `values.yaml`; an empty mapping if there is none.
    pub values: Value,
    /// Every file of the package, by path, those of its subcharts included.
    pub files: Vec<PackageFile>,
    /// The digest of all files.
    pub digest: String,
}

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Relative to the chart, with slashes.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl PackageFile {
    /// The content, if it is text.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.content).ok()
    }
}

impl Locate for PackageFile {
    fn place(&self) -> Place {
        Place::object(&self.path)
    }
}

/// A dependency that `Chart.yaml` asks for, and what the lock holds it at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The chart's name.
    pub name: String,
    /// The version or range in `Chart.yaml`.
    pub version: String,
    /// The version in `Chart.lock`.
    pub locked: Option<String>,
    /// Where it comes from.
    pub repository: String,
    /// The dotted path of the value that switches it on.
    pub condition: Option<String>,
}

impl Package {
    /// Reads a folder or a packaged chart (`.tgz`).
    ///
    /// # Errors
    /// It cannot be read, or is no chart.
    pub fn read(path: &Utf8Path) -> Result<Self, PackageError> {
        let mut files = if path.is_dir() { folder(path)? } else { archive(path)? };
        files.extend(packed_subcharts(&files));
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let digest = sha256_of_parts(files.iter().flat_map(|file| [file.path.as_bytes(), &file.content]));
        let read = |name: &str| -> Result<Option<Value>, YamlError> {
            let text = files.iter().find(|file| file.path == name).and_then(PackageFile::text);
            text.map(|text| yaml::parse_lenient(text, path.join(name).as_str())).transpose()
        };
        let no_chart = |problem| PackageError::NoChart { path: path.to_owned(), problem };
        let description = read("Chart.yaml")?.ok_or_else(|| no_chart("there is no Chart.yaml"))?;
        let field = |name: &str| description.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            name: field("name").ok_or_else(|| no_chart("Chart.yaml has no name"))?,
            version: field("version").unwrap_or_default(),
            path: path.to_owned(),
            values: read("values.yaml")?.filter(Value::is_object).unwrap_or_else(|| Value::Object(Default::default())),
            description,
            files,
            digest,
        })
    }

    /// A file by its path within the chart.
    pub fn file(&self, path: &str) -> Option<&PackageFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// A text file by its path within the chart.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.file(path).and_then(PackageFile::text)
    }

    /// The README, whatever the case of its name.
    pub fn readme(&self) -> Option<&PackageFile> {
        self.files.iter().find(|file| file.path.eq_ignore_ascii_case("README.md"))
    }

    /// The chart's own templates, without those of subcharts.
    pub fn templates(&self) -> impl Iterator<Item = &PackageFile> {
        self.files.iter().filter(|file| file.path.starts_with("templates/"))
    }

    /// The leaves of `values.yaml` with their defaults.
    pub fn defaults(&self) -> Vec<(ValuePath, &Value)> {
        ValuePath::leaves(&self.values)
    }

    /// The JSON Schema of values, if the chart has one that can be read.
    pub fn values_schema(&self) -> Option<Value> {
        serde_json::from_slice(&self.file("values.schema.json")?.content).ok()
    }

    /// What `Chart.yaml` depends on.
    pub fn dependencies(&self) -> Vec<Dependency> {
        let lock = self.text("Chart.lock").and_then(|text| yaml::parse_lenient(text, "Chart.lock").ok());
        let listed = |value: &Value| value.get("dependencies").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let locked = lock.as_ref().map(listed).unwrap_or_default();
        let dependencies = listed(&self.description).into_iter().map(|dependency| {
            let name = text(&dependency, "name");
            Dependency {
                locked: locked.iter().find(|entry| text(entry, "name") == name).map(|entry| text(entry, "version")),
                version: text(&dependency, "version"),
                repository: text(&dependency, "repository"),
                condition: dependency.get("condition").and_then(Value::as_str).map(str::to_owned),
                name,
            }
        });
        dependencies.collect()
    }

    /// The place of a file of this chart.
    pub fn place(&self, file: &str) -> Place {
        Place::object(format!("{}/{file}", self.name))
    }
}

fn folder(root: &Utf8Path) -> Result<Vec<PackageFile>, PackageError> {
    let ignore = root.join(".helmignore");
    let ignore = std::fs::read_to_string(ignore).map(|text| Ignore::parse(&text)).unwrap_or_default();
    let mut files = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let read = |source| PackageError::Read { path: folder.clone(), source };
        for entry in folder.read_dir_utf8().map_err(read)? {
            let path = entry.map_err(read)?.into_path();
            let relative = path.strip_prefix(root).unwrap_or(&path).as_str().to_owned();
            let is_folder = path.is_dir();
            if ignore.leaves_out(&relative, is_folder) {
                continue;
            }
            if is_folder {
                open.push(path);
            } else {
                let content = std::fs::read(&path).map_err(|source| PackageError::Read { path, source })?;
                files.push(PackageFile { path: relative, content });
            }
        }
    }
    Ok(files)
}

fn archive(path: &Utf8Path) -> Result<Vec<PackageFile>, PackageError> {
    let read = |source| PackageError::Read { path: path.to_owned(), source };
    let content = std::fs::read(path).map_err(read)?;
    let files = unpack(&content).map_err(read)?;
    // The first folder is the chart's name.
    let inside = files.into_iter().filter_map(|file| {
        let (_, inside) = file.path.split_once('/')?;
        Some(PackageFile { path: inside.to_owned(), content: file.content })
    });
    Ok(inside.collect())
}

fn unpack(content: &[u8]) -> std::io::Result<Vec<PackageFile>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(content));
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.push(PackageFile { path, content });
    }
    Ok(files)
}

/// The files of subcharts that are vendored as archives. Helm itself says what is wrong with one that does not open.
fn packed_subcharts(files: &[PackageFile]) -> Vec<PackageFile> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".tgz")) {
        let Some((folder, _)) = file.path.rsplit_once('/').filter(|(folder, _)| folder.ends_with("charts")) else {
            continue;
        };
        let inside = unpack(&file.content).unwrap_or_default().into_iter();
        let inside = inside.map(|file| PackageFile { path: format!("{folder}/{}", file.path), content: file.content });
        let inside: Vec<PackageFile> = inside.collect();
        found.extend(packed_subcharts(&inside));
        found.extend(inside);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{PackageFile, packed_subcharts};

    #[test]
    fn the_files_of_a_packed_subchart_count_as_those_of_the_package() {
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_cksum();
        archive.append_data(&mut header, "common/templates/_secrets.tpl", &b"text"[..]).unwrap();
        let content = archive.into_inner().unwrap().finish().unwrap();
        let packed = |path: &str| PackageFile { path: path.to_owned(), content: content.clone() };
        let files = packed_subcharts(&[packed("charts/common-2.0.0.tgz"), packed("files/data.tgz")]);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["charts/common/templates/_secrets.tpl"]);
    }
}
