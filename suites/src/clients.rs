//! Who was a client of the database before something was done to it.

use std::collections::{BTreeMap, BTreeSet};

use harness::check::Check;
use harness::expectation::not_empty;
use harness::experiment::Snapshot;
use harness::finding::Place;

/// The workloads whose pods had come to the database. Without one, whatever is said of the clients is said of nobody:
/// that control names who came instead, because an address that is no pod's tells where to look.
pub(crate) fn clients_of(before: &Snapshot, check: &mut Check) -> BTreeSet<String> {
    let clients = before.client_workloads();
    let named: Vec<&String> = clients.iter().collect();
    let what =
        if clients.is_empty() { format!("clients of the database before; {}", who(before)) } else { WHAT.into() };
    check.control(Place::object("the bench"), what, &named[..], not_empty());
    clients
}

const WHAT: &str = "clients of the database before";

/// `there were infisical-7f9c at 10.244.0.9, and those who came were 10.244.0.1 (14 times)`.
fn who(before: &Snapshot) -> String {
    let pods = before.pods.iter().map(|pod| {
        let address = pod.address.as_deref().unwrap_or("no address");
        format!("{} at {address}", pod.name)
    });
    let pods: Vec<String> = pods.collect();
    let mut came: BTreeMap<&str, usize> = BTreeMap::new();
    let sessions = before.sessions.iter().map(|session| session.client.as_str());
    for client in sessions.chain(before.logins.iter().map(|login| login.client.as_str())) {
        *came.entry(client).or_default() += 1;
    }
    let came: Vec<String> = came.into_iter().map(|(client, times)| format!("{client} ({times} times)")).collect();
    let or_nobody = |all: Vec<String>, nobody: &str| if all.is_empty() { nobody.to_owned() } else { all.join(", ") };
    format!("there were {}, and those who came were {}", or_nobody(pods, "no pods"), or_nobody(came, "none"))
}

#[cfg(test)]
mod tests {
    use harness::check::Check;
    use harness::experiment::{BEFORE, Snapshot};

    use super::clients_of;
    use crate::testing::{moment, pod};

    fn reason(before: &Snapshot) -> String {
        let mut check = Check::new();
        clients_of(before, &mut check);
        check.findings()[0].to_string()
    }

    #[test]
    fn whoever_came_is_a_client() {
        let before = moment(BEFORE, 0, [pod("deployment/agents", "a"), pod("deployment/agents", "b")]);
        assert_eq!(reason(&before), "control: clients of the database before: 1 (deployment/agents)");
    }

    #[test]
    fn whoever_came_from_elsewhere_is_named() {
        let mut before = moment(BEFORE, 0, [pod("deployment/agents", "a")]);
        before.sessions[0].client = "10.244.0.1".into();
        before.logins.clear();
        let expected = "control, clients of the database before; there were agents-a at address-of-a, and those \
                        who came were 10.244.0.1 (1 times): expected some, observed none; without it the rest proves nothing";
        assert_eq!(reason(&before), expected);
    }

    #[test]
    fn where_nobody_came_that_is_said() {
        assert!(reason(&Snapshot::default()).contains("there were no pods, and those who came were none"));
    }
}
