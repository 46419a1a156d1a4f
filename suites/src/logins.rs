//! How the logins ended that an experiment tried, and what that says of the credential.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::finding::Place;
use harness::probe::Login;
use harness::record::Snapshot;

/// A login was accepted. One that came to no answer is no refusal: that stays open.
pub(crate) fn expect_accepted(check: &mut Check, place: Place, what: &str, seen: &Snapshot, login: &str) -> bool {
    expect(check, place, what, seen.tried.get(login), &Login::Accepted)
}

/// A login was refused for its password.
pub(crate) fn expect_refused(check: &mut Check, place: Place, what: &str, seen: &Snapshot, login: &str) -> bool {
    expect(check, place, what, seen.tried.get(login), &Login::Refused { sqlstate: "28P01".into() })
}

/// How a login ended, compared with how it has to end.
pub(crate) fn expect(
    check: &mut Check,
    place: Place,
    what: impl std::fmt::Display,
    login: Option<&Login>,
    wanted: &Login,
) -> bool {
    match login {
        Some(login) if login.decides() => check.expect(place, what, &login.to_string(), equal_to(wanted.to_string())),
        Some(login) => {
            leave_open(check, place, what, login);
            false
        }
        None => {
            check.undecided(place, what, "nobody tried it");
            false
        }
    }
}

/// Says of a login that it tells nothing of the credential.
pub(crate) fn leave_open(check: &mut Check, place: Place, what: impl std::fmt::Display, login: impl std::fmt::Display) {
    check.undecided(place, what, format!("{login}; that says nothing of the credential, run it again"));
}

#[cfg(test)]
mod tests {
    use harness::check::Check;
    use harness::finding::Place;
    use harness::probe::Login;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::expect;

    fn refused(sqlstate: &str) -> Login {
        Login::Refused { sqlstate: sqlstate.into() }
    }

    fn silent() -> Login {
        Login::Unknown { reason: "the connection was closed".into() }
    }

    #[rstest]
    #[case::let_in(Some(Login::Accepted), Holds, Violated)]
    #[case::wrong_password(Some(refused("28P01")), Violated, Holds)]
    #[case::no_such_database(Some(refused("3D000")), Violated, Violated)]
    #[case::server_is_full(Some(refused("53300")), Unchecked, Unchecked)]
    #[case::server_starts(Some(refused("57P03")), Unchecked, Unchecked)]
    #[case::no_answer(Some(silent()), Unchecked, Unchecked)]
    #[case::not_tried(None, Unchecked, Unchecked)]
    fn a_login_decides_or_stays_open(
        #[case] login: Option<Login>,
        #[case] as_accepted: Verdict,
        #[case] as_refused: Verdict,
    ) {
        let judged = |wanted: &Login| {
            let mut check = Check::new();
            expect(&mut check, Place::object("the database"), "a login", login.as_ref(), wanted);
            check.judge().verdict
        };
        assert_eq!((judged(&Login::Accepted), judged(&refused("28P01"))), (as_accepted, as_refused));
    }
}
