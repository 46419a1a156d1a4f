//! CA-01: all clients trust the same CA.
//!
//! Every workload that dials the database wires its trust by itself: two Deployments, an init container and a
//! migration hook are four places to forget. As long as nothing rotates, a second file or path looks fine; after a
//! rotation one half of the product is down. The rendered lane compares the wiring of every client, also of Jobs that
//! have long ended when somebody looks; the live lane compares the bytes that running processes trust.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::graph::{CaWiring, Fact};
use harness::record::{Experiment, PodState, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::wiring::{clients_with_ca, provider};

/// All clients trust the same CA.
pub const CA_01: Requirement = Requirement {
    id: "CA-01",
    title: "All clients trust the same CA",
    level: Level::Must,
    source: "S0: \"Both deployments mount the CA secret identically when enabled\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Ca],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "take volume, mount and variable of every workload that dials the database from one named template",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    // Where nobody is given a CA the subject promises one: otherwise the requirement does not apply.
    let nobody = clients_with_ca(subject).next().is_none();
    let alike = if nobody { "one, as the subject promises" } else { "the one that the others trust" };
    let shared = shared(subject).unwrap_or_else(|| alike.into());
    for client in subject.database_clients() {
        match (client.ca().map(provider), client.ssl_mode()) {
            (Some(Fact::Unknown(hint)), _) => check.undecided(client, WHAT, hint),
            // A connection string that cannot be read may name a CA.
            (None, Fact::Unknown(hint)) => check.undecided(client, WHAT, hint),
            (None, Fact::Known(_)) => match client.unread() {
                Some(hint) => check.undecided(client, WHAT, hint),
                None => {
                    check.expect(client, WHAT, &"none", equal_to(shared.as_str()));
                }
            },
            (Some(Fact::Known(provider)), _) => {
                check.expect(client, WHAT, &provider, equal_to(shared.as_str()));
            }
        }
    }
    if subject.subject().claims(Feature::CaIdentical) {
        judge_identity(subject, &shared, check);
    }
}

const WHAT: &str = "the CA that it trusts";

/// The CA that all should trust: one that is handed to them before a file of an image, then the one that most trust,
/// then the first.
fn shared(subject: &Rendered) -> Option<String> {
    let trusted: Vec<(bool, String)> =
        clients_with_ca(subject).filter_map(|(_, ca)| Some((ca.trust().is_some(), provider(ca).known()?))).collect();
    let rank = |one: &&(bool, String)| (one.0, trusted.iter().filter(|other| other.1 == one.1).count());
    trusted.iter().rev().max_by_key(rank).map(|(_, provider)| provider.clone())
}

/// Where identical wiring is claimed, the same CA at another path is a difference too.
fn judge_identity(subject: &Rendered, shared: &str, check: &mut Check) {
    let wired = clients_with_ca(subject).map(|(_, ca)| ca);
    let mut same_ca = wired.filter(|ca| provider(ca).known().as_deref() == Some(shared));
    let Some(first) = same_ca.next().map(CaWiring::fingerprint) else { return };
    for ca in same_ca {
        check.expect(ca, "how the CA is wired", &ca.fingerprint(), equal_to(first.as_str()));
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    // Who answers and dials no database has nothing to verify, whatever files it has.
    let idle = |pod: &&PodState| pod.inspected.as_ref().is_some_and(|inspected| inspected.dials("sslmode").is_none());
    let pods: Vec<&PodState> = install.at(SETTLED).pods.iter().filter(|pod| !idle(pod)).collect();
    let shared = pods.iter().find_map(|pod| pod.ca_digest());
    for client in install.unseen.iter().filter(|client| client.ca) {
        check.undecided(&client.client, WHAT, "the manifests do not tell it, and nobody can ask this client");
    }
    for pod in pods {
        match (&pod.inspected, shared) {
            (None, _) => check.undecided(pod, "digest of the CA file", "the application does not answer `inspect`"),
            (Some(_), Some(shared)) => {
                check.expect(pod, "digest of the CA file", &pod.ca_digest(), equal_to(Some(shared)));
            }
            (Some(_), None) => {}
        }
    }
    if shared.is_none() {
        check.not_applicable("no running process that dials the database names a CA file");
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::feature::Feature;
    use harness::finding::Place;
    use harness::record::{Experiment, PodState, Unseen};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, NotClaimed, Unchecked, Violated};
    use rstest::rstest;

    use super::CA_01;
    use crate::testing::{blamed_in, judge_live, judge_manifests, judge_promised, moment, pod, record, trusting};

    #[test]
    fn a_ca_that_is_promised_and_given_to_nobody_is_a_violation() {
        let client = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, env: [{name: PGHOST, value: db}]}]}}";
        assert_eq!(judge_promised(&CA_01, client, Feature::Ca), Violated);
        assert_eq!(judge_manifests(&CA_01, client), NotClaimed);
    }

    #[test]
    fn whoever_is_handed_no_ca_is_blamed_and_not_the_others() {
        let container = |name: &str, mounts: &str| {
            format!(
                "[{{name: {name}, env: [{{name: PGHOST, value: db}}, {{name: PGSSLROOTCERT, value: /ca/ca.crt}}]{mounts}}}]"
            )
        };
        let (forgotten, sound) =
            (container("wait", ""), container("main", ", volumeMounts: [{name: ca, mountPath: /ca}]"));
        let pod = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{volumes: [{{name: ca, secret: {{secretName: ca}}}}], initContainers: {forgotten}, containers: {sound}}}}}"
        );
        let blamed = blamed_in(&CA_01, &pod);
        assert!(blamed.len() == 1 && blamed[0].contains("container wait"), "{blamed:?}");
    }

    #[rstest]
    #[case::the_same("MIIBszCC", Holds)]
    #[case::another_one("MIIBtzCC", Violated)]
    fn two_clients_may_have_the_ca_written_out(#[case] other: &str, #[case] verdict: Verdict) {
        let pod = |name: &str, body: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db}}, {{name: DB_SSL_CA, value: '-----BEGIN CERTIFICATE----- {body}'}}]}}]}}}}\n"
            )
        };
        assert_eq!(judge_manifests(&CA_01, &format!("{}---\n{}", pod("a", "MIIBszCC"), pod("b", other))), verdict);
    }

    #[test]
    fn a_secret_that_is_taken_whole_may_name_the_ca() {
        let pod = |name: &str, container: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{volumes: [{{name: ca, secret: {{secretName: ca}}}}], containers: [{{name: a, volumeMounts: [{{name: ca, mountPath: /ca}}], {container}}}]}}}}\n"
            )
        };
        let sound = "env: [{name: PGHOST, value: db}, {name: PGSSLROOTCERT, value: /ca/ca.crt}]";
        let open = "env: [{name: PGHOST, value: db}, {name: PGSSLMODE, value: verify-full}], envFrom: [{secretRef: {name: settings}}]";
        let both = format!("{}---\n{}", pod("a", sound), pod("b", open));
        assert_eq!(judge_manifests(&CA_01, &both), Unchecked);
        let known = "---\n{apiVersion: v1, kind: Secret, metadata: {name: settings}, stringData: {LOG: debug}}\n";
        assert_eq!(judge_manifests(&CA_01, &format!("{both}{known}")), Violated);
    }

    fn without_a_ca(pod: &mut PodState) {
        pod.inspected.as_mut().unwrap().ca = None;
    }

    fn dials_nothing(pod: &mut PodState) {
        pod.inspected.as_mut().unwrap().database = serde_json::json!({});
    }

    #[rstest]
    #[case::one_dials_no_database(|pods: &mut [PodState; 2]| { without_a_ca(&mut pods[1]); dials_nothing(&mut pods[1]); }, Holds)]
    #[case::the_first_dials_no_database(|pods: &mut [PodState; 2]| { pods[0] = trusting(pods[0].clone(), "foreign"); dials_nothing(&mut pods[0]); }, Holds)]
    #[case::the_same_file(|_pods: &mut [PodState; 2]| {}, Holds)]
    #[case::another_file(|pods: &mut [PodState; 2]| pods[1] = trusting(pods[1].clone(), "foreign"), Violated)]
    #[case::no_file_in_one(|pods: &mut [PodState; 2]| without_a_ca(&mut pods[1]), Violated)]
    #[case::no_file_in_any(|pods: &mut [PodState; 2]| pods.iter_mut().for_each(without_a_ca), NotApplicable)]
    #[case::one_cannot_be_asked(|pods: &mut [PodState; 2]| pods[1].inspected = None, Unchecked)]
    #[case::none_can_be_asked(|pods: &mut [PodState; 2]| pods.iter_mut().for_each(|pod| pod.inspected = None), Unchecked)]
    fn running_processes_trust_the_same_bytes(#[case] spoil: fn(&mut [PodState; 2]), #[case] verdict: Verdict) {
        let mut pods = [pod("deployment/agents", "a"), pod("deployment/agents-controllers", "b")];
        spoil(&mut pods);
        assert_eq!(judge_live(&CA_01, [record(Experiment::Install, [moment(SETTLED, 10, pods)])]), verdict);
    }

    #[test]
    fn whoever_nobody_can_ask_leaves_it_open() {
        let mut installed = record(Experiment::Install, [moment(SETTLED, 10, [pod("deployment/agents", "a")])]);
        installed.unseen.push(Unseen { client: Place::object("job/migrate"), mode: false, ca: true });
        assert_eq!(judge_live(&CA_01, [installed]), Unchecked);
    }
}
