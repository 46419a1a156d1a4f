//! ROT-02: the operator sees the Secret change.
//!
//! CloudNativePG looks at a Secret that it does not own only if it carries the label `cnpg.io/reload`, whatever its
//! value; as an annotation it does nothing, and the change is taken up hours later or never. What the operator makes
//! itself it sees without a label, so where there is nothing else there is nothing to look at. A hook that makes a
//! Secret has to say its label; where it does not say it in the manifests, only the cluster tells. To wait for a change
//! would be a matter of luck, because anything else that touches the Cluster applies it too; so the live lane looks as
//! well, also at a Secret that no manifest shows.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::RefKind;
use harness::graph::cnpg::{self, Cluster};
use harness::manifests::Object;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

/// The operator sees the Secret change.
pub const ROT_02: Requirement = Requirement {
    id: "ROT-02",
    title: "The operator sees the Secret change",
    level: Level::Must,
    source: "S1: \"Detects the Secret change\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "label the Secret with cnpg.io/reload and give it the keys username and password",
    rendered: Some(rendered),
    live: Some(live),
};

const RELOAD: &str = "cnpg.io/reload";

fn rendered(subject: &Rendered, check: &mut Check) {
    let manifests = [subject.companions(), subject.manifests()];
    let hooks = &subject.rendering().surroundings().hooks;
    let clusters: Vec<Cluster> = manifests.iter().flat_map(|manifests| Cluster::all(manifests)).collect();
    for cluster in &clusters {
        for (role, secret) in cnpg::consumed_secrets(&manifests, cluster) {
            let place = || Place::object(format!("secret/{secret}")).field(format!("role {role}"));
            let object = manifests.iter().find_map(|manifests| manifests.find("Secret", &secret));
            match object {
                Some(object) => expect_seen(object, check),
                None if expect_seen_by_its_maker(subject, &secret, check) => {}
                None if hooks.contains(&format!("secret/{secret}")) => match said_by_a_hook(subject, &secret) {
                    Some(hook) => {
                        check.expect(
                            hook.at("spec"),
                            format!("{LABEL}, of Secret {secret}"),
                            &"said",
                            equal_to("said"),
                        );
                    }
                    None => check.undecided(place(), LABEL, MADE_THERE),
                },
                None => check.undecided(place(), LABEL, UNSEEN),
            }
        }
    }
    if !clusters.is_empty() {
        // It owns them, and an owner sees every change.
        check.not_applicable("the operator reads no password from a Secret that it does not make itself");
    }
}

/// The hook that makes a Secret, where it says name and label in what it runs or brings.
fn said_by_a_hook<'a>(subject: &'a Rendered, secret: &str) -> Option<&'a Object> {
    let says = |object: &&Object| {
        let text = object.value().to_string();
        text.contains(secret) && text.contains(RELOAD)
    };
    subject.manifests().objects().filter(|object| !object.hooks().is_empty()).find(says)
}

fn expect_seen(secret: &Object, check: &mut Check) {
    let label = if secret.label(RELOAD).is_some() { "there" } else { "missing" };
    check.expect(secret.at("metadata.labels"), "the label cnpg.io/reload", &label, equal_to("there"));
    for key in ["username", "password"] {
        let held = ["data", "stringData"].iter().any(|field| secret.get(&format!("{field}.{key}")).is_some());
        let held = if held { "there" } else { "missing" };
        check.expect(secret.at("data"), format!("the key {key}"), &held, equal_to("there"));
    }
}

/// What an operator makes of an object: whether there is one that makes the Secret.
fn expect_seen_by_its_maker(subject: &Rendered, secret: &str, check: &mut Check) -> bool {
    let objects = subject.companions().objects().chain(subject.manifests().objects());
    let mut makers = objects.filter_map(|object| Some((object, template_of(object, secret)?)));
    let Some((maker, template)) = makers.next() else { return false };
    // Without a template, an ExternalSecret hands on its own labels; a SealedSecret hands on none.
    let labels = match (maker.get(template), maker.kind()) {
        (None, "ExternalSecret") => "metadata.labels".to_owned(),
        _ => format!("{template}.metadata.labels"),
    };
    let held = maker.get(&labels).and_then(Value::as_object).is_some_and(|labels| labels.contains_key(RELOAD));
    let label = if held { "there" } else { "missing" };
    check.expect(maker.at(&labels), "the label cnpg.io/reload", &label, equal_to("there"));
    let keys = subject.graph().store().keys(RefKind::Secret, secret);
    for key in ["username", "password"] {
        match &keys {
            Some(keys) => {
                let held = if keys.iter().any(|held| held == key) { "there" } else { "missing" };
                check.expect(maker.at("spec"), format!("the key {key}"), &held, equal_to("there"));
            }
            None => check.undecided(maker, format!("the key {key}"), "the store tells, from which it takes all keys"),
        }
    }
    true
}

/// Where an object says how the Secret looks that is made of it; `None`: it makes another one.
fn template_of(object: &Object, secret: &str) -> Option<&'static str> {
    let (named, template) = match object.kind() {
        "ExternalSecret" => ("spec.target.name", "spec.target.template"),
        "SealedSecret" => ("spec.template.metadata.name", "spec.template"),
        _ => return None,
    };
    let name = object.get(named).and_then(Value::as_str).unwrap_or(object.name());
    (name == secret).then_some(template)
}

fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    for credential in &installed.at(SETTLED).authority {
        let owned = credential.owners.iter().any(|owner| owner.starts_with("Cluster/"));
        let labelled = credential.labels.iter().any(|label| label == RELOAD);
        let seen = if owned || labelled { "seen" } else { "not seen" };
        check.expect(credential, "its changes, by the operator", &seen, equal_to("seen"));
        let named = if credential.username.is_some() { "there" } else { "missing" };
        check.expect(credential, "its user name", &named, equal_to("there"));
    }
}

const LABEL: &str = "its label cnpg.io/reload";
const MADE_THERE: &str = "a hook of the release makes the Secret on the cluster, where it is judged";
const UNSEEN: &str = "no manifest has this Secret; render what makes it, or look at it on the cluster";

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::ROT_02;
    use crate::testing::{judge_as, judge_manifests};

    const CLUSTER: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {managed: {roles: [{name: shop, passwordSecret: {name: shop-auth}}]}}}";
    const KEYS: &str = "data: [{secretKey: username}, {secretKey: password}]";
    const LABEL: &str = "labels: {cnpg.io/reload: 'true'}";

    fn judge(kind: &str, labels: &str, spec: &str) -> Verdict {
        let metadata = format!("metadata: {{name: shop-auth, {labels}}}");
        judge_manifests(
            &ROT_02,
            &format!("{CLUSTER}\n---\n{{apiVersion: x/v1, kind: {kind}, {metadata}, spec: {{{spec}}}}}"),
        )
    }

    #[rstest]
    #[case::labels_it("", &format!("target: {{template: {{metadata: {{{LABEL}}}}}}}, {KEYS}"), Holds)]
    #[case::has_a_template_without_the_label(LABEL, &format!("target: {{template: {{type: Opaque}}}}, {KEYS}"), Violated)]
    #[case::hands_on_its_own_label(LABEL, KEYS, Holds)]
    #[case::has_no_label("", KEYS, Violated)]
    #[case::annotates_it(
        "",
        &format!("target: {{template: {{metadata: {{annotations: {{cnpg.io/reload: 'true'}}}}}}}}, {KEYS}"),
        Violated
    )]
    #[case::gives_no_user_name(LABEL, "data: [{secretKey: password}]", Violated)]
    #[case::takes_whatever_there_is(LABEL, "dataFrom: [{extract: {key: shop}}]", Unchecked)]
    #[case::makes_another_secret(LABEL, &format!("target: {{name: other}}, {KEYS}"), Unchecked)]
    fn an_external_secret(#[case] labels: &str, #[case] spec: &str, #[case] verdict: Verdict) {
        assert_eq!(judge("ExternalSecret", labels, spec), verdict);
    }

    #[rstest]
    #[case::labels_it("template: {metadata: {labels: {cnpg.io/reload: ''}}}", Holds)]
    #[case::has_no_label("template: {type: Opaque}", Violated)]
    fn a_sealed_secret(#[case] template: &str, #[case] verdict: Verdict) {
        let sealed = "encryptedData: {username: x, password: y}";
        assert_eq!(judge("SealedSecret", LABEL, &format!("{sealed}, {template}")), verdict);
    }

    #[rstest]
    #[case::and_its_label("infisical-db-credentials, cnpg.io/reload", Holds)]
    #[case::without_its_label("infisical-db-credentials", Unchecked)]
    #[case::of_another_one("other, cnpg.io/reload", Unchecked)]
    fn a_hook_says_the_name(#[case] said: &str, #[case] verdict: Verdict) {
        let job = format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: make, annotations: {{helm.sh/hook: pre-install}}}}, spec: {{template: {{spec: {{containers: [{{name: a, args: ['{said}']}}]}}}}}}}}"
        );
        assert_eq!(judge_as("infisical", &ROT_02, &job), verdict);
    }

    #[rstest]
    #[case::the_operator("agents", NotApplicable)]
    #[case::a_hook_of_the_release("infisical", Unchecked)]
    fn a_secret_that_no_manifest_shows_is_made_by(#[case] subject: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_as(subject, &ROT_02, "{apiVersion: v1, kind: Namespace, metadata: {name: a}}"), verdict);
    }
}
