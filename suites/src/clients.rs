//! Who was a client of the database before something was done to it.

use std::collections::{BTreeMap, BTreeSet};

use harness::check::Check;
use harness::expectation::not_empty;
use harness::finding::Place;
use harness::record::{BEFORE, Record, Snapshot};

/// How many pods and addresses are named.
const NAMED: usize = 5;

/// The workloads whose pods connected to the database before an experiment, and whom it concerns. Without one, whatever is said of the clients
/// is said of nobody: that control names who connected instead, because an address that is no pod's tells where to look.
pub(crate) fn clients_of(record: &Record, check: &mut Check) -> BTreeSet<String> {
    let before = record.at(BEFORE);
    let clients = before.clients_concerned();
    let named: Vec<&String> = clients.iter().collect();
    let mut what = format!("workloads that connected to the database before {}", record.experiment);
    if clients.is_empty() {
        what = format!("{what} ({})", who_connected(before));
    }
    check.control(Place::object("the bench"), what, &named[..], not_empty());
    clients
}

/// `pods: infisical-7f9c at 10.244.0.9; connections: from 10.244.0.1; refused: none`.
fn who_connected(before: &Snapshot) -> String {
    let pods = before.pods.iter().map(|pod| {
        let address = pod.address.as_deref().unwrap_or("no address");
        format!("{} at {address}", pod.name)
    });
    let sessions = before.sessions.iter().map(|session| session.client.as_str());
    let connected: BTreeSet<&str> = sessions.chain(before.logins.iter().map(|login| login.client.as_str())).collect();
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for failure in &before.failures {
        *refused.entry(&failure.sqlstate).or_default() += 1;
    }
    format!(
        "pods: {}; connections: {}; refused: {}",
        some(pods),
        some(connected.into_iter().map(|client| format!("from {client}"))),
        some(refused.into_iter().map(|(sqlstate, times)| format!("{times} with {sqlstate}"))),
    )
}

fn some(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    match all.len().checked_sub(NAMED) {
        _ if all.is_empty() => "none".into(),
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use harness::check::Check;
    use harness::probe::LoggedFailure;
    use harness::record::{BEFORE, Experiment, Snapshot};

    use super::clients_of;
    use crate::testing::{at, moment, pod, record};

    fn reason(before: Snapshot) -> String {
        let mut check = Check::new();
        clients_of(&record(Experiment::RotateBundle, [before]), &mut check);
        check.findings()[0].to_string()
    }

    #[test]
    fn whoever_connected_is_a_client() {
        let before = moment(BEFORE, 0, [pod("deployment/agents", "a"), pod("deployment/agents", "b")]);
        let expected = "control: workloads that connected to the database before rotate-bundle: 1 (deployment/agents)";
        assert_eq!(reason(before), expected);
    }

    #[test]
    fn whoever_connected_from_elsewhere_is_named_and_who_was_refused_is_counted() {
        let mut before = moment(BEFORE, 0, [pod("deployment/agents", "a")]);
        before.sessions[0].client = "10.244.0.1".into();
        before.logins.clear();
        let (role, client, sqlstate) = (String::new(), String::new(), "28P01".to_owned());
        before.failures =
            vec![LoggedFailure { at: at(0), role, client, sqlstate, refused: false, message: String::new() }];
        let expected = "control, workloads that connected to the database before rotate-bundle (pods: agents-a at \
                        address-of-a; connections: from 10.244.0.1; refused: 1 with 28P01): expected some, observed none; \
                        without it the rest proves nothing";
        assert_eq!(reason(before), expected);
    }

    #[test]
    fn not_all_of_many_are_named() {
        let mut before =
            moment(BEFORE, 0, ["a", "b", "c", "d", "e", "f", "g"].map(|uid| pod("deployment/agents", uid)));
        (before.sessions, before.logins) = (Vec::new(), Vec::new());
        let reason = reason(before);
        assert!(reason.contains("agents-e at address-of-e and 2 more; connections: none; refused: none"), "{reason}");
    }
}
