//! ROT-08: every key holds the new password.
//!
//! A credential Secret says the password several times: by itself, in a URI, in one for JDBC, in a password file. Who
//! changes one key changes the role, and whoever reads another key is locked out at its next start. The live lane has
//! the Secret made anew by whoever makes it, and logs in with what each key says.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{Dsn, KeyRef, RefKind};
use harness::probe::Login;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::control_rotated;
use crate::logins::expect;

/// Every key holds the new password.
pub const ROT_08: Requirement = Requirement {
    id: "ROT-08",
    title: "Every key holds the new password",
    level: Level::Must,
    source: "S1: \"Optionally: uri / jdbc-uri, pgpass\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::PasswordRotation],
    experiments: &[Experiment::RecreateCredential],
    decisive: &[Lane::Live],
    remedy: "make all keys of a credential Secret from one value, in one place",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let mut examined = false;
    for secret in subject.manifests().of_kind("Secret") {
        let store = subject.graph().store();
        let content =
            |key: &str| store.content(&KeyRef { kind: RefKind::Secret, name: secret.name().into(), key: key.into() });
        let password = content("password");
        let Some(password) = password.known() else { continue };
        for key in store.keys(RefKind::Secret, secret.name()).unwrap_or_default() {
            let Some(dsn) = Dsn::parse(&content(&key)) else { continue };
            let Some(held) = dsn.password.as_ref().and_then(|held| held.known()) else { continue };
            examined = true;
            let same = if held == password { "the same" } else { "another one" };
            check.expect(secret.at(&format!("data.{key}")), "the password in it", &same, equal_to("the same"));
        }
    }
    if !examined {
        check.not_applicable(
            "no Secret of these manifests says a password twice; who makes them on the cluster is judged there",
        );
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(remade) = records.of(Experiment::RecreateCredential) else { return };
    control_rotated(remade, check);
    let of_keys = remade.at(AFTER).tried.iter().filter(|(name, _)| name.starts_with("key "));
    for (key, login) in of_keys {
        expect(check, Place::object(key), "a login with what it says", Some(login), &Login::Accepted);
    }
}
