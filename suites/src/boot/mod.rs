//! BOOT: a PostgreSQL that the chart brings, its volume and its first password.
//!
//! docker-library's image takes its password once, on an empty volume. Everything in this area follows from that: what
//! an upgrade with another password does, what a volume that outlives its release does, and what people are told.

mod boot_01_a_changed_password_does_not_pass_silently;
mod boot_02_a_wrong_password_is_told_with_its_remedies;
mod boot_03_a_reinstallation_finds_its_data;
mod boot_04_the_remedy_that_keeps_data_works;
mod boot_05_an_unused_database_leaves_nothing;
mod boot_06_the_remedy_that_deletes_data_says_so;
mod boot_07_a_changed_password_is_refused_or_applied;
mod live;
mod outcome;
#[cfg(test)]
mod tests;

pub use self::boot_01_a_changed_password_does_not_pass_silently::BOOT_01;
pub use self::boot_02_a_wrong_password_is_told_with_its_remedies::BOOT_02;
pub use self::boot_03_a_reinstallation_finds_its_data::BOOT_03;
pub use self::boot_04_the_remedy_that_keeps_data_works::BOOT_04;
pub use self::boot_05_an_unused_database_leaves_nothing::BOOT_05;
pub use self::boot_06_the_remedy_that_deletes_data_says_so::BOOT_06;
pub use self::boot_07_a_changed_password_is_refused_or_applied::BOOT_07;

use harness::check::Check;
use harness::finding::{Locate as _, Place};
use harness::graph::Workload;
use harness::helm::PackageFile;
use harness::readme::{Command, Readme};
use harness::rendered::Rendered;
use harness::subject::Bundled;

/// What the subject says of the database that its chart brings. Where it says nothing, the check learns what would tell.
fn plan<'a>(subject: &'a Rendered, check: &mut Check) -> Option<&'a Bundled> {
    let plan = subject.subject().database().bundled.as_ref();
    if plan.is_none() {
        let hint = "the subject claims postgres.bundled and does not say where it is; write `database.bundled` in the \
                    subject file";
        check.undecided(Place::object("the bundled database"), "where it is", hint);
    }
    plan
}

/// The workload that is the database.
fn server<'a>(subject: &'a Rendered, plan: &Bundled, check: &mut Check) -> Option<&'a Workload> {
    let named = |one: &&Workload| one.object().kind() == "StatefulSet" && one.object().name() == plan.stateful_set;
    let found = subject.workloads().iter().find(named);
    if found.is_none() {
        let place = Place::object(format!("statefulset/{}", plan.stateful_set));
        check.undecided(place, "the bundled database", "it is not rendered; correct `database.bundled.statefulSet`");
    }
    found
}

/// A remedy as the README documents it.
struct Remedy {
    /// The README, at the line of the first command.
    place: Place,
    /// What is said before the first command.
    words: String,
    commands: Vec<Command>,
}

/// The section of a remedy. `None`: it cannot be told, and the check knows.
fn remedy(subject: &Rendered, heading: Option<&str>, what: &str, check: &mut Check) -> Option<Remedy> {
    let Some(chart) = subject.chart() else {
        let hint = "the manifests came without their chart, and so without its README";
        check.undecided(Place::object("the chart"), what, hint);
        return None;
    };
    let mut place = chart.place("README.md");
    let Some(heading) = heading else {
        let hint = "which section it is nobody says; name its heading under `database.bundled` in the subject file";
        check.undecided(place, what, hint);
        return None;
    };
    let release = subject.subject().releases().first().map(|release| release.name.clone()).unwrap_or_default();
    let namespace = subject.subject().name().to_owned();
    let expand = |variable: &str| match variable {
        "RELEASE" => release.clone(),
        "NAMESPACE" => namespace.clone(),
        other => format!("${other}"),
    };
    let readme = Readme::parse(chart.readme().and_then(PackageFile::text).unwrap_or_default());
    let section = readme.section(heading);
    let commands = section.map(|section| section.commands(&expand)).unwrap_or_default();
    let words = section.map(|section| section.words().to_owned()).unwrap_or_default();
    place.line = commands.first().map(|command| command.line);
    Some(Remedy { place, words, commands })
}

impl Remedy {
    /// Whether one of its commands begins with a program and has all these words.
    fn has(&self, program: &str, words: &[&str]) -> bool {
        self.commands.iter().any(|command| {
            command.words.first().is_some_and(|first| first == program)
                && words.iter().all(|word| command.words.iter().any(|one| one.contains(word)))
        })
    }

    /// Its text, as far as commands are made of words.
    fn text(&self) -> String {
        self.commands.iter().flat_map(|command| &command.words).cloned().collect::<Vec<_>>().join(" ")
    }
}

/// The workloads that dial the database and run on.
fn dialling(subject: &Rendered) -> Vec<&Workload> {
    let mut found: Vec<&Workload> = Vec::new();
    for client in subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end()) {
        if found.iter().all(|known| known.place() != client.workload().place()) {
            found.push(client.workload());
        }
    }
    found
}
