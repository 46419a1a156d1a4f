//! The developer's door: every requirement of every subject and overlay as a test, named `subject/overlay/area/id`.
//!
//! `cargo nextest run -p suites -E 'test(/agents.*ca_06/)'` judges one. Subjects are those of `fixtures/subjects`, and
//! those that `HOLDFAST_SUBJECTS` names, separated by colons. The live lane is run by `holdfast run`.

use std::process::ExitCode;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use harness::check::Judgement;
use harness::finding::Outcome;
use harness::helm::Helms;
use harness::judge::judge_rendered;
use harness::rendered::Rendered;
use harness::requirement::Requirement;
use harness::subject::{Overlay, Subject};
use harness::verdict::Verdict;
use libtest_mimic::{Arguments, Failed, Trial};
use suites::CATALOG;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = subject_files().into_iter().flat_map(|file| trials_of(&file)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn subject_files() -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/subjects");
    let ours = folder.read_dir_utf8().into_iter().flatten().filter_map(Result::ok).map(camino::Utf8DirEntry::into_path);
    let mut files: Vec<Utf8PathBuf> = ours.filter(|path| path.extension() == Some("yaml")).collect();
    let theirs = std::env::var("HOLDFAST_SUBJECTS").unwrap_or_default();
    files.extend(theirs.split(':').filter(|path| !path.is_empty()).map(Utf8PathBuf::from));
    files.sort();
    files
}

/// A subject that cannot be read is a test that fails, not a subject that is missing.
fn trials_of(file: &Utf8Path) -> Vec<Trial> {
    match Subject::read(file) {
        Ok(subject) => {
            let subject = Arc::new(subject);
            let overlays = subject.overlays().iter();
            overlays.flat_map(|overlay| CATALOG.iter().map(|one| trial(&subject, overlay, one))).flatten().collect()
        }
        Err(error) => {
            let reason = harness::error::Chain(&error).to_string();
            let name = file.file_stem().unwrap_or("subject").to_owned();
            vec![Trial::test(format!("{name}/subject_is_read"), move || Err(Failed::from(reason)))]
        }
    }
}

fn trial(subject: &Arc<Subject>, overlay: &Overlay, requirement: &'static Requirement) -> Option<Trial> {
    requirement.rendered?;
    let id = requirement.id.to_lowercase().replace('-', "_");
    let name = format!("{}/{}/{}/{id}", subject.name(), overlay.name, requirement.area().to_lowercase());
    let (subject, overlay) = (subject.clone(), overlay.clone());
    Some(Trial::test(name, move || judge(subject, &overlay, requirement)))
}

fn judge(subject: Arc<Subject>, overlay: &Overlay, requirement: &Requirement) -> Result<(), Failed> {
    let helms = Helms::at_hand()?;
    let rendered = Rendered::new(subject, overlay, Arc::new(helms))?;
    let judgement = judge_rendered(&rendered, requirement);
    let passed = matches!(judgement.verdict, Verdict::Holds | Verdict::NotApplicable | Verdict::NotClaimed);
    if passed { Ok(()) } else { Err(Failed::from(told(requirement, &judgement))) }
}

fn told(requirement: &Requirement, judgement: &Judgement) -> String {
    let mut text = format!("{} {}: {}", requirement.id, requirement.title, judgement.verdict);
    if let Some(reason) = &judgement.reason {
        text.push_str(&format!("\n  {reason}"));
    }
    for finding in judgement.findings.iter().filter(|finding| finding.outcome != Outcome::Met) {
        text.push_str(&format!("\n  {}\n    {finding}", finding.place));
    }
    text.push_str(&format!("\n  mend: {}", requirement.remedy));
    text
}
