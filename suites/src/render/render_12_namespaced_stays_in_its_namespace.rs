//! RENDER-12: namespaced stays in its namespace.
//!
//! Who may only install into one namespace finds out at the first `kubectl apply` that the chart has one ClusterRole
//! too many; who may do more finds out never, and gives a controller rights over the cluster that it does not need. A
//! Role in another namespace, or an account of another one in a binding, reaches out just the same.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty, that};
use harness::experiment::{RULES_THE_CLUSTER, TENANT_INSTALLED};
use harness::feature::Feature;
use harness::finding::{Locate as _, Place};
use harness::manifests::Object;
use harness::record::{DURING, Experiment, Records};
use harness::rendered::{Change, Rendered, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

/// Namespaced stays in its namespace.
pub const RENDER_12: Requirement = Requirement {
    id: "RENDER-12",
    title: "Without cluster-scoped rights, nothing reaches out of the namespace",
    level: Level::Must,
    source: "S0: `rbac.clusterScoped: false`",
    since: "1.0",
    revision: 1,
    features: &[Feature::RbacNamespaced],
    experiments: &[Experiment::TenantInstall],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "render Role and RoleBinding in the release's namespace when cluster-scoped rights are off, and bind only \
             accounts of that namespace",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let change = subject.cluster_rights().fold(Change::none(), |change, path| change.and_set(path, false));
    let Some(attempt) = subject.with(&change, check) else { return };
    let Some(rendering) = attempt.rendering() else {
        check.expect(&change, "rendering without cluster-scoped rights", &attempt, renders());
        return;
    };
    // The engine renders into a namespace of the subject's name.
    let namespace = subject.subject().name();
    for object in rendering.manifests().objects() {
        match is_cluster_scoped(object) {
            Some(scoped) => {
                let scope = if scoped { "the cluster" } else { object.namespace().unwrap_or(namespace) };
                let own = that("the namespace of the release", |scope: &str| scope == namespace);
                check.expect(object, "scope", scope, own);
            }
            None => check.undecided(object, "scope", format!("the definition of {} tells it", object.kind())),
        }
        if object.kind() == "RoleBinding" {
            let foreign = foreign_subjects(object, namespace);
            let at = foreign.first().map_or_else(|| object.place(), |(at, _)| at.clone());
            let names: Vec<&str> = foreign.iter().map(|(_, name)| name.as_str()).collect();
            check.expect(at, "subjects of other namespaces", names.as_slice(), empty());
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::TenantInstall) else { return };
    let during = install.at(DURING);
    let place = Place::object("the account of the installation");
    let rules = during.answers.get(RULES_THE_CLUSTER).map_or("not told", String::as_str);
    check.control(&place, RULES_THE_CLUSTER, &rules, equal_to("no"));
    let Some(step) = install.step(TENANT_INSTALLED) else { return };
    let refusal = step.unmet.as_deref().unwrap_or("none");
    check.expect(&place, "what refuses an installation with rights in one namespace", &refusal, equal_to("none"));
    if refusal == "none" {
        check.control(&place, "pods of that installation", &during.pods[..], not_empty());
    }
    for pod in &during.pods {
        let readiness = if pod.ready { "ready" } else { "not ready" };
        check.expect(pod, "the pod of that installation", &readiness, equal_to("ready"));
    }
}

/// Kinds of Kubernetes, and of operators that databases live with, that belong to no namespace.
const CLUSTER_SCOPED: &[&str] = &[
    "APIService",
    "CSIDriver",
    "CertificateSigningRequest",
    "ClusterExternalSecret",
    "ClusterImageCatalog",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterSecretStore",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "PersistentVolume",
    "PodSecurityPolicy",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeSnapshotClass",
];

/// Whether an object belongs to the cluster; `None`: only the definition of its kind tells.
fn is_cluster_scoped(object: &Object) -> Option<bool> {
    let kind = object.kind();
    let is_named_so = kind.starts_with("Cluster") && kind != "Cluster" && object.group().contains('.');
    match CLUSTER_SCOPED.contains(&kind) {
        true => Some(true),
        false if is_named_so => None,
        false => Some(false),
    }
}

/// Accounts of other namespaces that a binding gives rights to.
fn foreign_subjects(binding: &Object, namespace: &str) -> Vec<(Place, String)> {
    let subjects = binding.get("subjects").and_then(Value::as_array).into_iter().flatten().enumerate();
    let foreign = subjects.filter_map(|(index, subject)| {
        let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default();
        let of = match text("kind") {
            "ServiceAccount" => text("namespace"),
            "Group" => text("name").strip_prefix("system:serviceaccounts:").unwrap_or(namespace),
            _ => namespace,
        };
        let at = binding.at(&format!("subjects[{index}]"));
        (!of.is_empty() && of != namespace).then(|| (at, format!("{} of {of}", text("name"))))
    });
    foreign.collect()
}

#[cfg(test)]
mod tests {
    use harness::experiment::{RULES_THE_CLUSTER, TENANT_INSTALLED};
    use harness::manifests::Manifests;
    use harness::record::{DURING, Experiment, Record, Step};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::{RENDER_12, foreign_subjects, is_cluster_scoped};
    use crate::testing::{judge_live, moment, pod, record, step};

    #[rstest]
    #[case::role("rbac.authorization.k8s.io/v1", "Role", Some(false))]
    #[case::cluster_role("rbac.authorization.k8s.io/v1", "ClusterRole", Some(true))]
    #[case::cluster_of_cnpg("postgresql.cnpg.io/v1", "Cluster", Some(false))]
    #[case::unknown("hive.openshift.io/v1", "ClusterPool", None)]
    fn the_scope_of_a_kind_is_known_or_open(#[case] version: &str, #[case] kind: &str, #[case] expected: Option<bool>) {
        let text = format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}}}");
        let manifests = Manifests::parse(&text, "test").unwrap();
        assert_eq!(is_cluster_scoped(manifests.objects().next().unwrap()), expected);
    }

    #[rstest]
    #[case::own("{kind: ServiceAccount, name: a, namespace: prod}", 0)]
    #[case::another("{kind: ServiceAccount, name: a, namespace: default}", 1)]
    #[case::group_of_another("{kind: Group, name: 'system:serviceaccounts:default'}", 1)]
    #[case::person("{kind: User, name: eve}", 0)]
    fn a_binding_reaches_out_by_its_subjects(#[case] subject: &str, #[case] expected: usize) {
        let text = format!("{{kind: RoleBinding, metadata: {{name: a}}, subjects: [{subject}]}}");
        let manifests = Manifests::parse(&text, "test").unwrap();
        assert_eq!(foreign_subjects(manifests.objects().next().unwrap(), "prod").len(), expected);
    }

    fn installed() -> Record {
        let mut during = moment(DURING, 10, [pod("deployment/agents", "a")]);
        during.answers = [(RULES_THE_CLUSTER.to_owned(), "no".to_owned())].into();
        Record { steps: vec![step(TENANT_INSTALLED, 5)], ..record(Experiment::TenantInstall, [during]) }
    }

    #[rstest]
    #[case::works(|_record: &mut Record| {}, Holds)]
    #[case::is_refused(
        |record: &mut Record| {
            let refused = Some("clusterroles is forbidden".to_owned());
            record.steps = vec![Step { unmet: refused, ..step(TENANT_INSTALLED, 5) }];
        },
        Violated
    )]
    #[case::starts_nothing(|record: &mut Record| record.snapshots[0].pods[0].ready = false, Violated)]
    #[case::has_no_pod(|record: &mut Record| record.snapshots[0].pods.clear(), Unchecked)]
    #[case::had_more_rights_than_it_should(
        |record: &mut Record| { record.snapshots[0].answers.insert(RULES_THE_CLUSTER.into(), "yes".into()); },
        Unchecked
    )]
    fn an_installation_with_rights_in_one_namespace(#[case] change: fn(&mut Record), #[case] verdict: Verdict) {
        let mut record = installed();
        change(&mut record);
        assert_eq!(judge_live(&RENDER_12, [record]), verdict);
    }
}
