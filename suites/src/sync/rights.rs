//! What an account may do, held against what its copier needs: one Secret to read, and one to write.
//!
//! Rules are collected over all roles that are bound to it, for two rules of one Secret each are two Secrets.

use std::collections::BTreeMap;

use harness::manifests::Object;
use serde_json::Value;

use super::Copier;
use super::kubectl::Call;

/// What may be asked of a Secret by its name.
const BY_NAME: &[&str] = &["get", "watch", "patch", "update"];

/// What opens nothing: to say what happened, to take turns, to ask what one may do oneself.
const HARMLESS: &[&str] =
    &["events", "leases", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];

/// Roles of Kubernetes that read and write every Secret of a namespace, or more.
const BUILT_IN: &[&str] = &["cluster-admin", "admin", "edit"];

/// A Secret, by its namespace and its name.
type Secret = (String, String);

/// The rights of an account.
#[derive(Default)]
pub(super) struct Rights {
    /// The Secrets that it may read by their names, and the rules that say so.
    reads: BTreeMap<Secret, String>,
    /// The Secrets that it may change by their names, and the rules that say so.
    writes: BTreeMap<Secret, String>,
    /// What goes beyond Secrets by their names.
    beyond: Vec<String>,
}

impl Rights {
    /// Adds what a role gives through a binding, in a namespace where the binding names none.
    pub(super) fn add(&mut self, role: &Object, binding: &Object, namespace: &str) {
        let everywhere = binding.kind() == "ClusterRoleBinding";
        let namespace = binding.namespace().unwrap_or(namespace);
        let rules = role.get("rules").and_then(Value::as_array).into_iter().flatten();
        for (index, rule) in rules.enumerate() {
            let at = role.at(&format!("rules[{index}]")).to_string();
            let listed = |field: &str| -> Vec<&str> {
                rule.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
            };
            let (resources, verbs, names) = (listed("resources"), listed("verbs"), listed("resourceNames"));
            let others: Vec<&str> =
                resources.iter().filter(|one| **one != "secrets" && !HARMLESS.contains(one)).copied().collect();
            if !others.is_empty() {
                self.beyond.push(format!("{} on {}, {at}", verbs.join(", "), others.join(", ")));
            }
            if !resources.contains(&"secrets") {
                continue;
            }
            match of_secrets(&verbs, &names, everywhere) {
                Some(what) => self.beyond.push(format!("{what}, {at}")),
                None => self.name(&verbs, &names, namespace, &at),
            }
        }
    }

    /// Adds a role that is not in the manifests, if Kubernetes itself says what it gives.
    pub(super) fn add_built_in(&mut self, name: &str, binding: &Object) -> bool {
        let known = BUILT_IN.contains(&name);
        if known {
            self.beyond.push(format!("all of the role {name} of Kubernetes, {}", binding.reference()));
        }
        known
    }

    fn name(&mut self, verbs: &[&str], names: &[&str], namespace: &str, at: &str) {
        let may = |wanted: [&str; 2]| verbs.iter().any(|verb| wanted.contains(verb));
        for name in names {
            let secret = (namespace.to_owned(), (*name).to_owned());
            if may(["get", "watch"]) {
                self.reads.insert(secret.clone(), at.to_owned());
            }
            if may(["patch", "update"]) {
                self.writes.insert(secret, at.to_owned());
            }
        }
    }

    /// What it may do and its copier has no use for, as far as that is known. The copy itself may be read, too.
    pub(super) fn excess(self, copier: &Copier) -> Vec<String> {
        let targets = targets(copier);
        let is_target = |secret: &Secret| targets.as_ref().is_some_and(|targets| targets.contains(&secret.1));
        let read: BTreeMap<&Secret, &String> =
            self.reads.iter().filter(|(secret, _)| !self.writes.contains_key(*secret) && !is_target(secret)).collect();
        let written: BTreeMap<&Secret, &String> = self.writes.iter().collect();
        let mut excess = self.beyond.clone();
        excess.extend(too_many("read", &read, sources(copier).as_deref()));
        excess.extend(too_many("write", &written, targets.as_deref()));
        excess
    }
}

/// What a rule about Secrets gives beyond some of them by their names.
fn of_secrets(verbs: &[&str], names: &[&str], everywhere: bool) -> Option<String> {
    let verbs_joined = verbs.join(", ");
    if everywhere {
        Some(format!("{verbs_joined} on secrets of every namespace"))
    } else if verbs == ["create"] {
        // A right to create cannot be bound to a name.
        None
    } else if names.is_empty() {
        Some(format!("{verbs_joined} on every Secret"))
    } else if verbs.iter().any(|verb| !BY_NAME.contains(verb)) {
        Some(format!("{verbs_joined} on Secret {}", names.join(", ")))
    } else {
        None
    }
}

/// All of several Secrets where one is enough; one that is not the one that it needs, where that is known.
fn too_many(verb: &str, secrets: &BTreeMap<&Secret, &String>, needed: Option<&[String]>) -> Vec<String> {
    let told = |((_, name), at): (&&Secret, &&String)| format!("to {verb} Secret {name}, {at}");
    let is_needed = |secret: &Secret| needed.is_none_or(|needed| needed.contains(&secret.1));
    let strangers: Vec<String> =
        secrets.iter().filter(|(secret, _)| !is_needed(secret)).map(|(secret, at)| told((secret, at))).collect();
    if strangers.is_empty() && secrets.len() > 1 {
        return vec![secrets.iter().map(|(secret, at)| told((secret, at))).collect::<Vec<_>>().join(" and ")];
    }
    strangers
}

/// The names of the Secrets that it copies from. `None`: not all of them are known.
fn sources(copier: &Copier) -> Option<Vec<String>> {
    if let Some(source) = copier.source() {
        return Some(vec![source.secret.clone()]);
    }
    let names: Vec<String> =
        copier.reads().filter(|call| call.verb == "get").map(|call| call.name.clone()).collect::<Option<_>>()?;
    (!names.is_empty()).then_some(names)
}

/// The names of the Secrets that it copies into. `None`: not all of them are known.
fn targets(copier: &Copier) -> Option<Vec<String>> {
    if let Some(plan) = copier.declared {
        return Some(vec![plan.target.secret.clone()]);
    }
    let writes: Vec<&Call> = copier.calls.iter().filter(|call| call.writes()).collect();
    // What one call prints with a name the next one writes.
    let is_told = |call: &&Call| {
        call.name.is_some()
            || writes
                .iter()
                .any(|other| other.name.is_some() && (other.script, other.pipeline) == (call.script, call.pipeline))
    };
    let all = !writes.is_empty() && writes.iter().all(is_told);
    all.then(|| writes.iter().filter_map(|call| call.name.clone()).collect())
}
