//! POOL-02: sessions have an age limit.
//!
//! PostgreSQL asks for a password when a session begins, and never again. A pool that keeps its sessions for ever goes
//! on with a credential that was revoked weeks ago, and looks healthy, until one session breaks and the next cannot
//! begin. An age limit makes every pool meet the new credential within that time.

use std::time::Duration;

use harness::check::Check;
use harness::expectation::at_most;
use harness::finding::Place;
use harness::graph::Fact;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::DRAIN_BUDGET;

use super::settings;

/// Sessions have an age limit.
pub const POOL_02: Requirement = Requirement {
    id: "POOL-02",
    title: "Sessions have an age limit",
    level: Level::Must,
    source: "S1: \"connection pool drain\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "set the pool's maximum lifetime of a connection, to minutes",
    rendered: Some(rendered),
    live: None,
};

/// How old a session may become, where the subject does not ask for more under `budgets.drain`.
const DRAIN: Duration = Duration::from_secs(30 * 60);

fn rendered(subject: &Rendered, check: &mut Check) {
    let told = subject.subject().file().budgets.get(DRAIN_BUDGET).map(|budget| budget.0);
    let limit = told.unwrap_or(DRAIN).max(DRAIN).as_secs();
    // What ends by itself ends its sessions.
    let clients: Vec<_> =
        subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end()).collect();
    for client in &clients {
        match settings::age(client) {
            Some((name, Fact::Known(age))) => {
                // Whole seconds, and a second for what is less than one.
                let seconds = age.map_or(u64::MAX, |age| age.as_secs().max(1));
                let what = format!("age of a session in seconds, {name}");
                match age {
                    Some(_) => check.expect(*client, what, &seconds, at_most(limit)),
                    None => {
                        check.expect(*client, what, "no limit", harness::expectation::that("a limit", |_: &str| false))
                    }
                };
            }
            Some((name, Fact::Unknown(hint))) => check.undecided(*client, format!("age of a session, {name}"), hint),
            None => {
                let hint = "neither a variable nor a parameter of its connection string says it; the driver's default is \
                            not known here";
                check.undecided(*client, "age of a session", hint);
            }
        }
    }
    if subject.database_clients().is_empty() {
        check.undecided(Place::object("the workloads"), "who dials PostgreSQL", "no container is seen to");
    } else if clients.is_empty() {
        check.not_applicable("every client of the database ends by itself");
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::POOL_02;
    use crate::testing::judge_manifests;

    #[rstest]
    #[case::minutes("Deployment", "apps/v1", "{name: POOL_MAX_LIFETIME, value: 5m}", Holds)]
    #[case::no_limit("Deployment", "apps/v1", "{name: POOL_MAX_LIFETIME, value: '0'}", Violated)]
    #[case::a_day("Deployment", "apps/v1", "{name: POOL_MAX_LIFETIME, value: 24h}", Violated)]
    #[case::not_told("Deployment", "apps/v1", "{name: OTHER, value: 5m}", Unchecked)]
    #[case::a_job("Job", "batch/v1", "{name: OTHER, value: 5m}", NotApplicable)]
    fn a_client_and_its_sessions(
        #[case] kind: &str,
        #[case] version: &str,
        #[case] variable: &str,
        #[case] verdict: Verdict,
    ) {
        let manifests = format!(
            "{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}, spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db}}, {variable}]}}]}}}}}}}}"
        );
        assert_eq!(judge_manifests(&POOL_02, &manifests), verdict);
    }
}
