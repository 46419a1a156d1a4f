//! TLS-06: a bundle of CAs loses no handshake.
//!
//! Between the moment when the server serves a leaf of the new CA and the moment when a client has the new file, every
//! new connection of that client fails. Only a client that trusted both CAs before loses nothing. The operator's own CA
//! Secret cannot hold the two (a foreign `ca.crt` in it blocks CloudNativePG), so that the chart must let its users
//! name a Secret of their own for trust. The live lane rotates in three steps while the clients connect, and the
//! server's log has to tell of no handshake that one of them broke off.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty, that};
use harness::experiment::{NEW_LEAF_SERVED, OLD_CA_ALONE};
use harness::feature::Feature;
use harness::finding::{Locate, Place};
use harness::graph::{CaWiring, DatabaseClient};
use harness::probe::Login;
use harness::record::{AFTER, BEFORE, Experiment, PodState, Records, Snapshot};
use harness::rendered::{Change, Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};

use crate::ca::control_new_key;
use crate::clients::clients_of;

/// A bundle of CAs loses no handshake.
pub const TLS_06: Requirement = Requirement {
    id: "TLS-06",
    title: "A bundle of CAs loses no handshake",
    level: Level::Must,
    source: "S0: \"Provide clear rotation and rollback guidance\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca, Feature::CaRotation],
    experiments: &[Experiment::RotateBundle],
    decisive: &[Lane::Live],
    remedy: "let a value name the CA Secret, and rotate in three steps: trust both, serve the new leaf, drop the old CA",
    rendered: Some(rendered),
    live: Some(live),
};

/// Whether people can hand over a bundle at all; what happens to the handshakes, only a cluster shows.
fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(name) = subject.subject().ca().and_then(|plan| plan.name_value.as_deref()) else {
        return check.undecided(Place::object("the subject"), WHAT, NOT_SAID);
    };
    let change = Change::set(name, OWN_SECRET);
    let Some(attempt) = subject.with(&change, check) else { return };
    if !check.expect(&change, "the chart with a CA Secret of the user's own", &attempt, renders()) {
        return;
    }
    let clients = attempt.rendering().map(Rendering::database_clients).unwrap_or_default();
    // A client that does not take the CA from the named Secret to begin with is the matter of CA-01 and CA-02.
    for client in subject.database_clients().iter().filter(|client| secret_of(client) == subject.value_text(name)) {
        let same = clients
            .iter()
            .find(|other| other.place().object == client.place().object && name_of(other) == name_of(client));
        check.expect(client, WHAT, &same.and_then(secret_of).unwrap_or("none"), equal_to(OWN_SECRET));
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateBundle) else { return };
    let (before, after) = (rotation.at(BEFORE), rotation.at(AFTER));
    let Some(served) = rotation.over(NEW_LEAF_SERVED) else { return };
    control_new_key(rotation, check);
    control_the_log_tells(before, after, check);
    for workload in clients_of(rotation, check) {
        let pods: Vec<&PodState> =
            before.pods.iter().chain(after.pods_since(before)).filter(|pod| pod.workload == workload).collect();
        let logins = pods.iter().flat_map(|pod| after.logins_of(pod)).filter(|login| login.at > served);
        let broken = pods.iter().flat_map(|pod| after.failures_of(pod)).filter(|failure| failure.at > served);
        let tried: Vec<String> = logins.map(ToString::to_string).chain(broken.map(ToString::to_string)).collect();
        check.control(Place::object(&workload), "handshakes under the new leaf", &tried[..], not_empty());
        for pod in pods {
            let broken: Vec<String> =
                after.failures_of(pod).iter().filter(|failure| failure.refused).map(ToString::to_string).collect();
            check.expect(pod, "handshakes in which it refused the server during the rotation", &broken[..], empty());
        }
    }
    // A pooler does not say whose handshake it was; that it was one of the subject's is enough.
    let of_nobody: Vec<String> = after.refusals_of_nobody().map(ToString::to_string).collect();
    if !of_nobody.is_empty() {
        let what = "handshakes in which a client refused it during the rotation";
        check.expect(Place::object("the pooler"), what, &of_nobody[..], empty());
    }
}

/// A client of ours that trusts the old CA alone broke off a handshake; the log that is silent about the others must
/// tell of that one.
fn control_the_log_tells(before: &Snapshot, after: &Snapshot, check: &mut Check) {
    let place = Place::object("a client that trusts the old CA alone");
    let refused = that("no session", |login: &Option<&Login>| login.is_some_and(|login| *login != Login::Accepted));
    check.control(&place, "its login after the rotation", &after.tried.get(OLD_CA_ALONE), refused);
    let pods = before.pods.iter().chain(&after.pods);
    let of_nobody = |client: &str| pods.clone().all(|pod| pod.address.as_deref() != Some(client));
    let told = after.failures.iter().filter(|one| one.refused && !one.client.is_empty() && of_nobody(&one.client));
    let told: Vec<String> = told.map(ToString::to_string).collect();
    check.control(place, "what the server's log tells of it", &told[..], not_empty());
}

fn secret_of(client: &DatabaseClient) -> Option<&str> {
    client.ca().and_then(CaWiring::secret)
}

fn name_of(client: &DatabaseClient) -> &str {
    client.container().name()
}

const WHAT: &str = "the Secret whose CA it trusts, when people name one of their own";
const OWN_SECRET: &str = "holdfast-own-trust";
const NOT_SAID: &str = "say in the subject file under `database.ca.nameValue` which value names the CA Secret";

#[cfg(test)]
mod tests {
    use harness::experiment::{NEW_LEAF_SERVED, OLD_CA_ALONE};
    use harness::probe::{LoggedFailure, Login};
    use harness::record::{AFTER, BEFORE, Experiment, Record, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_06;
    use crate::testing::{at, certificate, judge_live, moment, pod, record, step};

    fn broken_off(client: &str) -> LoggedFailure {
        let (role, message) = (String::new(), "tlsv1 alert unknown ca".to_owned());
        LoggedFailure { at: at(40), role, client: client.into(), sqlstate: "08P01".into(), refused: true, message }
    }

    fn rotated() -> Record {
        let pods = || [pod("deployment/agents", "a"), pod("deployment/agents-controllers", "b")];
        let mut before = moment(BEFORE, 0, pods());
        before.published_ca = vec![certificate("old")];
        let mut after = moment(AFTER, 60, pods());
        after.published_ca = vec![certificate("new")];
        after.failures = vec![broken_off("127.0.0.1")];
        after.tried = [(OLD_CA_ALONE.to_owned(), Login::Unknown { reason: "unknown issuer".into() })].into();
        Record { steps: vec![step(NEW_LEAF_SERVED, 30)], ..record(Experiment::RotateBundle, [before, after]) }
    }

    #[rstest]
    #[case::loses_nothing(|_after: &mut Snapshot| {}, Holds)]
    #[case::loses_one(|after: &mut Snapshot| after.failures.push(broken_off("address-of-b")), Violated)]
    #[case::loses_one_behind_a_pooler(|after: &mut Snapshot| after.failures.push(broken_off("")), Violated)]
    #[case::loses_one_to_impatience(
        |after: &mut Snapshot| after.failures.push(LoggedFailure { refused: false, ..broken_off("address-of-b") }),
        Holds
    )]
    #[case::was_met_by_no_login(|after: &mut Snapshot| after.logins.clear(), Unchecked)]
    #[case::kept_the_key(|after: &mut Snapshot| after.published_ca = vec![certificate("old")], Unchecked)]
    #[case::let_a_stale_client_in(
        |after: &mut Snapshot| { after.tried.insert(OLD_CA_ALONE.into(), Login::Accepted); },
        Unchecked
    )]
    #[case::was_not_logged(|after: &mut Snapshot| after.failures.clear(), Unchecked)]
    fn a_rotation_with_a_bundle(#[case] change: fn(&mut Snapshot), #[case] verdict: Verdict) {
        let mut record = rotated();
        change(&mut record.snapshots[1]);
        assert_eq!(judge_live(&TLS_06, [record]), verdict);
    }
}
