//! OWN-06: applications read the authoritative Secret.
//!
//! A copy of a credential is right until the first rotation. Whoever copies it, a controller for another namespace, a
//! canary tool, a person, is not in the operator's way: the role changes, the copy does not, and the application that
//! reads the copy is refused. So each client must take its credential from a Secret that a role names. One that takes a
//! whole Secret as its environment may find the password there, so that Secret has to be known, or to be a role's.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::{equal_to, that};
use harness::feature::Feature;
use harness::finding::Locate as _;
use harness::record::{DURING, Experiment, PodState, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use crate::roles::roles;
use crate::tls::cluster::clusters;

/// Applications read the authoritative Secret.
pub const OWN_06: Requirement = Requirement {
    id: "OWN-06",
    title: "Applications read the Secret that sets the password, not a copy of it",
    level: Level::Must,
    source: "S1: \"Applications read credentials from CNPG-managed Kubernetes Secrets\"",
    since: "1.0",
    revision: 3,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::RotatePassword],
    decisive: &[Lane::Rendered],
    remedy: "refer to the Secret that the role names (spec.managed.roles[].passwordSecret, or <cluster>-app)",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    if clusters(subject, check, "the Secrets of its roles").is_empty() {
        return;
    }
    let roles = roles(subject);
    let mut authoritative: BTreeSet<String> = roles.iter().filter_map(|role| role.secret.clone()).collect();
    // That no application may use it is the matter of another requirement; a copy it is not.
    authoritative.extend(roles.iter().map(|role| format!("{}-superuser", role.cluster)));
    let mut examined = false;
    for client in subject.database_clients() {
        let mut secrets: BTreeSet<&str> = client.passwords().map(|key| key.name.as_str()).collect();
        // Who is told no password may find it in what nobody knows. Whatever a role's own Secret holds, it is no copy.
        let unread: Vec<&str> = if secrets.is_empty() { client.unread_secrets().collect() } else { Vec::new() };
        let (of_roles, unknown): (Vec<&str>, Vec<&str>) =
            unread.into_iter().partition(|secret| authoritative.contains(*secret));
        secrets.extend(of_roles);
        for secret in unknown {
            let hint = "`envFrom` takes it whole, and no manifest tells all its keys; render it, or take the password by a \
                        `secretKeyRef`";
            check.undecided(client.place(), format!("whether its credential comes from Secret {secret}"), hint);
        }
        for secret in secrets {
            let source = if authoritative.contains(secret) { OF_A_ROLE } else { "a Secret that no role names" };
            let named = that(OF_A_ROLE, |source: &str| source == OF_A_ROLE);
            check.expect(client.place(), format!("where its credential comes from, {secret}"), source, named);
            examined = true;
        }
    }
    if !examined {
        check.not_applicable("no client takes a password from a Secret");
    }
}

const OF_A_ROLE: &str = "the Secret of a role";

/// A copy is right until the first rotation, so it is looked for after one.
fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotatePassword) else { return };
    let seen = rotation.at(DURING);
    let of_roles = seen.authority.iter().filter_map(|credential| seen.credentials.get(&credential.secret));
    let of_roles: BTreeSet<&str> = of_roles.flat_map(|keys| keys.values().map(String::as_str)).collect();
    let mut examined = false;
    for pod in &seen.pods {
        let Some(digest) = password_of(pod) else { continue };
        let source = if of_roles.contains(digest) { OF_A_ROLE } else { "no Secret that a role names has it" };
        check.expect(pod, "where its password is from, after a rotation", &source, equal_to(OF_A_ROLE));
        examined = true;
    }
    if !examined {
        check.not_applicable("no pod says which password it has; applications of somebody else's do not");
    }
}

/// The digest of the password with which the application in a pod dials, where it says so.
fn password_of(pod: &PodState) -> Option<&str> {
    pod.inspected.as_ref()?.dials("passwordSha256")
}

#[cfg(test)]
mod tests {
    use harness::record::CredentialState;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::{DURING, Experiment, OWN_06};
    use crate::testing::{judge_live, judge_manifests, moment, pod, record};

    const CLUSTER: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {managed: {roles: [{name: shop, passwordSecret: {name: shop-auth}}]}}}\n---\n";

    #[rstest]
    #[case::of_its_role("shop-auth", Holds)]
    #[case::of_the_bootstrap("db-app", Holds)]
    #[case::a_copy("shop-auth-copy", Violated)]
    fn a_client_reads(#[case] secret: &str, #[case] verdict: Verdict) {
        let client = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, env: [{{name: PGPASSWORD, valueFrom: {{secretKeyRef: {{name: {secret}, key: password}}}}}}]}}]}}}}"
        );
        assert_eq!(judge_manifests(&OWN_06, &format!("{CLUSTER}{client}")), verdict);
    }

    #[rstest]
    #[case::of_its_role("shop-auth", Holds)]
    #[case::a_copy("shop-auth-copy", Violated)]
    fn a_client_reads_a_file(#[case] secret: &str, #[case] verdict: Verdict) {
        let client = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{volumes: [{{name: c, secret: {{secretName: {secret}}}}}], containers: [{{name: a, volumeMounts: [{{name: c, mountPath: /c}}], env: [{{name: DATABASE_URL_FILE, value: /c/uri}}]}}]}}}}"
        );
        assert_eq!(judge_manifests(&OWN_06, &format!("{CLUSTER}{client}")), verdict);
    }

    const EXTERNAL: &str = "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {target: {name: env}, dataFrom: [{extract: {key: shop}}]}}\n---\n";
    const KNOWN: &str = "{apiVersion: v1, kind: Secret, metadata: {name: env}, stringData: {LOG_LEVEL: info}}\n---\n";
    const OF_THE_ROLE: &str = "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, spec: {target: {name: shop-auth}, dataFrom: [{extract: {key: shop}}]}}\n---\n";

    #[rstest]
    #[case::that_nobody_knows(EXTERNAL, "env", Unchecked)]
    #[case::that_holds_no_password(KNOWN, "env", NotApplicable)]
    #[case::of_its_role(OF_THE_ROLE, "shop-auth", Holds)]
    #[case::of_somebody_else("", "env", Unchecked)]
    fn a_client_takes_a_secret_whole(#[case] maker: &str, #[case] secret: &str, #[case] verdict: Verdict) {
        let client = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, envFrom: [{{secretRef: {{name: {secret}}}}}], env: [{{name: PGHOST, value: db-rw}}]}}]}}}}"
        );
        assert_eq!(judge_manifests(&OWN_06, &format!("{CLUSTER}{maker}{client}")), verdict);
    }

    #[test]
    fn without_a_client_there_is_nothing_to_read() {
        assert_eq!(judge_manifests(&OWN_06, CLUSTER), NotApplicable);
    }

    #[rstest]
    #[case::of_its_role("new", Holds)]
    #[case::of_a_copy("old", Violated)]
    fn a_pod_dials_after_a_rotation_with_the_password(#[case] digest: &str, #[case] verdict: Verdict) {
        let mut pod = pod("deployment/a", "a");
        let inspected = pod.inspected.as_mut().unwrap();
        inspected.database = serde_json::json!({"passwordSha256": digest});
        let mut seen = moment(DURING, 30, [pod]);
        seen.authority = vec![CredentialState { secret: "shop-auth".into(), ..CredentialState::default() }];
        seen.credentials = [("shop-auth", "new"), ("copy", "old")]
            .map(|(secret, digest)| (secret.to_owned(), [("password".to_owned(), digest.to_owned())].into()))
            .into();
        assert_eq!(judge_live(&OWN_06, [record(Experiment::RotatePassword, [seen])]), verdict);
    }
}
