//! BOOT-02: a wrong password is told with its remedies.
//!
//! "Connection failed" sends people to the network, for hours. The SQLSTATE 28P01 and the two ways out, in the log of
//! the pod that failed, send them to the volume. What an application writes only its log tells. The rendered lane sees
//! what keeps it from being read: a level at which nothing is logged, a loop that waits and throws the error away.

use harness::check::Check;
use harness::expectation::{empty, equal_to, that};
use harness::feature::Feature;
use harness::finding::{Locate as _, Place};
use harness::graph::Container;
use harness::record::{BEFORE, DURING, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::live::{control_lost, names_both};
use crate::clients::clients_of;
use crate::script::scripts;

/// A wrong password is told with its remedies.
pub const BOOT_02: Requirement = Requirement {
    id: "BOOT-02",
    title: "A wrong password is logged as 28P01 with its remedies, and nothing is migrated",
    level: Level::Must,
    source: "S4: \"points operators at the two remediation paths\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PostgresBundled],
    experiments: &[Experiment::MendKeepingData],
    decisive: &[Lane::Live],
    remedy: "log errors, and let whatever waits for the database show what psql says instead of discarding it",
    rendered: Some(rendered),
    live: Some(live),
};

/// Levels at which an error is not logged.
const MUTE: &[&str] = &["off", "none", "silent", "quiet", "fatal", "panic", "critical", "emerg", "emergency"];

/// Programs that log in and say why they could not. `pg_isready` does not log in.
const DIALLING: &[&str] = &["psql", "pg_dump", "pg_restore", "createdb", "createuser"];

fn rendered(subject: &Rendered, check: &mut Check) {
    for client in subject.database_clients() {
        let container = client.container();
        let levels = container.env().iter().filter(|variable| is_a_level(&variable.name));
        for level in levels {
            let Some(written) = level.value.known() else { continue };
            let loud = that("one at which errors are logged", |level: &str| !is_mute(level));
            check.expect(level, format!("the level of {}", level.name), written, loud);
        }
        let mute = discarded(container, subject);
        check.expect(client.place(), "commands whose errors nobody reads", &mute[..], empty());
    }
    if subject.database_clients().is_empty() {
        check.not_applicable("no container is seen to dial the database");
    }
}

fn is_a_level(name: &str) -> bool {
    let plain = name.replace('_', "").to_uppercase();
    plain.ends_with("LOGLEVEL") || name == "RUST_LOG"
}

fn is_mute(level: &str) -> bool {
    MUTE.contains(&level.trim().to_lowercase().as_str())
}

/// The commands that dial the database and throw away what they would say of a refusal.
fn discarded(container: &Container, subject: &Rendered) -> Vec<String> {
    let mut found = Vec::new();
    for script in scripts(container, subject) {
        for command in script.commands() {
            let dials = command.words.iter().any(|word| DIALLING.contains(&word.as_str()));
            if dials && command.discards_errors() {
                found.push(format!("{}: {}", script.field, command.program()));
            }
        }
    }
    found
}

fn live(records: &Records, check: &mut Check) {
    let Some(mending) = records.of(Experiment::MendKeepingData) else { return };
    let (before, during) = (mending.at(BEFORE), mending.at(DURING));
    control_lost(during, check);
    for workload in clients_of(mending, check) {
        let complaints: Vec<_> = during.complaints.iter().filter(|one| one.workload == workload).collect();
        let state = match (complaints.is_empty(), complaints.iter().any(|one| names_both(one))) {
            (true, _) => "nothing that names 28P01",
            (false, false) => "28P01 without both ways out",
            (false, true) => TOLD,
        };
        check.expect(Place::object(&workload), "what it logs of a wrong password", &state, equal_to(TOLD));
    }
    for stored in &before.stored {
        let tables = during.stored_of(&stored.release).map(|now| now.tables.clone());
        check.expect(stored, "tables, while the password is wrong", &tables, equal_to(Some(stored.tables.clone())));
    }
}

const TOLD: &str = "28P01 with both ways out";

#[cfg(test)]
mod tests {
    use harness::check::Check;
    use harness::rendered::Rendered;
    use harness::subject::Subject;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use super::BOOT_02;

    fn judge(text: &str) -> Verdict {
        let subject = std::sync::Arc::new(Subject::of_manifests("test"));
        let mut check = Check::new();
        BOOT_02.rendered.unwrap()(&Rendered::of_manifests(subject, text).unwrap(), &mut check);
        check.judge().verdict
    }

    fn pod(env: &str, script: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db}}{env}], command: [sh, -c, \"{script}\"]}}]}}}}"
        )
    }

    #[rstest]
    #[case::shown("", "until psql -c 'select 1'; do sleep 2; done", Holds)]
    #[case::thrown_away("", "until psql -c 'select 1' 2>/dev/null; do sleep 2; done", Violated)]
    #[case::thrown_away_with_the_rest("", "until psql -c 'select 1' > /dev/null 2>&1; do sleep 2; done", Violated)]
    #[case::only_the_answer_thrown_away("", "until psql -c 'select 1' > /dev/null; do sleep 2; done", Holds)]
    #[case::of_a_program_that_does_not_log_in("", "until pg_isready 2>/dev/null; do sleep 2; done", NotApplicable)]
    #[case::logged(", {name: LOG_LEVEL, value: info}", "serve", Holds)]
    #[case::not_logged(", {name: LOG_LEVEL, value: 'off'}", "serve", Violated)]
    fn an_error_is(#[case] env: &str, #[case] script: &str, #[case] verdict: Verdict) {
        assert_eq!(judge(&pod(env, script)), verdict);
    }

    #[test]
    fn without_a_client_nobody_has_anything_to_say() {
        assert_eq!(judge("{apiVersion: v1, kind: Namespace, metadata: {name: a}}"), NotApplicable);
    }
}
