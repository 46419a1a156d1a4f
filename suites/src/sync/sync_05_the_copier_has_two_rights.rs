//! SYNC-05: the copier has two rights.
//!
//! What copies a CA between namespaces has an account that reaches into both. Whoever gets its token gets what it may
//! do: with every Secret of the database's namespace in reach, that is every password. It needs to read one Secret there
//! and to write one here, each by its name; and so does any other that copies beside the one that the subject names.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::{ACROSS, SETTLED};
use harness::feature::Feature;
use harness::graph::Workload;
use harness::manifests::Object;
use harness::record::{CopiedCa, Experiment, Records, WAYS_BEYOND, WAYS_NEEDED};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::copiers;
use super::live::copy;
use super::rights::Rights;

/// The copier has two rights.
pub const SYNC_05: Requirement = Requirement {
    id: "SYNC-05",
    title: "What copies the CA may read one Secret and write one, and nothing else",
    level: Level::Must,
    source: "S3: \"Cross-namespace access (infisical → platform-db-pg)\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::CaSync],
    experiments: &[Experiment::Install, Experiment::CopyAgain],
    decisive: &[Lane::Rendered],
    remedy: "give `get` on the source and `patch` on the target, each with resourceNames in a Role of its namespace; drop \
             ClusterRoles, pods/exec and every other rule",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for copier in copiers(subject, check) {
        let bindings = bindings(subject, copier.workload);
        let mut rights = Rights::default();
        for binding in &bindings {
            let text = |path: &str| binding.get(path).and_then(Value::as_str).unwrap_or_default();
            let (kind, name) = (text("roleRef.kind"), text("roleRef.name"));
            let mut all = subject.manifests().objects().chain(subject.companions().objects());
            let role = all.find(|object| {
                let same = object.kind() == kind && object.name() == name;
                same && (kind == "ClusterRole" || object.namespace() == binding.namespace())
            });
            match role {
                Some(role) => rights.add(role, binding, subject.subject().name()),
                None if kind == "ClusterRole" && rights.add_built_in(name, binding) => {}
                None => {
                    let hint = "the role that it gives is not in the manifests; the cluster knows its rules";
                    check.undecided(*binding, "what the copier may do", hint);
                }
            }
        }
        let excess = rights.excess(&copier);
        check.expect(&copier, "rights beyond one Secret each to read and to write", &excess[..], empty());
        if bindings.is_empty() {
            let hint = "no binding of its account is rendered; whoever gives it rights knows which";
            check.undecided(&copier, "what it may do", hint);
        }
    }
}

/// The bindings of a workload's account, in whatever namespace they stand. Companions have accounts of their own, so
/// that a name alone does not tell whose theirs are.
fn bindings<'a>(subject: &'a Rendered, workload: &Workload) -> Vec<&'a Object> {
    let account = workload.template("spec.serviceAccountName").and_then(Value::as_str).unwrap_or("default");
    // The engine renders into a namespace of the subject's name.
    let namespace = workload.object().namespace().unwrap_or(subject.subject().name());
    let of_the_account = |one: &Value| {
        let text = |field: &str| one.get(field).and_then(Value::as_str).unwrap_or_default();
        (text("kind") == "ServiceAccount" && text("name") == account).then(|| text("namespace") == namespace)
    };
    let bound = |object: &Object| -> Vec<bool> {
        let subjects = object.get("subjects").and_then(Value::as_array).into_iter().flatten();
        subjects.filter_map(of_the_account).collect()
    };
    let are_bindings = |object: &&Object| matches!(object.kind(), "RoleBinding" | "ClusterRoleBinding");
    let own = subject.manifests().objects().filter(|object| !bound(object).is_empty());
    let of_companions = subject.companions().objects().filter(|object| bound(object).contains(&true));
    own.chain(of_companions).filter(are_bindings).collect()
}

fn live(records: &Records, check: &mut Check) {
    if let Some(install) = records.of(Experiment::Install)
        && let Some(copied) = copy(install, SETTLED, check)
    {
        two_rights(copied, "", check);
    }
    // Only some charts read in a namespace that can be chosen.
    let again = records.of(Experiment::CopyAgain);
    if let Some(across) = again.and_then(|again| again.at(ACROSS).copied.as_ref()) {
        two_rights(across, " in the namespace of the source", check);
    }
}

fn two_rights(copied: &CopiedCa, place: &str, check: &mut Check) {
    // Who may do nothing at all is told nothing about.
    for way in WAYS_NEEDED.iter().filter_map(|way| copied.rights.get_key_value(*way)) {
        check.control(copied, format!("whether its copier may {}{place}", way.0), way.1, equal_to(true));
    }
    let beyond = WAYS_BEYOND.iter().filter(|way| copied.rights.get(**way) == Some(&true)).copied();
    let beyond: Vec<&str> = beyond.collect();
    if copied.rights.is_empty() {
        return check.undecided(copied, format!("what its copier may do{place}"), "the API server was not asked");
    }
    check.expect(copied, format!("what its copier may do beyond that{place}"), &beyond[..], empty());
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::SYNC_05;
    use crate::testing::{copying, judge_copier, judge_manifests};

    fn role(kind: &str, rules: &str) -> String {
        format!(
            "\n---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}, metadata: {{name: r}}, rules: {rules}}}\n---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}Binding, metadata: {{name: b}}, roleRef: {{kind: {kind}, name: r}}, subjects: [{{kind: ServiceAccount, name: default, namespace: a}}]}}"
        )
    }

    #[rstest]
    #[case::by_name("Role", "[{resources: [secrets], resourceNames: [db-ca], verbs: [get]}]", Holds)]
    #[case::by_name_and_create(
        "Role",
        "[{resources: [secrets], resourceNames: [app-ca], verbs: [get, patch]}, {resources: [secrets], verbs: [create]}]",
        Holds
    )]
    #[case::of_its_target_and_its_source(
        "Role",
        "[{resources: [secrets], resourceNames: [app-ca], verbs: [get, patch]}, {resources: [secrets], resourceNames: [db-ca], verbs: [get]}]",
        Holds
    )]
    #[case::of_other_things("Role", "[{resources: [configmaps], verbs: [get]}]", Violated)]
    #[case::to_say_what_happened("Role", "[{resources: [events], verbs: [create, patch]}]", Holds)]
    #[case::to_read_another_in_a_second_rule(
        "Role",
        "[{resources: [secrets], resourceNames: [db-ca], verbs: [get]}, {resources: [secrets], resourceNames: [db-superuser], verbs: [get]}]",
        Violated
    )]
    #[case::to_read_another("Role", "[{resources: [secrets], resourceNames: [db-superuser], verbs: [get]}]", Violated)]
    #[case::to_write_two(
        "Role",
        "[{resources: [secrets], resourceNames: [app-ca], verbs: [patch]}, {resources: [secrets], resourceNames: [app-db], verbs: [patch]}]",
        Violated
    )]
    #[case::to_start_pods("Role", "[{resources: [pods], verbs: [create]}]", Violated)]
    #[case::to_make_tokens("Role", "[{resources: [serviceaccounts/token], verbs: [create]}]", Violated)]
    #[case::to_give_rights("Role", "[{resources: [rolebindings], verbs: [create]}]", Violated)]
    #[case::of_every_secret("Role", "[{resources: [secrets], verbs: [get, patch]}]", Violated)]
    #[case::to_delete_one("Role", "[{resources: [secrets], resourceNames: [app-ca], verbs: [delete]}]", Violated)]
    #[case::of_a_shell("Role", "[{resources: [pods/exec], verbs: [create]}]", Violated)]
    #[case::of_every_namespace(
        "ClusterRole",
        "[{resources: [secrets], resourceNames: [db-ca], verbs: [get]}]",
        Violated
    )]
    fn a_copier_has_rights(#[case] kind: &str, #[case] rules: &str, #[case] verdict: Verdict) {
        let script = "kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}' | kubectl apply -f -";
        assert_eq!(judge_manifests(&SYNC_05, &format!("{}{}", copying("", script), role(kind, rules))), verdict);
    }

    #[test]
    fn the_secret_that_it_writes_is_known_by_its_script() {
        let script = "kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}' > a; kubectl create secret generic app-ca --from-file a --dry-run=client -o yaml | kubectl apply -f -";
        let of = |name: &str| {
            let rules = format!("[{{resources: [secrets], resourceNames: [{name}], verbs: [patch]}}]");
            judge_manifests(&SYNC_05, &format!("{}{}", copying("", script), role("Role", &rules)))
        };
        assert_eq!((of("app-ca"), of("app-db")), (Holds, Violated));
    }

    #[rstest]
    #[case::no_more_than_that("resourceNames: [platform-db-ca], ", Holds)]
    #[case::every_secret("", Violated)]
    fn another_copier_beside_the_declared_one_reads(#[case] names: &str, #[case] verdict: Verdict) {
        let declared = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: ca-sync}, spec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: named, containers: [{name: a, args: [copy-ca]}]}}}}}}";
        let of_the_declared = role("Role", "[{resources: [secrets], resourceNames: [platform-db-ca], verbs: [get]}]")
            .replace("name: default", "name: named")
            .replace("name: r}", "name: named}")
            .replace("metadata: {name: b}", "metadata: {name: named}");
        let other = role("Role", &format!("[{{resources: [secrets], {names}verbs: [get]}}]"));
        let script = "kubectl get secret platform-db-ca -o 'jsonpath={.data.ca\\.crt}' | kubectl apply -f -";
        let text = format!("{declared}{of_the_declared}\n---\n{}{other}", copying("", script));
        assert_eq!(judge_copier(&SYNC_05, &text), verdict);
    }

    #[test]
    fn rights_that_are_not_rendered_cannot_be_told() {
        let script = "kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}' | kubectl apply -f -";
        assert_eq!(judge_manifests(&SYNC_05, &copying("", script)), Unchecked);
    }
}
