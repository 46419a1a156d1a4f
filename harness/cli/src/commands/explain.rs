//! `holdfast explain`: what one requirement is for, how it is judged and how it is mended; what a profile demands.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use harness::exit;
use harness::feature::Feature;
use harness::profile::Profile;
use harness::record::Experiment;
use harness::report::{self, catalogue, pages};
use harness::requirement::Requirement;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Explain one requirement: what it is for, what is checked, where it comes from, how to mend a violation. Or a profile: what it
/// demands.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The requirement's id or the profile's name, as `holdfast catalog` lists them, or a profile's file.
    #[arg(value_name = "ID", required_unless_present = "pages")]
    id: Option<String>,
    /// Write a page of Markdown for every requirement into this folder.
    #[arg(long, value_name = "FOLDER", conflicts_with = "id")]
    pages: Option<Utf8PathBuf>,
    /// Where the planted defects of a checkout are; they are listed if the folder is there.
    #[arg(long, value_name = "DIRECTORY", default_value = "fixtures/mutants")]
    mutants: Utf8PathBuf,
}

impl Explain {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        if let Some(folder) = &self.pages {
            return self.write_pages(folder);
        }
        let id = self.id.as_deref().unwrap_or_default();
        let profiles = suites::profiles().map_err(Failure::broke)?;
        if Profile::is_meant(id) {
            let profile = Profile::choose(id, &profiles).map_err(Failure::usage)?;
            terminal.print(&report::profile(&profile, suites::CATALOG))?;
            return Ok(exit::HOLDS);
        }
        let wanted = |requirement: &&&Requirement| requirement.id.eq_ignore_ascii_case(id);
        let Some(requirement) = suites::CATALOG.iter().find(wanted) else {
            return Err(Failure::usage(unknown(id, &profiles)));
        };
        let mutants = catalogue::mutants_below(&self.mutants).map_err(Failure::usage)?;
        terminal.print(&catalogue::explanation(requirement, &mutants, suites::why(requirement.id)))?;
        Ok(exit::HOLDS)
    }

    fn write_pages(&self, folder: &Utf8Path) -> Result<u8, Failure> {
        let mutants = catalogue::mutants_below(&self.mutants).map_err(Failure::usage)?;
        let unwritten = |error| Failure::broke(format!("write pages into {folder}: {error}"));
        std::fs::create_dir_all(folder).map_err(unwritten)?;
        for page in pages::pages(suites::CATALOG, &mutants, suites::why) {
            std::fs::write(folder.join(&page.file), page.text).map_err(unwritten)?;
        }
        Ok(exit::HOLDS)
    }
}

fn unknown(id: &str, profiles: &[Profile]) -> String {
    if let Some(told) = other_word(id) {
        return format!("explain requirement {id}: {told}");
    }
    let mut near = catalogue::near(suites::CATALOG, id);
    let of_that_name = |profile: &&Profile| profile.name.split('@').next() == Some(id);
    near.extend(profiles.iter().filter(of_that_name).map(|profile| profile.name.as_str()));
    let hint = if near.is_empty() {
        "`holdfast catalog` lists them all".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    format!("explain requirement {id}: the contract has none of that id; {hint}")
}

/// What a word is that stands in an explanation and names no requirement.
fn other_word(word: &str) -> Option<String> {
    let listed = |concerns: &dyn Fn(&Requirement) -> bool| {
        let ids = suites::CATALOG.iter().filter(|requirement| concerns(requirement)).map(|requirement| requirement.id);
        ids.collect::<Vec<_>>().join(", ")
    };
    if let Some(feature) = Feature::ALL.iter().find(|feature| feature.name() == word) {
        let ids = listed(&|requirement| requirement.features.contains(feature));
        let then = if ids.is_empty() { "it makes checks stricter".into() } else { format!("{ids} apply to it then") };
        return Some(format!("that is a feature, which a subject claims or its manifests show; {then}"));
    }
    let experiment = Experiment::ALL.iter().find(|experiment| experiment.name() == word)?;
    let ids = listed(&|requirement| requirement.experiments.contains(experiment));
    Some(format!("that is an experiment of the live lane; {ids} are judged on its record"))
}
