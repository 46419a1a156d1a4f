//! What the owner of a gate gives beside the subjects: what is demanded of them, and what is accepted for a time.

use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use harness::conformance;
use harness::profile::Profile;
use harness::subject::Subject;
use harness::waiver::Waiver;

use crate::failure::Failure;

/// What a gate demands and accepts.
#[derive(Debug, Args)]
pub(crate) struct Gate {
    /// What the subjects must claim or show: a profile of Holdfast's, `cnpg-app@1` (`holdfast catalog` lists them), or a
    /// file with one of your own. What it demands and a subject does not have is violated.
    #[arg(long, value_name = "NAME@N|FILE")]
    profile: Option<String>,

    /// A file of violations that are accepted for a time. They are reported and do not fail the run.
    #[arg(long, value_name = "FILE")]
    waivers: Option<Utf8PathBuf>,
}

impl Gate {
    /// The demanded profile. It also decides what the subjects are judged by.
    ///
    /// # Errors
    /// When there is none of that name, or a subject was written for a contract that is not known here.
    pub(crate) fn demand(&self, subjects: &mut [Subject]) -> Result<Option<Profile>, Failure> {
        for subject in &*subjects {
            conformance::expect_contract(subject, suites::VERSION).map_err(Failure::usage)?;
        }
        let Some(word) = &self.profile else { return Ok(None) };
        let known = suites::profiles().map_err(Failure::broke)?;
        let profile = Profile::choose(word, &known).map_err(Failure::usage)?;
        for subject in subjects {
            subject.demand(profile.sharpening(suites::CATALOG));
        }
        Ok(Some(profile))
    }

    /// What is accepted for a time.
    ///
    /// # Errors
    /// When the file is wrong.
    pub(crate) fn accepted(&self, subjects: &[Arc<Subject>]) -> Result<Vec<Waiver>, Failure> {
        let Some(file) = &self.waivers else { return Ok(Vec::new()) };
        Waiver::read_all(file, suites::CATALOG, subjects).map_err(Failure::usage)
    }
}
