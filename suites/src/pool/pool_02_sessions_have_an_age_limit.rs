//! POOL-02: sessions have an age limit.
//!
//! PostgreSQL asks for a password when a session begins, and never again. A pool that keeps its sessions for ever goes
//! on with a credential that was revoked weeks ago, and looks healthy, until one session breaks and the next cannot
//! begin. An age limit makes every pool meet the new credential within that time. A bare number is in the unit that the
//! name of its setting ends with, in seconds where it ends with none. Where no setting says it, `database.pools` in the
//! subject file may. What is promised there, a rotation shows: after that time no session is left that began before it.

use std::time::Duration;

use harness::check::Check;
use harness::expectation::{at_most, empty, not_empty};
use harness::experiment::{CHANGED, DRAIN, DRAIN_UNAIDED};
use harness::finding::Place;
use harness::graph::Fact;
use harness::record::{BEFORE, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::DRAIN_BUDGET;

use super::stated;

/// Sessions have an age limit.
pub const POOL_02: Requirement = Requirement {
    id: "POOL-02",
    title: "Sessions have an age limit",
    level: Level::Must,
    source: "S1: \"connection pool drain\"",
    since: "1.0",
    revision: 3,
    features: &[],
    experiments: &[Experiment::RotatePassword],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "set the pool's maximum lifetime of a connection, to minutes",
    rendered: Some(rendered),
    live: Some(live),
};

/// How old a session may become, where the subject does not ask for more under `budgets.drain`.
const LONGEST: Duration = Duration::from_secs(30 * 60);

fn rendered(subject: &Rendered, check: &mut Check) {
    let told = subject.subject().file().budgets.get(DRAIN_BUDGET).map(|budget| budget.0);
    let limit = told.unwrap_or(LONGEST).max(LONGEST).as_secs();
    // What ends by itself ends its sessions.
    let clients: Vec<_> =
        subject.database_clients().iter().filter(|client| !client.workload().runs_to_an_end()).collect();
    for client in &clients {
        match stated::age(client, subject.subject()) {
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
                let hint = "no variable such as DB_MAX_LIFETIME or DB_CONN_MAX_AGE and no parameter of its connection string \
                            says it; if a file of settings does, or it is the driver's default, say it in `database.pools` \
                            of the subject file";
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

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotatePassword) else { return };
    let database = || Place::object("the database");
    // Where somebody had to be helped, what counts is what had ended before he was.
    let drain = [DRAIN_UNAIDED, DRAIN].into_iter().find_map(|name| rotation.step(name).zip(rotation.over(name)));
    let changed = rotation.history.as_ref().and_then(|history| history.mark(CHANGED));
    let (Some((drain, over)), Some(changed)) = (drain, changed) else {
        return check.undecided(database(), "sessions of before the change", "nobody watched them");
    };
    let watched = over.duration_since(changed).as_secs_f64();
    let promised = rotation.limit(DRAIN).unwrap_or(LONGEST.as_secs_f64());
    if let Some(left) = drain.unmet.as_ref().filter(|_| watched < promised) {
        let hint = format!(
            "after {watched:.0} s, {left}; one may become {promised:.0} s old, and `budgets.drain` in the subject file \
             says how old here"
        );
        return check.undecided(database(), "sessions of before the change", hint);
    }
    let left: Vec<&str> = drain.unmet.as_deref().into_iter().collect();
    check.expect(database(), format!("sessions of before the change, {watched:.0} s after it"), &left[..], empty());
    let before: Vec<String> = rotation.at(BEFORE).clients_concerned().into_iter().collect();
    check.control(database(), "workloads that had sessions before it", &before[..], not_empty());
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
    #[case::hours_in_minutes("Deployment", "apps/v1", "{name: DB_MAX_LIFETIME_MINUTES, value: '240'}", Violated)]
    #[case::minutes_in_milliseconds("Deployment", "apps/v1", "{name: DB_MAX_LIFETIME_MILLIS, value: '300000'}", Holds)]
    #[case::not_told("Deployment", "apps/v1", "{name: OTHER, value: 5m}", Unchecked)]
    #[case::closed_after_each_request("Deployment", "apps/v1", "{name: DB_CONN_MAX_AGE, value: '0'}", Holds)]
    #[case::kept_for_ever("Deployment", "apps/v1", "{name: DB_CONN_MAX_AGE, value: None}", Violated)]
    #[case::of_another_pool("Deployment", "apps/v1", "{name: REDIS_POOL_MAX_LIFETIME, value: 5m}", Unchecked)]
    #[case::of_another_pool_beside_its_own(
        "Deployment",
        "apps/v1",
        "{name: REDIS_POOL_MAX_LIFETIME, value: 5m}, {name: DB_MAX_LIFETIME, value: 24h}",
        Violated
    )]
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
