//! The developer's door: every requirement of every subject and overlay as a test, named `subject/overlay/area/id` in
//! the rendered lane and `subject/overlay/area/id/live` in the live lane.
//!
//! `cargo nextest run -p suites -E 'test(/agents.*ca_06/)'` judges one in both lanes. Subjects are those of
//! `fixtures/subjects`, and those that `HOLDFAST_SUBJECTS` names, separated by colons.
//!
//! Live tests run on the cluster that `holdfast up` made (`HOLDFAST_CLUSTER`, if it has another name). Without one they
//! are listed and ignored, and what kind of test they are says why. Tests that need the same experiment share it.

mod live;

use std::process::ExitCode;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use harness::check::Judgement;
use harness::error::Chain;
use harness::finding::Outcome;
use harness::helm::Helms;
use harness::judge::judge_rendered;
use harness::redact::Redactor;
use harness::rendered::Rendered;
use harness::requirement::Requirement;
use harness::subject::{Overlay, Subject};
use harness::verdict::Verdict;
use libtest_mimic::{Arguments, Failed, Trial};
use suites::CATALOG;

use self::live::Ground;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let ground = Ground::find();
    let mut trials: Vec<Trial> = subject_files().into_iter().flat_map(|file| trials_of(&file, &ground)).collect();
    trials.extend(ground.complaint());
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
fn trials_of(file: &Utf8Path, ground: &Ground) -> Vec<Trial> {
    match Subject::read(file) {
        Ok(subject) => {
            let subject = Arc::new(subject);
            let rendered = subject.overlays().iter().flat_map(|overlay| {
                CATALOG.iter().filter(|one| one.rendered.is_some()).map(|one| trial(&subject, overlay, one))
            });
            rendered.chain(live::trials(&subject, ground)).collect()
        }
        Err(error) => {
            let reason = Chain(&error).to_string();
            let name = file.file_stem().unwrap_or("subject").to_owned();
            vec![Trial::test(format!("{name}/subject_is_read"), move || Err(Failed::from(reason)))]
        }
    }
}

/// What a requirement is called here, in every lane.
fn name(subject: &Subject, overlay: &Overlay, requirement: &Requirement) -> String {
    let id = requirement.id.to_lowercase().replace('-', "_");
    format!("{}/{}/{}/{id}", subject.name(), overlay.name, requirement.area().to_lowercase())
}

fn trial(subject: &Arc<Subject>, overlay: &Overlay, requirement: &'static Requirement) -> Trial {
    let name = name(subject, overlay, requirement);
    let (subject, overlay) = (subject.clone(), overlay.clone());
    Trial::test(name, move || judge(subject, &overlay, requirement))
}

fn judge(subject: Arc<Subject>, overlay: &Overlay, requirement: &Requirement) -> Result<(), Failed> {
    let rendered = Rendered::new(subject, overlay, Arc::new(Helms::at_hand()?))?;
    let redactor = Redactor::in_memory();
    let credentials = rendered.rendering().credentials();
    redactor.register_all(credentials.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    concluded(requirement, &judge_rendered(&rendered, requirement)).map_err(|told| redactor.mask(&told).into())
}

/// "Could not tell" is never passed; what the subject does not have or promise is nothing to fail for.
fn concluded(requirement: &Requirement, judgement: &Judgement) -> Result<(), String> {
    let passed = matches!(judgement.verdict, Verdict::Holds | Verdict::NotApplicable | Verdict::NotClaimed);
    if passed { Ok(()) } else { Err(told(requirement, judgement)) }
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
