//! POOL-04: a pooler verifies the server, and can be verified.
//!
//! A pooler stands between the client and the database, so that each of them verifies half of the way at best. Towards
//! the server it must not settle for encryption alone. Towards clients CloudNativePG lets it present the certificate of
//! the Cluster, which does not name the pooler unless the Cluster is told to: `verify-full` then fails at the pooler.

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, one_of, that};
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::finding::{Locate as _, Place};
use harness::manifests::Object;
use harness::probe::Served;
use harness::record::{AFTER, Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::poolers;

/// A pooler verifies the server, and can be verified.
pub const POOL_04: Requirement = Requirement {
    id: "POOL-04",
    title: "The pooler verifies the server and presents a certificate for its own name",
    level: Level::Must,
    source: "S3: pooler ECONNREFUSED, self-signed certificate",
    since: "1.0",
    revision: 1,
    features: &[Feature::Pooler],
    experiments: &[Experiment::Install, Experiment::RotateCa],
    decisive: &[Lane::Live],
    remedy: "leave server_tls_sslmode at verify-ca or set verify-full, and add the pooler's Service to \
             spec.certificates.serverAltDNSNames of the Cluster",
    rendered: Some(rendered),
    live: Some(live),
};

/// Modes in which PgBouncer verifies the server's certificate.
const VERIFYING: &[&str] = &["verify-ca", "verify-full"];
/// What CloudNativePG sets where nobody does.
const DEFAULT: &str = "verify-ca";

fn rendered(subject: &Rendered, check: &mut Check) {
    for pooler in poolers(subject, check) {
        let at = pooler.at("spec.pgbouncer.parameters.server_tls_sslmode");
        let told = pooler.get("spec.pgbouncer.parameters.server_tls_sslmode").and_then(Value::as_str);
        check.expect(at, "how it verifies the server", &told.unwrap_or(DEFAULT), one_of(VERIFYING));
        match names(subject, pooler) {
            Ok((place, names)) => {
                let own = that("one that names the pooler", |names: &[String]| {
                    names.iter().any(|name| covers(name, pooler.name()))
                });
                check.expect(
                    place,
                    format!("names of the certificate that {} presents", pooler.name()),
                    &names[..],
                    own,
                );
            }
            Err(hint) => check.undecided(pooler.place(), "names of the certificate that it presents", hint),
        }
    }
}

/// The names of the certificate that a pooler presents beyond those of the Cluster's Services; or what would tell.
fn names(subject: &Rendered, pooler: &Object) -> Result<(Place, Vec<String>), String> {
    let text = |object: &Object, path: &str| object.get(path).and_then(Value::as_str).map(str::to_owned);
    let own = text(pooler, "spec.pgbouncer.clientTLSSecret.name").or_else(|| text(pooler, "spec.clientTLSSecret.name"));
    if let Some(secret) = own {
        return issued(subject, &secret);
    }
    let cluster = text(pooler, "spec.cluster.name").unwrap_or_default();
    let clusters = subject.companions().of_kind("Cluster").chain(subject.manifests().of_kind("Cluster"));
    let mut clusters = clusters.filter(|object| object.group() == "postgresql.cnpg.io" && object.name() == cluster);
    let Some(cluster) = clusters.next() else {
        return Err(format!("name the manifest of Cluster {cluster} under `companions` in the subject file"));
    };
    if let Some(secret) = text(cluster, "spec.certificates.serverTLSSecret") {
        return issued(subject, &secret);
    }
    let listed = cluster.get("spec.certificates.serverAltDNSNames").and_then(Value::as_array).into_iter().flatten();
    let names = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok((cluster.at("spec.certificates.serverAltDNSNames"), names))
}

/// The names of a certificate that cert-manager makes into a Secret.
fn issued(subject: &Rendered, secret: &str) -> Result<(Place, Vec<String>), String> {
    let all = subject.companions().of_kind("Certificate").chain(subject.manifests().of_kind("Certificate"));
    let mut all = all.filter(|one| one.get("spec.secretName").and_then(Value::as_str) == Some(secret));
    let Some(certificate) = all.next() else {
        return Err(format!(
            "the certificate is in Secret {secret}, which somebody else makes; a cluster tells its names"
        ));
    };
    let listed = certificate.get("spec.dnsNames").and_then(Value::as_array).into_iter().flatten();
    let names = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok((certificate.at("spec.dnsNames"), names))
}

/// Whether a name of a certificate is that of a Service, alone or with its namespace.
fn covers(name: &str, service: &str) -> bool {
    name == service || name.split_once('.').is_some_and(|(first, _)| first == service || first == "*")
}

fn live(records: &Records, check: &mut Check) {
    for (experiment, moment) in [(Experiment::Install, SETTLED), (Experiment::RotateCa, AFTER)] {
        let Some(record) = records.of(experiment) else { continue };
        let poolers: Vec<_> = record.at(moment).served.iter().filter(|one| is_of_a_pooler(one)).collect();
        let names: Vec<&str> = poolers.iter().map(|one| one.endpoint.as_str()).collect();
        check.control(Place::object("the pooler").field(moment), "pods that shake hands", &names[..], not_empty());
        for pooler in poolers {
            let verified = pooler.refused.as_deref().unwrap_or("verifies");
            let what = format!("certificate served for {}", pooler.name);
            check.expect(Place::object(&pooler.endpoint).field(moment), what, &verified, equal_to("verifies"));
        }
    }
}

/// Whether a pod is a pooler's. Its pods are called after its Service; the server's own, which were asked under the name
/// of the read-write Service, are called after the Cluster.
fn is_of_a_pooler(served: &Served) -> bool {
    let service = served.name.split('.').next().unwrap_or_default();
    let pod = served.endpoint.rsplit('/').next().unwrap_or_default();
    pod.strip_prefix(service).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::POOL_04;
    use crate::testing::judge_manifests;

    fn manifests(parameters: &str, cluster: &str, certificates: &str) -> String {
        format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Pooler, metadata: {{name: db-pooler}}, spec: {{cluster: {{name: db}}, pgbouncer: {{parameters: {{{parameters}}}}}}}}}\n---\n{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: {cluster}}}, spec: {{certificates: {{{certificates}}}}}}}"
        )
    }

    #[rstest]
    #[case::as_the_operator_makes_it("", "serverAltDNSNames: [db-pooler]", Holds)]
    #[case::with_a_namespace("", "serverAltDNSNames: [db-pooler.shop.svc]", Holds)]
    #[case::without_its_name("", "serverAltDNSNames: [db-replica]", Violated)]
    #[case::without_any_name("", "", Violated)]
    #[case::that_only_encrypts("server_tls_sslmode: require", "serverAltDNSNames: [db-pooler]", Violated)]
    #[case::that_verifies_all("server_tls_sslmode: verify-full", "serverAltDNSNames: [db-pooler]", Holds)]
    #[case::with_a_certificate_of_somebody_else("", "serverTLSSecret: mine", Unchecked)]
    fn a_pooler(#[case] parameters: &str, #[case] certificates: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&POOL_04, &manifests(parameters, "db", certificates)), verdict);
    }

    #[test]
    fn a_cluster_that_is_not_seen_tells_no_names() {
        assert_eq!(judge_manifests(&POOL_04, &manifests("", "other", "")), Unchecked);
    }
}
