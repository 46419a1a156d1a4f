//! POOL-03: a pooler recovers from a rotation.
//!
//! PgBouncer keeps what it used for the last login at the server. The first session that it opens after a rotation may
//! fail with it, and from then on it refuses every new client for `server_login_retry`. Sessions of before it keeps for
//! `server_lifetime`, unless somebody tells it to RECONNECT or rolls it. Both times stand in its settings; that the way
//! through it is open again in time, and the old password refused, only a rotation proves.

use std::time::Duration;

use harness::check::Check;
use harness::expectation::{at_most, equal_to};
use harness::experiment::{NEW_THROUGH_POOLER, OLD_THROUGH_POOLER, RESTARTED};
use harness::feature::Feature;
use harness::finding::Place;
use harness::manifests::Object;
use harness::probe::Login;
use harness::record::{AFTER, DURING, Experiment, Record, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::{DRAIN_BUDGET, LOGIN_RETRY_BUDGET};
use serde_json::Value;

use super::poolers;
use super::settings::duration;

/// A pooler recovers from a rotation.
pub const POOL_03: Requirement = Requirement {
    id: "POOL-03",
    title: "Through a pooler a rotation is over within a minute, and its sessions are drained",
    level: Level::Must,
    source: "S3: \"Connection: Via PGBouncer pooler\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Pooler],
    experiments: &[Experiment::RotatePassword],
    decisive: &[Lane::Live],
    remedy: "set server_login_retry to 15 or less and server_lifetime to minutes, or declare that the pooler is rolled",
    rendered: Some(rendered),
    live: Some(live),
};

/// How long a pooler may refuse everybody after one failed login, where `budgets.login-retry` does not ask for more.
const RETRY: Duration = Duration::from_secs(60);
/// PgBouncer's own default of `server_login_retry`.
const DEFAULT_RETRY: Duration = Duration::from_secs(15);
/// How old a session may become, where `budgets.drain` does not ask for more; the same as for every pool.
const DRAIN: Duration = Duration::from_secs(30 * 60);
/// PgBouncer's own default of `server_lifetime`.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

fn rendered(subject: &Rendered, check: &mut Check) {
    let budget = |name: &str, least: Duration| {
        let told = subject.subject().file().budgets.get(name).map(|budget| budget.0);
        told.unwrap_or(least).max(least)
    };
    for pooler in poolers(subject, check) {
        let mut read = |name: &str, default: Duration| {
            let at = pooler.at(&format!("spec.pgbouncer.parameters.{name}"));
            match setting(pooler, name) {
                None => Some((at, Some(default))),
                Some(written) => match duration(name, &written) {
                    Some(time) => Some((at, time)),
                    None => {
                        check.undecided(at, name, format!("`{written}` is no time that is known here"));
                        None
                    }
                },
            }
        };
        let (retry, lifetime) = (read("server_login_retry", DEFAULT_RETRY), read("server_lifetime", DEFAULT_LIFETIME));
        if let Some((at, retry)) = retry {
            let seconds = retry.unwrap_or_default().as_secs();
            let limit = budget(LOGIN_RETRY_BUDGET, RETRY).as_secs();
            check.expect(at, "seconds for which it refuses everybody after a failed login", &seconds, at_most(limit));
        }
        if let Some((at, lifetime)) = lifetime {
            let limit = budget(DRAIN_BUDGET, DRAIN);
            match lifetime {
                // PgBouncer takes 0 for "close after every use".
                Some(time) if time > limit && !is_rolled(subject, pooler) => {
                    let hint = format!(
                        "it keeps them for {} s; whether somebody tells it to RECONNECT or rolls it, `restart` in the \
                         subject file says",
                        time.as_secs()
                    );
                    check.undecided(at, "what ends its sessions of before", hint);
                }
                time => {
                    let seconds = time.unwrap_or_default().min(limit).as_secs();
                    let what = "seconds after which no session of before is left, at most";
                    check.expect(at, what, &seconds, at_most(limit.as_secs()));
                }
            }
        }
    }
}

/// A parameter of PgBouncer, as it is written.
fn setting(pooler: &Object, name: &str) -> Option<String> {
    match pooler.get("spec.pgbouncer.parameters")?.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Whether a declared step restarts it.
fn is_rolled(subject: &Rendered, pooler: &Object) -> bool {
    let steps = &subject.subject().file().restart;
    steps.iter().any(|step| step.split([' ', '/']).any(|word| word == pooler.name()))
}

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotatePassword) else { return };
    for moment in [DURING, RESTARTED, AFTER] {
        expect_through(rotation, moment, NEW_THROUGH_POOLER, ACCEPTED, check);
        expect_through(rotation, moment, OLD_THROUGH_POOLER, REFUSED, check);
    }
}

const ACCEPTED: &str = "accepted";
/// PgBouncer has one SQLSTATE for whomever it turns away; the other credential shows that it is for the password.
const REFUSED: &str = "refused";

fn expect_through(rotation: &Record, moment: &str, who: &'static str, wanted: &'static str, check: &mut Check) {
    let place = Place::object("the pooler").field(moment);
    match rotation.at(moment).tried.get(who) {
        None => check.undecided(place, who, "nobody logged in through it; is it among the companions of the subject?"),
        Some(Login::Unknown { reason }) => check.undecided(place, who, reason),
        Some(login) => {
            let ended = if *login == Login::Accepted { ACCEPTED } else { REFUSED };
            check.expect(place, who, &ended, equal_to(wanted));
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::POOL_03;
    use crate::testing::judge_manifests;

    #[rstest]
    #[case::as_short_as_can_be("server_login_retry: '5', server_lifetime: '600'", Holds)]
    #[case::that_refuses_for_minutes("server_login_retry: '300', server_lifetime: '600'", Violated)]
    #[case::with_a_number("server_login_retry: 300, server_lifetime: 600", Violated)]
    #[case::that_keeps_sessions_for_an_hour("server_login_retry: '5'", Unchecked)]
    #[case::that_keeps_none("server_lifetime: '0'", Holds)]
    #[case::with_something_else("server_login_retry: soon, server_lifetime: '600'", Unchecked)]
    fn a_pooler(#[case] parameters: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Pooler, metadata: {{name: p}}, spec: {{cluster: {{name: db}}, pgbouncer: {{parameters: {{{parameters}}}}}}}}}"
        );
        assert_eq!(judge_manifests(&POOL_03, &text), verdict);
    }
}
