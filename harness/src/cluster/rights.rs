//! The rights that a run needs on a cluster of somebody else's.
//!
//! One list: `rbac/existing.yaml` grants exactly it, a unit test holds the two together, and every run proves it before
//! anything is made. It does not know how rights are granted; `access` does.

use std::fmt;

/// What must be allowed on one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The API group; nothing for the core group.
    pub group: &'static str,
    /// The resource in the plural, with its subresource, `pods/log`.
    pub resource: &'static str,
    /// The one object that it is about; absent: all of them.
    pub name: Option<&'static str>,
    /// What must be allowed.
    pub verbs: &'static [&'static str],
}

impl Right {
    const fn on(group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Self {
        Self { group, resource, name: None, verbs }
    }
}

impl fmt::Display for Right {
    /// As kubectl writes a resource: `deployments.apps`, `clusterroles.rbac.authorization.k8s.io/holdfast-bench`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, subresource) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        formatter.write_str(resource)?;
        for part in [("/", subresource), (".", self.group), ("/", self.name.unwrap_or_default())] {
            if !part.1.is_empty() {
                write!(formatter, "{}{}", part.0, part.1)?;
            }
        }
        Ok(())
    }
}

/// The ClusterRole whose rights hold in the namespaces of a run and nowhere else.
pub(super) const BENCH_ROLE: &str = "holdfast-bench";

const READ: &[&str] = &["get", "list", "watch"];
/// What Helm and server-side apply do to an object: creating by an apply takes both `create` and `patch`, and Helm 4 with
/// `--wait` watches every kind that it installed.
const READ_AND_WRITE: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
const RBAC: &str = "rbac.authorization.k8s.io";

/// What a run needs on the whole cluster.
pub(super) const ON_THE_CLUSTER: &[Right] = &[
    // The namespaces of a run are named after it, so that nobody can make them beforehand.
    Right::on("", "namespaces", &["list", "create", "delete"]),
    // A dry run tells whether CloudNativePG accepts databases; nothing is kept of it.
    Right::on("postgresql.cnpg.io", "clusters", &["create"]),
];

/// What lets a run take the rights of [`IN_A_NAMESPACE`] in each namespace that it makes. Who has them in every
/// namespace does not need this.
pub(super) const TO_ENTER: &[Right] = &[
    Right::on(RBAC, "rolebindings", &["create"]),
    Right { group: RBAC, resource: "clusterroles", name: Some(BENCH_ROLE), verbs: &["get", "bind"] },
];

/// What a run needs in the namespaces that it makes: what the engine does there, and the kinds that charts bring.
pub(super) const IN_A_NAMESPACE: &[Right] = &[
    Right::on("postgresql.cnpg.io", "clusters", READ_AND_WRITE),
    // By it another instance is told to become the primary.
    Right::on("postgresql.cnpg.io", "clusters/status", &["patch"]),
    Right::on("", "pods", READ_AND_WRITE),
    Right::on("", "pods/log", &["get"]),
    // By a WebSocket, which API servers take for a get, newer ones for a create too.
    Right::on("", "pods/exec", &["get", "create"]),
    Right::on("", "pods/portforward", &["get", "create"]),
    // The writer tells its history and stamps marks over HTTP.
    Right::on("", "pods/proxy", &["get", "create"]),
    Right::on("", "events", READ),
    // Helm 3 updates the Secrets in which it keeps its releases.
    Right::on("", "secrets", &["get", "list", "watch", "create", "update", "patch", "delete"]),
    Right::on("", "configmaps", READ_AND_WRITE),
    Right::on("", "services", READ_AND_WRITE),
    // A request that must be answered, where the subject says so.
    Right::on("", "services/proxy", &["get"]),
    Right::on("", "serviceaccounts", READ_AND_WRITE),
    Right::on("", "persistentvolumeclaims", READ_AND_WRITE),
    Right::on("apps", "deployments", READ_AND_WRITE),
    Right::on("apps", "statefulsets", READ_AND_WRITE),
    Right::on("apps", "daemonsets", READ_AND_WRITE),
    Right::on("apps", "replicasets", READ),
    Right::on("batch", "jobs", READ_AND_WRITE),
    Right::on("batch", "cronjobs", READ_AND_WRITE),
    Right::on("autoscaling", "horizontalpodautoscalers", READ_AND_WRITE),
    Right::on("policy", "poddisruptionbudgets", READ_AND_WRITE),
    Right::on("networking.k8s.io", "networkpolicies", READ_AND_WRITE),
    Right::on("networking.k8s.io", "ingresses", READ_AND_WRITE),
    // What the accounts of the subject's pods may do.
    Right::on("authorization.k8s.io", "localsubjectaccessreviews", &["create"]),
    Right::on(RBAC, "roles", READ_AND_WRITE),
    Right::on(RBAC, "rolebindings", READ_AND_WRITE),
];

/// The manifest that grants these rights and no others, for `kubectl apply`.
pub const MANIFEST: &str = include_str!("../../rbac/existing.yaml");

/// A rule of a Role, as far as it grants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) groups: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) verbs: Vec<String>,
}

impl Rule {
    fn allows(&self, right: &Right, verb: &str) -> bool {
        let among = |list: &[String], wanted: &str| list.iter().any(|one| one == wanted || one == "*");
        let named = match right.name {
            _ if self.names.is_empty() => true,
            Some(name) => self.names.iter().any(|one| one == name),
            None => false,
        };
        named && among(&self.groups, right.group) && among(&self.resources, right.resource) && among(&self.verbs, verb)
    }
}

/// What is missing of a right, `pods/exec: get, create`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The right.
    pub right: Right,
    /// The verbs that are not allowed.
    pub verbs: Vec<&'static str>,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.right, self.verbs.join(", "))
    }
}

/// What of the rights is not among the answers, in the order of the rights.
pub(super) fn missing(rights: &[Right], allowed: impl Fn(&Right, &str) -> bool) -> Vec<Missing> {
    let missing = rights.iter().map(|right| Missing {
        right: *right,
        verbs: right.verbs.iter().copied().filter(|verb| !allowed(right, verb)).collect(),
    });
    missing.filter(|one| !one.verbs.is_empty()).collect()
}

/// What of the rights no rule grants.
pub(super) fn ungranted(rights: &[Right], rules: &[Rule]) -> Vec<Missing> {
    missing(rights, |right, verb| rules.iter().any(|rule| rule.allows(right, verb)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;
    use serde_json::Value;

    use super::{BENCH_ROLE, IN_A_NAMESPACE, MANIFEST, ON_THE_CLUSTER, Right, Rule, TO_ENTER, ungranted};
    use crate::manifests::Manifests;

    /// Group, resource, name and verb of everything that a ClusterRole of the manifest grants.
    fn granted(role: &str) -> BTreeSet<[String; 4]> {
        let manifests = Manifests::parse(MANIFEST, "existing.yaml").unwrap();
        let role = manifests.find("ClusterRole", role).unwrap();
        let list = |rule: &Value, key: &str| -> Vec<String> {
            rule[key].as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        let mut granted = BTreeSet::new();
        for rule in role.pointer("/rules").unwrap().as_array().unwrap() {
            let mut names = list(rule, "resourceNames");
            if names.is_empty() {
                names.push(String::new());
            }
            for group in list(rule, "apiGroups") {
                for resource in list(rule, "resources") {
                    for name in &names {
                        let verbs = list(rule, "verbs").into_iter();
                        granted.extend(verbs.map(|verb| [group.clone(), resource.clone(), name.clone(), verb]));
                    }
                }
            }
        }
        granted
    }

    fn needed<'a>(rights: impl IntoIterator<Item = &'a Right>) -> BTreeSet<[String; 4]> {
        let verbs = |right: &'a Right| right.verbs.iter().map(move |verb| (right, verb));
        let named = |(right, verb): (&Right, &&str)| {
            [right.group, right.resource, right.name.unwrap_or_default(), verb].map(str::to_owned)
        };
        rights.into_iter().flat_map(verbs).map(named).collect()
    }

    #[test]
    fn the_manifest_grants_exactly_what_is_proven() {
        assert_eq!(granted("holdfast"), needed(ON_THE_CLUSTER.iter().chain(TO_ENTER)));
        assert_eq!(granted(BENCH_ROLE), needed(IN_A_NAMESPACE));
    }

    #[test]
    fn nothing_is_granted_by_an_asterisk() {
        let all = granted("holdfast").into_iter().chain(granted(BENCH_ROLE));
        assert_eq!(all.flatten().find(|word| word.contains('*')), None);
    }

    #[rstest]
    #[case::of_the_core_group(Right::on("", "pods", &[]), "pods")]
    #[case::of_another_group(Right::on("apps", "deployments", &[]), "deployments.apps")]
    #[case::a_subresource(Right::on("", "pods/log", &[]), "pods/log")]
    #[case::one_object(TO_ENTER[1], "clusterroles.rbac.authorization.k8s.io/holdfast-bench")]
    fn a_right_is_written_as_kubectl_does(#[case] right: Right, #[case] expected: &str) {
        assert_eq!(right.to_string(), expected);
    }

    fn rule(groups: &[&str], resources: &[&str], names: &[&str], verbs: &[&str]) -> Rule {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Rule { groups: owned(groups), resources: owned(resources), names: owned(names), verbs: owned(verbs) }
    }

    #[rstest]
    #[case::nothing(&[], &["pods/exec: get, create"])]
    #[case::one_verb(&[rule(&[""], &["pods/exec"], &[], &["get"])], &["pods/exec: create"])]
    #[case::both_by_two_rules(
        &[rule(&[""], &["pods/exec"], &[], &["get"]), rule(&[""], &["pods/exec"], &[], &["create"])], &[])]
    #[case::everything(&[rule(&["*"], &["*"], &[], &["*"])], &[])]
    #[case::another_group(&[rule(&["apps"], &["*"], &[], &["*"])], &["pods/exec: get, create"])]
    #[case::only_one_object(&[rule(&[""], &["*"], &["mine"], &["*"])], &["pods/exec: get, create"])]
    fn what_no_rule_grants_is_told_by_verb(#[case] rules: &[Rule], #[case] expected: &[&str]) {
        let right = Right::on("", "pods/exec", &["get", "create"]);
        let missing: Vec<String> = ungranted(&[right], rules).iter().map(ToString::to_string).collect();
        assert_eq!(missing, expected);
    }

    #[test]
    fn a_right_on_one_object_is_granted_by_its_name() {
        let bind = rule(&["rbac.authorization.k8s.io"], &["clusterroles"], &[BENCH_ROLE], &["get", "bind"]);
        assert_eq!(ungranted(&TO_ENTER[1..], &[bind]), []);
        let other = rule(&["rbac.authorization.k8s.io"], &["clusterroles"], &["admin"], &["get", "bind"]);
        assert_eq!(ungranted(&TO_ENTER[1..], &[other]).len(), 1);
    }
}
