//! `holdfast explain`: what one requirement is for, how it is judged and how it is mended; what a profile demands.

use camino::Utf8PathBuf;
use clap::Args;
use harness::exit;
use harness::profile::Profile;
use harness::report::{self, catalogue};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Explain one requirement: what is checked, where it comes from, how to mend a violation. Or a profile: what it
/// demands.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The requirement's id or the profile's name, as `holdfast catalog` lists them, or a profile's file.
    #[arg(value_name = "ID")]
    id: String,
    /// Where the planted defects of a checkout are; they are listed if the folder is there.
    #[arg(long, value_name = "DIRECTORY", default_value = "fixtures/mutants")]
    mutants: Utf8PathBuf,
}

impl Explain {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let profiles = suites::profiles().map_err(Failure::broke)?;
        if Profile::is_meant(&self.id) {
            let profile = Profile::choose(&self.id, &profiles).map_err(Failure::usage)?;
            terminal.print(&report::profile(&profile, suites::CATALOG))?;
            return Ok(exit::HOLDS);
        }
        let wanted = |requirement: &&&harness::requirement::Requirement| requirement.id.eq_ignore_ascii_case(&self.id);
        let Some(requirement) = suites::CATALOG.iter().find(wanted) else {
            return Err(Failure::usage(self.unknown()));
        };
        let mutants = catalogue::mutants_below(&self.mutants).map_err(Failure::usage)?;
        terminal.print(&catalogue::explanation(requirement, &mutants))?;
        Ok(exit::HOLDS)
    }

    fn unknown(&self) -> String {
        let near = catalogue::near(suites::CATALOG, &self.id);
        let hint = if near.is_empty() {
            "`holdfast catalog` lists them all".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        format!("explain requirement {}: the contract has none of that id; {hint}", self.id)
    }
}
