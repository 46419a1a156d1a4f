//! ROT-02: the operator sees the Secret change.
//!
//! CloudNativePG looks at a Secret that it does not own only if it carries the label `cnpg.io/reload`, whatever its
//! value; as an annotation it does nothing, and the change is taken up hours later or never. To wait for a change would
//! be a matter of luck, because anything else that touches the Cluster applies it too; so the live lane looks as well.

use harness::check::Check;
use harness::expectation::{equal_to, one_of};
use harness::experiment::{Experiment, Records, SETTLED};
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::cnpg::{self, Cluster};
use harness::manifests::Object;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

/// The operator sees the Secret change.
pub const ROT_02: Requirement = Requirement {
    id: "ROT-02",
    title: "The operator sees the Secret change",
    level: Level::Must,
    source: "S1: \"Detects the Secret change\"",
    since: "1.0",
    revision: 1,
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
    for cluster in manifests.iter().flat_map(|manifests| Cluster::all(manifests)) {
        if cluster.app_secret.is_none() {
            // The operator's own: it owns the Secret, and an owner sees every change.
            let place = Place::object(format!("secret/{}", cluster.app_secret()));
            check.expect(place, "who makes it", &"the operator", one_of(&["the operator"]));
        }
        for (role, secret) in cnpg::consumed_secrets(&manifests, &cluster) {
            let place = || Place::object(format!("secret/{secret}")).field(format!("role {role}"));
            let object = manifests.iter().find_map(|manifests| manifests.find("Secret", &secret));
            match object {
                Some(object) => expect_seen(object, check),
                None if hooks.contains(&format!("secret/{secret}")) => check.not_applicable(MADE_THERE),
                None => check.undecided(place(), "its label cnpg.io/reload", UNSEEN),
            }
        }
    }
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

const MADE_THERE: &str = "a hook of the release makes the Secret on the cluster, where it is judged";
const UNSEEN: &str = "no manifest has this Secret; render what makes it, or look at it on the cluster";
