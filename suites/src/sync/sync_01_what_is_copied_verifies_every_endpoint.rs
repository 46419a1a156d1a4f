//! SYNC-01: what is copied verifies every endpoint.
//!
//! A trust anchor that was taken from one pod is that pod's own certificate. It verifies that pod, until it is made
//! anew, and no other: not the replica that is promoted, not the pooler that the application dials. So the source has to
//! be the CA. That it verifies every endpoint a handshake with each of them proves.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty};
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::finding::Place;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::kubectl::Call;
use super::live::{copy, expect_copied, moment_of};
use super::{OWN_PROGRAM, copiers};

/// What is copied verifies every endpoint.
pub const SYNC_01: Requirement = Requirement {
    id: "SYNC-01",
    title: "The CA that is copied verifies every endpoint, and is not one pod's certificate",
    level: Level::Must,
    source: "S3: \"Extracts PostgreSQL SSL certificate from platform-db-cluster-0\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::Install, Experiment::RotateCa],
    decisive: &[Lane::Live],
    remedy: "copy the CA from the Secret in which it is published, never a certificate from a pod or a handshake",
    rendered: Some(rendered),
    live: Some(live),
};

const OF_A_CA: &str = "a Secret's key with a CA";

fn rendered(subject: &Rendered, check: &mut Check) {
    for copier in copiers(subject, check) {
        let declared = copier.source().map(|source| of_key(&source.key));
        let read: Vec<Option<&'static str>> = copier.reads().map(origin).chain(declared).collect();
        for origin in &read {
            match origin {
                Some(origin) => {
                    check.expect(&copier, "what it copies", origin, equal_to(OF_A_CA));
                }
                None => check.undecided(&copier, "what it copies", OWN_PROGRAM),
            }
        }
        if read.is_empty() {
            check.undecided(&copier, "what it copies", OWN_PROGRAM);
        }
    }
}

/// Where a call takes a certificate from. `None`: it cannot be told.
fn origin(call: &Call) -> Option<&'static str> {
    match call.verb.as_str() {
        "exec" | "cp" => Some("a file of one pod"),
        "s_client" => Some("what one endpoint presents in a handshake"),
        _ => call.key.as_deref().and_then(of_key),
    }
}

/// What a key holds, by its name.
fn of_key(key: &str) -> Option<&'static str> {
    let plain = key.to_lowercase();
    if matches!(plain.as_str(), "tls.crt" | "server.crt" | "cert.pem") {
        Some("the certificate of a server")
    } else if plain.contains("ca") || plain.contains("root") {
        Some(OF_A_CA)
    } else {
        None
    }
}

/// What is served is held against the published CA, so that a copy that is that CA verifies what the CA verifies.
fn live(records: &Records, check: &mut Check) {
    for (experiment, moment) in [(Experiment::Install, SETTLED), (Experiment::RotateCa, AFTER)] {
        let Some(record) = records.of(experiment) else { continue };
        let Some(copied) = copy(record, moment, check) else { continue };
        expect_copied(copied, moment, check);
        let served = &record.at(moment).served;
        check.control(moment_of(record, moment), "endpoints that shake hands", &served[..], not_empty());
        for endpoint in served {
            let place = Place::object(&endpoint.endpoint).field(moment);
            let verified = endpoint.refused.as_deref().unwrap_or("verifies");
            check.expect(place, format!("certificate served for {}", endpoint.name), &verified, equal_to("verifies"));
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::SYNC_01;
    use crate::testing::judge_script;

    #[rstest]
    #[case::the_ca(r"ca=$(kubectl get secret db-ca -o 'jsonpath={.data.ca\.crt}')", Holds)]
    #[case::a_server_certificate(r"ca=$(kubectl get secret db-server -o 'jsonpath={.data.tls\.crt}')", Violated)]
    #[case::a_file_of_a_pod("ca=$(kubectl exec db-0 -- cat /run/ca.crt)", Violated)]
    #[case::a_handshake("ca=$(openssl s_client -starttls postgres -connect db:5432 </dev/null)", Violated)]
    #[case::something_else(r"ca=$(kubectl get secret db-ca -o 'jsonpath={.data.anchor}')", Unchecked)]
    fn a_script_copies(#[case] read: &str, #[case] verdict: Verdict) {
        let write = "kubectl create secret generic app-ca --from-literal=ca.crt=\"$ca\" --dry-run=client -o yaml | kubectl apply -f -";
        assert_eq!(judge_script(&SYNC_01, &format!("{read}\n{write}")), verdict);
    }
}
