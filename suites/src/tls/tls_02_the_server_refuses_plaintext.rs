//! TLS-02: the server refuses plaintext.
//!
//! CloudNativePG's default ends with a rule that accepts a password over any connection. One client with a forgotten
//! mode then works, and its password is on the wire. A `hostnossl ... reject` rule before the default makes the mistake
//! loud. The live lane logs in with the application's own credential, so that nothing but the transport differs.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::experiment::{PLAINTEXT, SETTLED, VERIFIED};
use harness::finding::Place;
use harness::probe::Login;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::cluster::clusters;

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
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for cluster in clusters(subject, check, "spec.postgresql.pg_hba") {
        let rules = cluster.get("spec.postgresql.pg_hba").and_then(|rules| rules.as_array()).into_iter().flatten();
        let rules: Vec<&str> = rules.filter_map(|rule| rule.as_str()).collect();
        let fate = fate_of_plaintext(&rules);
        check.expect(cluster.at("spec.postgresql.pg_hba"), "a connection without TLS", &fate, equal_to(REJECTED));
    }
}

const REJECTED: &str = "rejected before every other rule";

/// PostgreSQL takes the first rule that fits. The operator's default rule, which accepts, comes after these.
fn fate_of_plaintext(rules: &[&str]) -> String {
    let mut rejected: Vec<&str> = Vec::new();
    for rule in rules {
        let fields: Vec<&str> = rule.split_whitespace().collect();
        let [kind, database, user, address, rest @ ..] = fields.as_slice() else { continue };
        // `local` is the pod's own socket, `hostssl` and `hostgssenc` need a transport of their own.
        if !["host", "hostnossl", "hostnogssenc"].contains(kind) {
            continue;
        }
        let rejects = rest.contains(&"reject");
        let everybody = *database == "all" && *user == "all";
        if !rejects {
            return format!("accepted by `{rule}`");
        }
        if everybody {
            rejected.push(address);
        }
        if rejected.contains(&"all") || rejected.contains(&"0.0.0.0/0") && rejected.contains(&"::/0") {
            return REJECTED.into();
        }
    }
    "accepted by the operator's default rule".into()
}

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
    use harness::experiment::{PLAINTEXT, SETTLED, VERIFIED};
    use harness::probe::Login;
    use harness::record::Experiment;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::{REJECTED, TLS_02, fate_of_plaintext};
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

    #[rstest]
    #[case::the_first_rule(&["hostnossl all all all reject"], REJECTED)]
    #[case::both_families(&["hostnossl all all 0.0.0.0/0 reject", "hostnossl all all ::/0 reject"], REJECTED)]
    #[case::after_rules_for_tls(&["hostssl all app all scram-sha-256", "host all all all reject"], REJECTED)]
    #[case::one_family(&["hostnossl all all ::/0 reject"], "accepted by the operator's default rule")]
    #[case::one_role(&["hostnossl all app all reject"], "accepted by the operator's default rule")]
    #[case::no_rule(&[], "accepted by the operator's default rule")]
    #[case::too_late(
        &["host all all all scram-sha-256", "hostnossl all all all reject"],
        "accepted by `host all all all scram-sha-256`"
    )]
    fn rules_decide_in_their_order(#[case] rules: &[&str], #[case] fate: &str) {
        assert_eq!(fate_of_plaintext(rules), fate);
    }

    #[test]
    fn without_a_credential_nothing_can_be_told() {
        let record = record(Experiment::Install, [moment(SETTLED, 10, [])]);
        assert_eq!(judge_live(&TLS_02, [record]), Unchecked);
    }
}
