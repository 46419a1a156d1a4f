//! TLS-04: the operator keeps its own certificates.
//!
//! A `certificates` block tells CloudNativePG that somebody else makes and renews what it names. Naming the Secrets
//! that the operator itself generated switches their renewal off without a word; 90 days later every client and every
//! replica is locked out at the same hour.

use harness::check::Check;
use harness::expectation::empty;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::cluster::clusters;

/// The operator keeps its own certificates.
pub const TLS_04: Requirement = Requirement {
    id: "TLS-04",
    title: "The operator keeps its own certificates",
    level: Level::Must,
    source: "S0: non-goal, \"Managing Postgres certificates themselves\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "drop from spec.certificates what the operator generates, or name Secrets that somebody else renews",
    rendered: Some(rendered),
    live: None,
};

/// Where a Cluster names certificates of somebody else.
const NAMED: &[&str] = &["serverCASecret", "serverTLSSecret", "clientCASecret", "replicationTLSSecret"];

fn rendered(subject: &Rendered, check: &mut Check) {
    if subject.subject().database().bundled.is_some() && subject.manifests().of_kind("Cluster").next().is_none() {
        return check
            .not_applicable("the chart brings its own PostgreSQL: there is no operator that makes certificates");
    }
    for cluster in clusters(subject, check, "the Secrets of spec.certificates") {
        let generated = ["ca", "server", "replication"].map(|suffix| format!("{}-{suffix}", cluster.name()));
        let named = NAMED.iter().filter_map(|field| {
            let path = format!("spec.certificates.{field}");
            let secret = cluster.get(&path)?.as_str()?;
            generated.iter().any(|own| own == secret).then(|| format!("{field}: {secret}"))
        });
        let named: Vec<String> = named.collect();
        check.expect(cluster.at("spec.certificates"), "Secrets of the operator that it names", &named[..], empty());
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::TLS_04;
    use crate::testing::judge_manifests;

    #[rstest]
    #[case::none("{}", Holds)]
    #[case::of_somebody_else("{certificates: {serverCASecret: mine, serverTLSSecret: mine-tls}}", Holds)]
    #[case::of_another_cluster("{certificates: {serverCASecret: other-ca}}", Holds)]
    #[case::its_own("{certificates: {serverTLSSecret: db-server}}", Violated)]
    fn a_cluster_that_names_certificates(#[case] spec: &str, #[case] verdict: Verdict) {
        let head = "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: db}\nspec: ";
        assert_eq!(judge_manifests(&TLS_04, &format!("{head}{spec}\n")), verdict);
    }

    #[test]
    fn without_a_cluster_there_is_nothing_to_see() {
        assert_eq!(judge_manifests(&TLS_04, "{apiVersion: v1, kind: Namespace, metadata: {name: a}}"), Unchecked);
    }
}
