//! TLS-06: a bundle of CAs loses no handshake.
//!
//! Between the moment when the server serves a leaf of the new CA and the moment when a client has the new file, every
//! new connection of that client fails. Only a client that trusted both CAs before loses nothing. The operator's own CA
//! Secret cannot hold the two (a foreign `ca.crt` in it blocks CloudNativePG), so that the chart must let its users
//! name a Secret of their own for trust.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::feature::Feature;
use harness::finding::{Locate, Place};
use harness::graph::{CaWiring, DatabaseClient};
use harness::rendered::{Change, Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};

/// A bundle of CAs loses no handshake.
pub const TLS_06: Requirement = Requirement {
    id: "TLS-06",
    title: "A bundle of CAs loses no handshake",
    level: Level::Must,
    source: "S0: \"Provide clear rotation and rollback guidance\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Ca, Feature::CaRotation],
    experiments: &[],
    decisive: &[Lane::Live],
    remedy: "let a value name the CA Secret, and rotate in three steps: trust both, serve the new leaf, drop the old CA",
    rendered: Some(rendered),
    live: None,
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

fn secret_of(client: &DatabaseClient) -> Option<&str> {
    client.ca().and_then(CaWiring::secret)
}

fn name_of(client: &DatabaseClient) -> &str {
    client.container().name()
}

const WHAT: &str = "the Secret whose CA it trusts, when people name one of their own";
const OWN_SECRET: &str = "holdfast-own-trust";
const NOT_SAID: &str = "say in the subject file under `database.ca.nameValue` which value names the CA Secret";
