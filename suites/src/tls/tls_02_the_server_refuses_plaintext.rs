//! TLS-02: the server refuses plaintext.
//!
//! CloudNativePG's default ends with a rule that accepts a password over any connection. One client with a forgotten
//! mode then works, and its password is on the wire. A `hostnossl ... reject` rule before the default makes the mistake
//! loud. The live lane logs in with the application's own credential, so that nothing but the transport differs.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::experiment::{Experiment, PLAINTEXT, Records, SETTLED, VERIFIED};
use harness::finding::Place;
use harness::probe::Login;
use harness::requirement::{Lane, Level, Requirement};

/// The server refuses plaintext.
pub const TLS_02: Requirement = Requirement {
    id: "TLS-02",
    title: "The server refuses plaintext",
    level: Level::Should,
    source: "S3: \"PostgreSQL connections require SSL\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "add `hostnossl all all all reject` as the first rule of spec.postgresql.pg_hba",
    rendered: None,
    live: Some(live),
};

/// invalid_authorization_specification: a rule of pg_hba refused before any password was asked for.
const REFUSED: &str = "refused with 28000";

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    let tried = &install.at(SETTLED).tried;
    let server = Place::object("the database");
    match tried.get(PLAINTEXT) {
        None => check.undecided(&server, "login without TLS", "the subject declares no credential to try it with"),
        Some(Login::Unknown { reason }) => check.undecided(&server, "login without TLS", reason),
        Some(plaintext) => {
            check.expect(&server, "login without TLS", &plaintext.to_string(), equal_to(REFUSED));
        }
    }
    if let Some(verified) = tried.get(VERIFIED) {
        check.control(&server, "the same login over TLS", &verified.to_string(), equal_to("accepted"));
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::{Experiment, PLAINTEXT, SETTLED, VERIFIED};
    use harness::probe::Login;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_02;
    use crate::testing::{judge_live, moment, record};

    fn refused(sqlstate: &str) -> Login {
        Login::Refused { sqlstate: sqlstate.into() }
    }

    #[rstest]
    #[case::refused_by_rule(refused("28000"), Login::Accepted, Holds)]
    #[case::accepted(Login::Accepted, Login::Accepted, Violated)]
    #[case::asked_for_a_password(refused("28P01"), Login::Accepted, Violated)]
    #[case::without_an_answer(Login::Unknown { reason: "connection reset".into() }, Login::Accepted, Unchecked)]
    #[case::refused_like_everything(refused("28000"), refused("28000"), Unchecked)]
    fn a_login_without_tls_is(#[case] plaintext: Login, #[case] verified: Login, #[case] verdict: Verdict) {
        let mut settled = moment(SETTLED, 10, []);
        settled.tried.extend([(PLAINTEXT.to_owned(), plaintext), (VERIFIED.to_owned(), verified)]);
        assert_eq!(judge_live(&TLS_02, [record(Experiment::Install, [settled])]), verdict);
    }

    #[test]
    fn without_a_credential_nothing_can_be_told() {
        let record = record(Experiment::Install, [moment(SETTLED, 10, [])]);
        assert_eq!(judge_live(&TLS_02, [record]), Unchecked);
    }
}
