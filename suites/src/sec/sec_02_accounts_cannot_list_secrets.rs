//! SEC-02: accounts cannot list Secrets.
//!
//! Whoever breaks into a pod finds the token of its service account. If that account may list Secrets, one weak service
//! gives away the credentials of all. A rule with `resourceNames` gives away those that it names: `list` and `watch` are
//! then allowed for one name at a time, as informers of one object ask. Rights come to an account by its name, by its
//! user name, and by the groups that it is in. Kubernetes mounts the token unless it is told not to, so a pod that has no
//! use for it carries it by mistake.

use harness::check::Check;
use harness::expectation::{empty, equal_to};
use harness::experiment::SETTLED;
use harness::finding::Locate as _;
use harness::graph::Workload;
use harness::manifests::Object;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

/// Accounts cannot list Secrets.
pub const SEC_02: Requirement = Requirement {
    id: "SEC-02",
    title: "Accounts of pods cannot list Secrets, and their token is mounted only where it is used",
    level: Level::Must,
    source: "S1: \"Grant the app's role only the minimum required privileges\"; S3: RBAC",
    since: "1.0",
    revision: 3,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered],
    remedy: "set automountServiceAccountToken: false, and give no rule `list` or `watch` on secrets; name the one Secret \
             that must be read in resourceNames",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for workload in subject.workloads() {
        let account = account(workload);
        let bindings = bindings(subject, account);
        let mut listing: Vec<String> = Vec::new();
        for binding in &bindings {
            match rules(subject, binding) {
                Some(Rules::Of(role)) => {
                    listing.extend(lists_secrets(role).then(|| format!("{} by {}", role.place(), binding.reference())));
                }
                Some(Rules::BuiltIn(name)) => listing.push(format!("{name} by {}", binding.reference())),
                Some(Rules::Harmless) => {}
                None => {
                    let hint = "the role that it gives is not in the manifests; the cluster knows its rules";
                    check.undecided(*binding, format!("what account {account} may do"), hint);
                }
            }
        }
        check.expect(workload, format!("rules by which account {account} lists Secrets"), &listing[..], empty());
        let unused = bindings.is_empty() && is_mounted(subject, workload, account);
        let state = if unused { "mounted, without rights to use it for" } else { FITTING };
        check.expect(workload.template_at("spec"), "the token of its account", &state, equal_to(FITTING));
    }
    if subject.workloads().is_empty() {
        check.not_applicable("nothing that is rendered makes pods");
    }
}

const FITTING: &str = "mounted only where it is used";

fn account(workload: &Workload) -> &str {
    workload.template("spec.serviceAccountName").and_then(Value::as_str).unwrap_or("default")
}

/// The pod's own word, then the account's, then Kubernetes' default.
fn is_mounted(subject: &Rendered, workload: &Workload, account: &str) -> bool {
    let own = workload.template("spec.automountServiceAccountToken").and_then(Value::as_bool);
    let object = subject.manifests().find("ServiceAccount", account);
    let accounts = || object.and_then(|object| object.get("automountServiceAccountToken")?.as_bool());
    own.or_else(accounts).unwrap_or(true)
}

/// Groups that the API server puts every service account into.
const EVERY_ACCOUNT: &[&str] = &["system:serviceaccounts", "system:authenticated"];

/// The bindings that give an account of this namespace something.
fn bindings<'a>(subject: &'a Rendered, account: &str) -> Vec<&'a Object> {
    let namespace = subject.subject().name();
    let names = |object: &&Object| {
        let subjects = object.get("subjects").and_then(Value::as_array).into_iter().flatten();
        subjects.into_iter().any(|one| {
            let text = |field: &str| one.get(field).and_then(Value::as_str).unwrap_or_default();
            let here = ["", namespace].contains(&text("namespace"));
            match text("kind") {
                "ServiceAccount" => text("name") == account && here,
                "User" => text("name") == format!("system:serviceaccount:{namespace}:{account}"),
                "Group" => {
                    let group = text("name");
                    EVERY_ACCOUNT.contains(&group) || group == format!("system:serviceaccounts:{namespace}")
                }
                _ => false,
            }
        })
    };
    let manifests = subject.manifests();
    manifests.of_kind("RoleBinding").chain(manifests.of_kind("ClusterRoleBinding")).filter(names).collect()
}

enum Rules<'a> {
    /// A role of the manifests.
    Of(&'a Object),
    /// A role of Kubernetes that reads every Secret.
    BuiltIn(String),
    /// A role of Kubernetes that reads none.
    Harmless,
}

fn rules<'a>(subject: &'a Rendered, binding: &Object) -> Option<Rules<'a>> {
    let text = |path: &str| binding.get(path).and_then(Value::as_str);
    let (kind, name) = (text("roleRef.kind")?, text("roleRef.name")?);
    if let Some(role) = subject.manifests().find(kind, name) {
        return Some(Rules::Of(role));
    }
    match name {
        "cluster-admin" | "admin" | "edit" => Some(Rules::BuiltIn(format!("the role {name} of Kubernetes"))),
        "view" | "system:auth-delegator" => Some(Rules::Harmless),
        _ => None,
    }
}

fn lists_secrets(role: &Object) -> bool {
    let rules = role.get("rules").and_then(Value::as_array).into_iter().flatten();
    rules.into_iter().any(|rule| {
        let has = |field: &str, words: &[&str]| {
            let listed = rule.get(field).and_then(Value::as_array).into_iter().flatten();
            listed.filter_map(Value::as_str).any(|word| words.contains(&word))
        };
        // With names, whoever asks for the whole list is refused.
        let names_some = rule.get("resourceNames").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
        !names_some
            && has("apiGroups", &["", "*"])
            && has("resources", &["secrets", "*"])
            && has("verbs", &["list", "watch", "*"])
    })
}

fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    for account in &installed.at(SETTLED).accounts {
        let listing = if account.lists_secrets { "may" } else { "may not" };
        check.expect(account, "whether it may list Secrets", &listing, equal_to("may not"));
    }
}

#[cfg(test)]
mod tests {
    use harness::record::Account;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::{Experiment, SEC_02, SETTLED};
    use crate::testing::{judge_live, judge_manifests, moment, record};

    fn pod(spec: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{{spec} containers: [{{name: a}}]}}}}\n---\n"
        )
    }

    #[rstest]
    #[case::not_mounted("automountServiceAccountToken: false,", Holds)]
    #[case::mounted_for_nothing("", Violated)]
    fn a_token(#[case] spec: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_manifests(&SEC_02, &pod(spec)), verdict);
    }

    #[rstest]
    #[case::of_other_things("[{apiGroups: [batch], resources: [jobs], verbs: [list]}]", Holds)]
    #[case::to_create_secrets("[{apiGroups: [''], resources: [secrets], verbs: [create]}]", Holds)]
    #[case::to_read_one("[{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}]", Holds)]
    #[case::to_list_and_watch_one(
        "[{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get, list, watch]}]",
        Holds
    )]
    #[case::to_list_secrets("[{apiGroups: [''], resources: [secrets], verbs: [get, list]}]", Violated)]
    #[case::to_list_secrets_where_no_name_is_given(
        "[{apiGroups: [''], resources: [secrets], resourceNames: [], verbs: [list]}]",
        Violated
    )]
    #[case::to_do_everything("[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]", Violated)]
    fn a_right(#[case] rules: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{}{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: r}}, rules: {rules}}}\n---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: b}}, roleRef: {{kind: Role, name: r}}, subjects: [{{kind: ServiceAccount, name: x}}]}}",
            pod("serviceAccountName: x,")
        );
        assert_eq!(judge_manifests(&SEC_02, &text), verdict);
    }

    #[rstest]
    #[case::of_kubernetes_that_reads_secrets("edit", Violated)]
    #[case::of_kubernetes_that_does_not("view", Holds)]
    #[case::that_only_the_cluster_knows("robot", Unchecked)]
    fn a_role(#[case] name: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{}{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: b}}, roleRef: {{kind: ClusterRole, name: {name}}}, subjects: [{{kind: ServiceAccount, name: default}}]}}",
            pod("")
        );
        assert_eq!(judge_manifests(&SEC_02, &text), verdict);
    }

    #[rstest]
    #[case::its_name("kind: ServiceAccount, name: default", Violated)]
    #[case::its_name_in_another_namespace("kind: ServiceAccount, name: default, namespace: other", Holds)]
    #[case::its_user_name("kind: User, name: 'system:serviceaccount:test:default'", Violated)]
    #[case::a_user_of_another_namespace("kind: User, name: 'system:serviceaccount:other:default'", Holds)]
    #[case::the_accounts_of_its_namespace("kind: Group, name: 'system:serviceaccounts:test'", Violated)]
    #[case::the_accounts_of_another("kind: Group, name: 'system:serviceaccounts:other'", Holds)]
    #[case::all_accounts("kind: Group, name: 'system:serviceaccounts'", Violated)]
    #[case::whoever_has_logged_in("kind: Group, name: 'system:authenticated'", Violated)]
    #[case::a_group_of_people("kind: Group, name: developers", Holds)]
    fn an_account_is_bound_by(#[case] bound: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{}{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: b}}, roleRef: {{kind: ClusterRole, name: edit}}, subjects: [{{{bound}}}]}}",
            pod("automountServiceAccountToken: false,")
        );
        assert_eq!(judge_manifests(&SEC_02, &text), verdict);
    }

    #[test]
    fn without_pods_there_is_no_account() {
        assert_eq!(judge_manifests(&SEC_02, "{apiVersion: v1, kind: Namespace, metadata: {name: a}}"), NotApplicable);
    }

    #[rstest]
    #[case::may_not(false, Holds)]
    #[case::may(true, Violated)]
    fn an_account_that_stands(#[case] lists_secrets: bool, #[case] verdict: Verdict) {
        let mut seen = moment(SETTLED, 0, []);
        seen.accounts = vec![Account { name: "a".into(), lists_secrets }];
        assert_eq!(judge_live(&SEC_02, [record(Experiment::Install, [seen])]), verdict);
    }
}
