//! What a gate demands: a named, versioned list of features.
//!
//! A subject says by itself what it claims, so claiming less would make it easier to pass. A profile takes that away:
//! what it demands and the subject neither claims nor shows is violated. This module reads profiles; which ones come
//! with Holdfast is part of the contract.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use crate::feature::Feature;
use crate::requirement::Requirement;
use crate::subject::ApiVersion;
use crate::yaml::{self, YamlError};

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Name and version, `cnpg-app@1`. Another meaning gets another version.
    pub name: String,
    /// For whom it is, in a sentence without a full stop.
    pub summary: String,
    /// The features that a subject must claim, or its manifests must show.
    pub demands: Vec<Feature>,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is none of that name.
    #[error(
        "find profile {word}: there is none of that name; Holdfast brings {known}, and one of your own is given as a \
         file, ./NAME.yaml"
    )]
    Unknown {
        /// What was asked for.
        word: String,
        /// Those that there are.
        known: String,
    },
    /// There is no file where one was said to be.
    #[error("read the profile {path}: there is no such file; give the path of one, or NAME@N for one of Holdfast's")]
    NoFile {
        /// The path that was looked at.
        path: Utf8PathBuf,
    },
    /// The text is not what was expected.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A field cannot be used.
    #[error("{file}: {field}: {problem}")]
    Field {
        /// The file.
        file: String,
        /// The field's path.
        field: &'static str,
        /// What is wrong and what was expected.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    metadata: Metadata,
    summary: String,
    demands: Vec<Feature>,
}

#[derive(Deserialize)]
enum Kind {
    Profile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    version: u32,
}

/// Names have neither folders nor extensions.
fn is_path(word: &str) -> bool {
    word.contains('/') || [".yaml", ".yml"].iter().any(|end| word.ends_with(end))
}

impl Profile {
    /// Whether a word of the command line can only mean a profile, and no requirement.
    pub fn is_meant(word: &str) -> bool {
        word.contains('@') || is_path(word)
    }

    /// The profile that a word of the command line means: one of `known`, or, where the word is a path, that file.
    ///
    /// # Errors
    /// When there is none, or the file is none.
    pub fn choose(word: &str, known: &[Self]) -> Result<Self, ProfileError> {
        if is_path(word) {
            return Self::read(Utf8Path::new(word), known);
        }
        let names = || known.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = known.iter().find(|profile| profile.name == word).cloned();
        found.ok_or_else(|| ProfileError::Unknown { word: word.to_owned(), known: names() })
    }

    fn read(path: &Utf8Path, known: &[Self]) -> Result<Self, ProfileError> {
        if !path.is_file() {
            return Err(ProfileError::NoFile { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(|source| YamlError::Read { path: path.to_owned(), source })?;
        let profile = Self::parse(&text, path.as_str())?;
        // A report names the profile and nothing else of it, so a name must mean one thing.
        if known.iter().any(|other| other.name == profile.name) {
            let problem = format!("{} is a profile that Holdfast brings; give yours another name", profile.name);
            return Err(ProfileError::Field { file: path.to_string(), field: "metadata", problem });
        }
        Ok(profile)
    }

    /// Reads the text of a profile; `file` is what errors call it.
    ///
    /// # Errors
    /// The text breaks the format, or demands nothing.
    pub fn parse(text: &str, file: &str) -> Result<Self, ProfileError> {
        let read: File = yaml::parse_strict(text, file)?;
        let wrong =
            |field, problem: &str| ProfileError::Field { file: file.to_owned(), field, problem: problem.into() };
        let Metadata { name, version } = read.metadata;
        let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(wrong("metadata.name", "expected a name of a-z, 0-9 and -"));
        }
        if version == 0 {
            return Err(wrong("metadata.version", "expected a number from 1 on"));
        }
        if read.demands.is_empty() {
            return Err(wrong("demands", "expected at least one feature; a profile without any demands nothing"));
        }
        Ok(Self { name: format!("{name}@{version}"), summary: read.summary, demands: read.demands })
    }

    /// Whether it demands a feature.
    pub fn demands(&self, feature: Feature) -> bool {
        self.demands.contains(&feature)
    }

    /// The demanded features that no requirement presupposes: they only make some checks stricter. Nothing can be
    /// violated because they are not claimed, so a gate that demands them has everything judged as if they were.
    pub fn sharpening<'a>(&'a self, catalog: &'a [&Requirement]) -> impl Iterator<Item = Feature> + 'a {
        let presupposed = |feature: Feature| catalog.iter().any(|requirement| requirement.features.contains(&feature));
        self.demands.iter().copied().filter(move |feature| !presupposed(*feature))
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::Profile;
    use crate::error::Chain;
    use crate::feature::Feature;

    const GOOD: &str = "\
apiVersion: holdfast.dev/v1
kind: Profile
metadata: {name: payments, version: 2}
summary: What the payments team lets through
demands: [ca, gitops]
";

    fn refused(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        Chain(&Profile::parse(&GOOD.replace(from, to), "profile.yaml").unwrap_err()).to_string()
    }

    #[test]
    fn a_profile_is_called_by_its_name_and_version() {
        let profile = Profile::parse(GOOD, "profile.yaml").unwrap();
        assert_eq!(profile.name, "payments@2");
        assert!(profile.demands(Feature::Gitops) && !profile.demands(Feature::Cnpg));
    }

    #[test]
    fn its_author_is_told_what_was_expected_and_where() {
        assert_snapshot!(refused("demands", "features"), @"profile.yaml:5:1: unknown field `features`, expected one of `apiVersion`, `kind`, `metadata`, `summary`, `demands`");
        assert_snapshot!(refused("gitops", "gitpos"), @"profile.yaml:5:15: unknown name `gitpos`, expected one of `ca`, `ca.identical`, `ca.rotation`, `password.rotation`, `cnpg`, `postgres.bundled`, `api-keys`, `migrations`, `ca.sync`, `pooler`, `tls.served`, `rbac.namespaced`, `gitops`");
        assert_snapshot!(refused("Profile", "Subject"), @"profile.yaml:2:7: unknown name `Subject`, expected `Profile`");
        assert_snapshot!(refused("[ca, gitops]", "[]"), @"profile.yaml: demands: expected at least one feature; a profile without any demands nothing");
        assert_snapshot!(refused("payments", "Payments"), @"profile.yaml: metadata.name: expected a name of a-z, 0-9 and -");
        assert_snapshot!(refused("version: 2", "version: 0"), @"profile.yaml: metadata.version: expected a number from 1 on");
    }

    #[test]
    fn a_word_is_a_name_and_a_path_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yaml");
        std::fs::write(&path, GOOD).unwrap();
        let path = path.to_str().unwrap();
        let mine = Profile::choose(path, &[]).unwrap();
        assert_eq!(Profile::choose("payments@2", std::slice::from_ref(&mine)).unwrap(), mine);
        let said = |word: &str| Chain(&Profile::choose(word, std::slice::from_ref(&mine)).unwrap_err()).to_string();
        assert_snapshot!(said("payments@1"), @"find profile payments@1: there is none of that name; Holdfast brings payments@2, and one of your own is given as a file, ./NAME.yaml");
        assert_snapshot!(said("./nowhere.yaml"), @"read the profile ./nowhere.yaml: there is no such file; give the path of one, or NAME@N for one of Holdfast's");
        assert_snapshot!(said(path).replace(path, "mine.yaml"), @"mine.yaml: metadata: payments@2 is a profile that Holdfast brings; give yours another name");
    }
}
