//! MIG-09: replicas migrate one after the other.
//!
//! An application that migrates when it starts does so in every replica at once. Two that create the same table are one
//! too many: one fails, or both leave half. Most migrators take a lock of their own, which only concurrent starts prove.
//! What the manifests show is a script of SQL that every replica runs: it takes a lock, or it does not.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty};
use harness::experiment::STARTED;
use harness::finding::{Locate as _, Place};
use harness::graph::{Container, Fact, FileContent, Role, Workload};
use harness::record::{Experiment, Records, Schema};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::script::Command;

use super::waits;
use crate::script::{Script, scripts};

/// Replicas migrate one after the other.
pub const MIG_09: Requirement = Requirement {
    id: "MIG-09",
    title: "Replicas that migrate when they start do so one after the other",
    level: Level::Must,
    source: "S3: \"Runs database migrations\", \"Backend replicas: 2\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::StartTogether],
    decisive: &[Lane::Live],
    remedy: "take an advisory lock for the whole migration (pg_advisory_lock), or migrate in a Job before the replicas",
    rendered: Some(rendered),
    live: Some(live),
};

const LOCKED: &str = "one that takes a lock";
const UNLOCKED: &str = "one that takes no lock";

fn rendered(subject: &Rendered, check: &mut Check) {
    let mut examined = false;
    let several = |workload: &&Workload| !workload.runs_to_an_end() && workload.replicas() > 1;
    for workload in subject.workloads().iter().filter(several) {
        for container in workload.containers() {
            let sql: Vec<Option<&'static str>> = scripts(container, subject)
                .iter()
                .flat_map(Script::commands)
                .filter(|command| command.program() == "psql")
                .filter_map(|command| Some(locks(subject, container, file_of(&command)?)))
                .collect();
            for script in &sql {
                examined = true;
                match script {
                    Some(found) => {
                        check.expect(container.place(), "the SQL that every replica runs", found, equal_to(LOCKED));
                    }
                    None => {
                        let hint = "the file is not in the manifests; the image or a cluster tells";
                        check.undecided(container.place(), "the SQL that every replica runs", hint);
                    }
                }
            }
            if sql.is_empty() && !waits(container) && migrates_at_start(container) {
                examined = true;
                let hint = "whether its migrator lets one replica migrate at a time only concurrent starts tell";
                check.undecided(container.place(), "how replicas migrate that start at once", hint);
            }
        }
    }
    if !examined && !subject.subject().database().migrates_on_start.is_empty() {
        return check.not_applicable("how what migrates when it starts does so, only starts on a cluster tell");
    }
    if !examined {
        check.not_applicable("nothing of which there are several is seen to migrate when it starts");
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(together) = records.of(Experiment::StartTogether) else { return };
    for moment in STARTED {
        let started = together.at(moment);
        check.control(Place::object("the bench"), format!("pods {moment}"), &started.pods[..], not_empty());
        for (workload, pods) in started.workloads() {
            let others = pods.get(1..).unwrap_or_default();
            check.control(Place::object(workload), format!("replicas beside the first {moment}"), others, not_empty());
        }
        for pod in &started.pods {
            let state = if pod.ready { "ready" } else { "not ready" };
            check.expect(pod, format!("the pod {moment}"), &state, equal_to("ready"));
            check.expect(pod, format!("restarts {moment}"), &pod.restarts, equal_to(0));
        }
        let histories: Vec<&String> = started.schemas.iter().flat_map(|schema| schema.applied.keys()).collect();
        let database = Place::object("the database");
        check.control(database, format!("histories of migrations {moment}"), &histories[..], not_empty());
        for schema in &started.schemas {
            let repeated: Vec<String> = Schema::repeated(schema).collect();
            let what = format!("history tables that list a migration more than once {moment}");
            check.expect(schema, what, &repeated[..], empty());
        }
    }
}

/// What a container is told to run tells; its name and image are those of the application.
fn migrates_at_start(container: &Container) -> bool {
    let told = container.words().iter().any(|(_, word)| word.to_string().to_lowercase().contains("migrat"));
    told || container.role() == Role::Init && container.migrates()
}

/// The file of SQL that a command runs.
fn file_of(command: &Command) -> Option<&str> {
    let words = command.arguments();
    let behind = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1).map(String::as_str)
    };
    let joined = words.iter().find_map(|word| word.strip_prefix("--file="));
    behind("-f").or_else(|| behind("--file")).or_else(|| behind("<")).or(joined)
}

/// Whether the SQL takes a lock. `None`: nobody knows the SQL.
fn locks(subject: &Rendered, container: &Container, path: &str) -> Option<&'static str> {
    let FileContent::Key { key, .. } = container.file(path)?.content else { return None };
    let content = subject.graph().store().content(&key);
    let Fact::Known(text) = content.fact() else { return None };
    let text = text.to_lowercase();
    let locked =
        text.contains("pg_advisory_lock") || text.contains("pg_advisory_xact_lock") || text.contains("lock table");
    Some(if locked { LOCKED } else { UNLOCKED })
}

#[cfg(test)]
mod tests {
    use harness::experiment::STARTED;
    use harness::record::{Experiment, Record, Snapshot};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::MIG_09;
    use crate::mig::attempt::testing::schema;
    use crate::testing::{judge_live, judge_manifests, moment, pod, record};

    fn manifests(replicas: u8, command: &str, sql: &str) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{replicas: {replicas}, template: {{spec: {{initContainers: [{{name: prepare, command: [sh, -c, '{command}'], volumeMounts: [{{name: sql, mountPath: /sql}}]}}], containers: [{{name: a}}], volumes: [{{name: sql, configMap: {{name: sql}}}}]}}}}}}}}\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: sql}}, data: {{up.sql: '{sql}'}}}}"
        )
    }

    const PLAIN: &str = "create table if not exists t (id int)";
    const WITH_A_LOCK: &str = "select pg_advisory_lock(1); create table if not exists t (id int)";

    #[rstest]
    #[case::with_a_lock(2, "psql -f /sql/up.sql", WITH_A_LOCK, Holds)]
    #[case::without_a_lock(2, "psql -f /sql/up.sql", PLAIN, Violated)]
    #[case::alone(1, "psql -f /sql/up.sql", PLAIN, NotApplicable)]
    #[case::by_a_migrator(2, "bundle exec rails db:migrate", PLAIN, Unchecked)]
    #[case::from_the_image(2, "psql --file=/opt/up.sql", PLAIN, Unchecked)]
    #[case::not_at_all(2, "prepare", PLAIN, NotApplicable)]
    #[case::elsewhere(2, "until migrations-are-done; do sleep 2; done", PLAIN, NotApplicable)]
    fn replicas_migrate(#[case] replicas: u8, #[case] command: &str, #[case] sql: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&MIG_09, &manifests(replicas, command, sql)), verdict);
    }

    fn together() -> Record {
        let started = |name: &&str| {
            let pods = ["a", "b"].map(|uid| pod("deployment/infisical", uid));
            Snapshot { schemas: vec![schema(&["1", "2"])], ..moment(name, 10, pods) }
        };
        record(Experiment::StartTogether, STARTED.iter().map(started))
    }

    #[rstest]
    #[case::in_turn(|_record: &mut Record| {}, Holds)]
    #[case::one_failed_at_first(|record: &mut Record| record.snapshots[1].pods[0].restarts = 1, Violated)]
    #[case::one_never_came_up(|record: &mut Record| record.snapshots[0].pods[1].ready = false, Violated)]
    #[case::applied_twice(|record: &mut Record| record.snapshots[0].schemas = vec![schema(&["1", "1", "2"])], Violated)]
    #[case::one_alone(|record: &mut Record| record.snapshots[0].pods.truncate(1), Unchecked)]
    #[case::nobody_was_seen(|record: &mut Record| record.snapshots[0].pods.clear(), Unchecked)]
    #[case::nothing_was_migrated(|record: &mut Record| record.snapshots[0].schemas = vec![schema(&[])], Unchecked)]
    fn replicas_start_together(#[case] spoil: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = together();
        spoil(&mut record);
        assert_eq!(judge_live(&MIG_09, [record]), verdict);
    }
}
