//! The profiles that come with the contract: files in `profiles`, which the binary carries inside it.

use harness::profile::{Profile, ProfileError};

/// Name and text of each, in the order of their names.
const FILES: &[(&str, &str)] = &[
    ("bundled-postgres@1", include_str!("../profiles/bundled-postgres@1.yaml")),
    ("cnpg-app@1", include_str!("../profiles/cnpg-app@1.yaml")),
];

/// Every profile that a gate can demand by its name.
///
/// # Errors
/// When one of the files is none, which the tests of this crate rule out.
pub fn profiles() -> Result<Vec<Profile>, ProfileError> {
    FILES.iter().map(|(name, text)| Profile::parse(text, &format!("profiles/{name}.yaml"))).collect()
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use harness::subject::Subject;

    use super::{FILES, profiles};
    use crate::CATALOG;

    fn below(folder: &str) -> Vec<camino::Utf8PathBuf> {
        let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let files = folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path());
        let mut files: Vec<_> = files.filter(|path| path.extension() == Some("yaml")).collect();
        files.sort();
        files
    }

    #[test]
    fn every_file_is_carried_and_named_after_what_it_says() {
        let stems: Vec<String> = below("profiles").iter().map(|path| path.file_stem().unwrap().to_owned()).collect();
        let names: Vec<String> = profiles().unwrap().into_iter().map(|profile| profile.name).collect();
        assert_eq!(names, stems);
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), stems);
    }

    #[test]
    fn every_profile_makes_some_requirement_apply() {
        for profile in profiles().unwrap() {
            let idle: Vec<_> = profile.sharpening(CATALOG).collect();
            assert_ne!(idle.len(), profile.demands.len(), "{} demands only {idle:?}", profile.name);
        }
    }

    #[test]
    fn every_subject_means_to_meet_a_profile_that_there_is() {
        let names: Vec<String> = profiles().unwrap().into_iter().map(|profile| profile.name).collect();
        for file in below("../fixtures/subjects") {
            let means = Subject::read(&file).unwrap().file().profile.clone();
            assert!(means.is_none_or(|profile| names.contains(&profile)), "{file}");
        }
    }
}
