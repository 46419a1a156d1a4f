//! KEY-06: keys come from a Secret, a change rolls the server, and clients may follow later.
//!
//! A key in a pod's manifest is readable by everybody who may look at pods. A key in a Secret that no pod template
//! mentions is never read again. And where server and agents take the same key from the same place, both change in the
//! same instant, which no two processes do.

use harness::check::Check;
use harness::expectation::{empty, equal_to, one_of, that};
use harness::experiment::NEW_KEY;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{RefKind, Workload};
use harness::manifests::Object;
use harness::record::{AFTER, Asked, BEFORE, DURING, Experiment, PodState, Records, Snapshot};
use harness::rendered::{Change, Rendered, Rendering};
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::ApiKeys;

use super::live::{control_asked, control_rotated};
use super::{FIRST, SECOND, brings_the_list, plan, servers};
use crate::trigger::reloads;

/// Keys come from a Secret, a change rolls the server, and clients may follow later.
pub const KEY_06: Requirement = Requirement {
    id: "KEY-06",
    title: "Keys come from a Secret, a change rolls the server, and clients may follow later",
    level: Level::Must,
    source: "S4: \"Roll your agents / clients over\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::ApiKeys],
    experiments: &[Experiment::RotateApiKey],
    decisive: &[Lane::Rendered],
    remedy: "take the list from a Secret, put a checksum of it into the server's pod template, and give the clients a \
             key of their own",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = plan(subject, check) else { return };
    let one = Change::set(plan.value.as_str(), FIRST);
    let other = Change::set(plan.value.as_str(), SECOND);
    let renderings: Vec<Rendering> = subject
        .many(vec![one, other], check)
        .into_iter()
        .filter_map(|(_, attempt)| attempt.rendering().cloned())
        .collect();
    let [one, other] = renderings.as_slice() else {
        return check.undecided(Place::object("values").field(&plan.value), "another key", "Helm refuses it");
    };
    let open: Vec<String> = in_the_open(one);
    check.expect(Place::object("manifests"), "objects that hold the key and are no Secret", &open[..], empty());
    for server in servers(one, plan, check) {
        let brought = server.references().iter().filter(|reference| brings_the_list(reference, plan)).count();
        check.expect(server, "references to the Secret", &brought, that("at least one", |count: &usize| *count > 0));
        let now = other.workloads().iter().find(|workload| workload.reference() == server.reference());
        check.expect(server, "what a new list does to the pods", &trigger(server, now, &plan.secret), equal_to(ROLLS));
    }
    for name in &plan.clients {
        let Some(client) = one.workloads().iter().find(|workload| workload.reference() == *name) else {
            check.undecided(Place::object(name), "its key", "it is not rendered; correct `apiKeys.clients`");
            continue;
        };
        check.expect(client, "where its key comes from", &source(client, plan), equal_to(OWN));
    }
}

const ROLLS: &str = "rolls them";
const OWN: &str = "a Secret key of its own";

/// Objects that show a key to whoever may read them.
fn in_the_open(rendering: &Rendering) -> Vec<String> {
    let shows = |object: &&Object| object.kind() != "Secret" && object.value().to_string().contains(FIRST);
    rendering.manifests().objects().filter(shows).map(Object::reference).collect()
}

fn trigger(server: &Workload, now: Option<&Workload>, secret: &str) -> &'static str {
    let template = |workload: &Workload| workload.template("metadata.annotations").cloned();
    let mut all = server.pod_annotations().chain(server.object().annotations());
    if now.is_some_and(|now| template(now) != template(server)) || all.any(|(name, value)| reloads(name, value, secret))
    {
        ROLLS
    } else {
        "nothing: they keep the list with which they started"
    }
}

fn source(client: &Workload, plan: &ApiKeys) -> &'static str {
    let secrets: Vec<_> =
        client.references().into_iter().filter(|reference| reference.kind == RefKind::Secret).collect();
    if secrets.iter().any(|reference| brings_the_list(reference, plan)) {
        "the server's own list"
    } else if secrets.is_empty() {
        "no Secret"
    } else {
        OWN
    }
}

const ROLLED: &str = "the pod was replaced";
const IN_THE_POD: &str = "the running pod took it up";
const NOT_AT_ALL: &str = "not at all";
const HOW: &str = "how it came to accept the key that was added";

fn live(records: &Records, check: &mut Check) {
    let Some(rotation) = records.of(Experiment::RotateApiKey) else { return };
    control_rotated(rotation, AFTER, check);
    let (before, during, after) = (rotation.at(BEFORE), rotation.at(DURING), rotation.at(AFTER));
    control_asked(during, check);
    let of_new_key = || during.asked.iter().filter(|asked| asked.how == NEW_KEY);
    for asked in of_new_key() {
        check.expect(asked, HOW, &came_to_accept(asked, before), one_of(&[ROLLED, IN_THE_POD]));
    }
    let is_server = |pod: &PodState| of_new_key().any(|asked| asked.workload == pod.workload);
    let clients = |seen: &'_ Snapshot| -> Vec<PodState> {
        seen.pods.iter().filter(|pod| !pod.is_database && !is_server(pod)).cloned().collect()
    };
    for pod in clients(during) {
        let state = match before.pod(&pod.uid) {
            _ if !pod.ready => "it is not ready",
            None => "it had to be restarted",
            Some(_) => WORKS_ON,
        };
        check.expect(
            &pod,
            "what becomes of a client with the old key once the list has both",
            &state,
            equal_to(WORKS_ON),
        );
    }
    for pod in clients(after) {
        check.expect(&pod, "whether a client is ready once the old key is gone", &pod.ready, equal_to(true));
    }
}

const WORKS_ON: &str = "it works on";

fn came_to_accept(asked: &Asked, before: &Snapshot) -> &'static str {
    match (asked.is_served(), before.pods.iter().any(|pod| pod.name == asked.pod)) {
        (false, _) => NOT_AT_ALL,
        (true, true) => IN_THE_POD,
        (true, false) => ROLLED,
    }
}
