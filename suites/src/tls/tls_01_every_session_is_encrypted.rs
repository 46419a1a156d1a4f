//! TLS-01: every session is encrypted.
//!
//! `prefer`, libpq's default, means: encrypted unless something is wrong. What is wrong is usually the certificate, so
//! that a rotation is the hour in which passwords and rows travel in the clear, and nothing fails. The live lane
//! therefore looks at every session and login of the rotations, on a server that would accept plaintext: a server that
//! refuses it (TLS-02) would hide what the client would have done.

use harness::check::Check;
use harness::expectation::{empty, not_empty, one_of};
use harness::finding::Place;
use harness::graph::{Fact, SslMode};
use harness::record::{AFTER, BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

/// Every session is encrypted.
pub const TLS_01: Requirement = Requirement {
    id: "TLS-01",
    title: "Every session is encrypted",
    level: Level::Must,
    source: "S3: \"PostgreSQL connections require SSL\"",
    since: "1.0",
    revision: 2,
    features: &[],
    experiments: &[Experiment::RotateCa, Experiment::ForeignCa],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "set sslmode to verify-full where there is a CA and to require where there is none, in the URI or as PGSSLMODE",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for client in subject.database_clients() {
        match client.ssl_mode() {
            Fact::Known(mode) => {
                check.expect(client, "sslmode", &mode, one_of(SslMode::ENCRYPTING));
            }
            Fact::Unknown(hint) => check.undecided(client, "sslmode", hint),
        }
    }
    if subject.workloads().is_empty() {
        check.not_applicable("nothing that the subject renders makes a pod");
    } else if subject.database_clients().is_empty() {
        check.undecided(Place::object("the workloads"), "who dials PostgreSQL", NOBODY);
    }
}

const NOBODY: &str = "no container is seen to; if one does, name the Secret of its credentials under \
                      `database.credentials` in a subject file, or check values under which it is told of its database";

const NEVER_SEEN: &str = "the manifests do not tell it, and while it is watched this client never comes to its turn; state \
                          the mode where its driver reads it";

fn live(records: &Records, check: &mut Check) {
    for experiment in [Experiment::RotateCa, Experiment::ForeignCa] {
        let Some(record) = records.of(experiment) else { continue };
        for snapshot in &record.snapshots {
            let place = Place::object(format!("experiment {experiment}")).field(&snapshot.moment);
            let sessions = snapshot.sessions.iter().filter(|session| !session.encrypted);
            let sessions: Vec<String> = sessions.map(ToString::to_string).collect();
            check.expect(&place, "plaintext sessions", &sessions[..], empty());
            let logins = snapshot.logins.iter().filter(|login| !login.encrypted);
            let logins: Vec<String> = logins.map(ToString::to_string).collect();
            check.expect(&place, "plaintext logins", &logins[..], empty());
        }
        for moment in [BEFORE, AFTER] {
            let place = Place::object(format!("experiment {experiment}")).field(moment);
            check.control(place, "sessions at all", &record.at(moment).sessions[..], not_empty());
        }
        for client in record.unseen.iter().filter(|client| client.mode) {
            check.undecided(&client.client, "sslmode", NEVER_SEEN);
        }
        let logins: Vec<_> = record.snapshots.iter().flat_map(|snapshot| &snapshot.logins).collect();
        let place = Place::object(format!("experiment {experiment}"));
        check.control(place, "logins that the server's log tells of", &logins[..], not_empty());
    }
}

#[cfg(test)]
mod tests {
    use harness::finding::Place;
    use harness::record::{AFTER, BEFORE, DURING, Experiment, Record, Unseen};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_01;
    use crate::testing::{judge_live, judge_manifests, moment, pod, record};

    #[rstest]
    #[case::encrypted("env: [{name: DATABASE_URL, value: 'postgres://a@db/a?sslmode=require'}]", Holds)]
    #[case::in_the_clear(
        "env: [{name: APP_DATABASE_SSLMODE, value: disable}, {name: APP_DB, value: postgres}]",
        Violated
    )]
    #[case::not_said("env: [{name: APP_DB, value: postgres}]", Unchecked)]
    #[case::not_seen("env: [{name: PORT, value: '80'}]", Unchecked)]
    fn a_client_dials(#[case] container: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, {container}}}]}}}}"
        );
        assert_eq!(judge_manifests(&TLS_01, &text), verdict);
    }

    fn encrypted(experiment: Experiment, moments: &[&str]) -> Record {
        record(experiment, moments.iter().map(|name| moment(name, 10, [pod("deployment/agents", "a")])))
    }

    #[rstest]
    #[case::encrypted(|_record: &mut Record| {}, Holds)]
    #[case::plaintext_for_a_moment(|record: &mut Record| record.snapshots[1].logins[0].encrypted = false, Violated)]
    #[case::plaintext_from_before(|record: &mut Record| record.snapshots[0].sessions[0].encrypted = false, Violated)]
    #[case::of_one_whose_hour_does_not_come_unknown(|record: &mut Record| {
        record.unseen.push(Unseen { client: Place::object("cronjob/backup"), mode: true, ca: false });
    }, Unchecked)]
    #[case::absent(|record: &mut Record| record.snapshots[2].sessions.clear(), Unchecked)]
    #[case::not_in_the_log(|record: &mut Record| {
        record.snapshots.iter_mut().for_each(|snapshot| snapshot.logins.clear());
    }, Unchecked)]
    fn sessions_are(#[case] change: fn(&mut Record), #[case] verdict: Verdict) {
        let rotation = encrypted(Experiment::RotateCa, &[BEFORE, AFTER]);
        let mut foreign = encrypted(Experiment::ForeignCa, &[BEFORE, DURING, AFTER]);
        change(&mut foreign);
        assert_eq!(judge_live(&TLS_01, [rotation, foreign]), verdict);
    }
}
