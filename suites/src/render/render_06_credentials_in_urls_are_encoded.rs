//! RENDER-06: credentials in URLs are percent-encoded.
//!
//! A password with an `@` or a `/` ends the host or the user of a URL that was glued together, and `openssl rand
//! -base64` makes such passwords in two installations of five. `urlquery` is made for what follows the question mark: it
//! writes a space as a plus sign. Kubernetes glues too: `$(DB_PASSWORD)` is put into a value as it is. So a plain
//! password shows which URLs hold it, a hostile one must parse back equal there, and no URL may expand a Secret.

use std::collections::BTreeMap;

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, that};
use harness::experiment::{BEFORE, DURING, Experiment, Records};
use harness::finding::{Locate as _, Place};
use harness::graph::{Container, Dsn, DsnStyle, EnvVar, RefKind, expansions};
use harness::helm::Refusal;
use harness::rendered::{Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use crate::passwords::{PLAIN_PASSWORD, renderings_with_passwords, with_passwords};

/// Credentials in URLs are percent-encoded.
pub const RENDER_06: Requirement = Requirement {
    id: "RENDER-06",
    title: "Credentials in URLs are percent-encoded",
    level: Level::Must,
    source: "S4: database URL helper",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::HostilePassword],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "encode the password with `urlquery | replace \"+\" \"%20\"`, or hand over user, password and host as \
             variables of their own (PGUSER, PGPASSWORD, PGHOST) instead of a URL",
    rendered: Some(rendered),
    live: Some(live),
};

/// Every character that has a meaning of its own in a URL.
const HOSTILE_PASSWORD: &str = "p@s/s:w#r?d%+ &";

fn rendered(subject: &Rendered, check: &mut Check) {
    let mut examined = false;
    for container in subject.containers() {
        for (at, written) in written_texts(container) {
            let Some(password) = password_part(&written) else { continue };
            let secret = |name: &&str| container.variable(name).is_some_and(EnvVar::is_secret);
            let expanded: Option<&str> = expansions(password).into_iter().find(secret);
            let state = expanded.map(|name| format!("$({name}), which Kubernetes does not encode"));
            check.expect(at, "a Secret within a URL", &state, equal_to(None::<String>));
            examined = true;
        }
    }
    let plain: Vec<BTreeMap<String, (Place, Option<String>)>> =
        renderings_with_passwords(subject, check).iter().map(|(_, one)| urls(one)).collect();
    let holders: Vec<&String> = plain
        .iter()
        .flatten()
        .filter(|(_, (_, held))| held.as_deref().is_some_and(|held| held.starts_with(PLAIN_PASSWORD)))
        .map(|(holder, _)| holder)
        .collect();
    if !holders.is_empty() {
        for (change, attempt) in with_passwords(subject, |_| HOSTILE_PASSWORD.to_owned(), check) {
            let Some(rendering) = attempt.rendering() else {
                if attempt.refusal().is_some_and(Refusal::is_deliberate) {
                    check.undecided(
                        &change,
                        "a hostile password",
                        "the chart refuses it; whether it encodes others is open",
                    );
                } else {
                    check.expect(&change, "a hostile password", &attempt, renders());
                }
                continue;
            };
            let found = urls(rendering);
            for holder in &holders {
                // Which of several passwords it holds, the plain one told; a missing one is read as none.
                let (at, held) = found.get(*holder).cloned().unwrap_or((Place::object(holder.as_str()), None));
                check.expect(
                    at,
                    "the password that a URL parser reads",
                    &held.as_deref(),
                    equal_to(Some(HOSTILE_PASSWORD)),
                );
                examined = true;
            }
        }
    }
    if !examined {
        check.not_applicable("nothing that is rendered composes a URL with a credential");
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(hostile) = records.of(Experiment::HostilePassword) else { return };
    let (before, during) = (hostile.at(BEFORE), hostile.at(DURING));
    for workload in before.client_workloads() {
        let new: Vec<_> = during.pods_since(before).filter(|pod| pod.workload == workload).collect();
        check.control(Place::object(&workload), "pods that started with the new password", &new[..], not_empty());
        for pod in new {
            let readiness = if pod.ready { "ready" } else { "not ready" };
            check.expect(pod, "the pod under a hostile password", &readiness, equal_to("ready"));
            let logins = during.logins_of(pod).len() + during.sessions_of(pod).len();
            let some = that("at least one", |count: &usize| *count > 0);
            check.expect(pod, "logins with a hostile password", &logins, some);
        }
    }
}

/// The URLs that a rendering holds, by what holds them, with their place and the password that a parser reads.
fn urls(rendering: &Rendering) -> BTreeMap<String, (Place, Option<String>)> {
    let mut found = BTreeMap::new();
    let mut add = |holder: String, at: Place, dsn: &Dsn| {
        if dsn.style != DsnStyle::KeyValue {
            let password = dsn.password.as_ref().and_then(|text| text.known()).map(str::to_owned);
            found.insert(holder, (at, password));
        }
    };
    for client in rendering.database_clients() {
        for url in client.dsns() {
            add(format!("{} {}", client.place(), url.holder), url.place.clone(), &url.dsn);
        }
    }
    for (kind, name) in [("Secret", RefKind::Secret), ("ConfigMap", RefKind::ConfigMap)] {
        for object in rendering.manifests().of_kind(kind) {
            for (key, text) in rendering.graph().store().entries(name, object.name()) {
                if let Some(dsn) = Dsn::parse(text) {
                    add(format!("{}[{key}]", object.reference()), object.at(&format!("stringData.{key}")), &dsn);
                }
            }
        }
    }
    found
}

/// What a manifest writes into variables, commands and arguments, before Kubernetes expands it.
fn written_texts(container: &Container) -> Vec<(Place, String)> {
    let variables = container.env().iter().filter_map(|variable| Some((variable.place(), variable.written.clone()?)));
    let words = ["command", "args"].into_iter().flat_map(|field| {
        let listed = container.get(field).and_then(Value::as_array).into_iter().flatten().enumerate();
        listed.filter_map(move |(index, word)| {
            Some((container.at(&format!("{field}[{index}]")), word.as_str()?.to_owned()))
        })
    });
    variables.chain(words).collect()
}

/// The password within a URL as it is written: between the colon and the at sign, or as a parameter.
fn password_part(written: &str) -> Option<&str> {
    let (_, rest) = written.split_once("://")?;
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    if let Some((user_information, _)) = before.rsplit_once('@') {
        return user_information.split_once(':').map(|(_, password)| password);
    }
    query.split('&').find_map(|pair| pair.strip_prefix("password="))
}

#[cfg(test)]
mod tests {
    use harness::experiment::{BEFORE, DURING, Experiment, Snapshot};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::{RENDER_06, password_part};
    use crate::testing::{judge_live, moment, pod, record};

    #[rstest]
    #[case::user_information("postgresql://app:$(DB_PASSWORD)@db:5432/app", Some("$(DB_PASSWORD)"))]
    #[case::without_a_user("redis://:$(REDIS_PASSWORD)@cache", Some("$(REDIS_PASSWORD)"))]
    #[case::option("--url=amqp://app:x@queue", Some("x"))]
    #[case::parameter("jdbc:postgresql://db/app?user=app&password=$(PASSWORD)", Some("$(PASSWORD)"))]
    #[case::no_credential("https://$(HOST)/path", None)]
    #[case::user_alone("postgresql://app@db/app", None)]
    #[case::no_url("$(DB_PASSWORD)", None)]
    fn the_password_of_a_url_is_found_before_it_is_expanded(#[case] written: &str, #[case] expected: Option<&str>) {
        assert_eq!(password_part(written), expected);
    }

    #[rstest]
    #[case::logs_in(|_during: &mut Snapshot| {}, Holds)]
    #[case::never_becomes_ready(|during: &mut Snapshot| during.pods[0].ready = false, Violated)]
    #[case::never_logs_in(|during: &mut Snapshot| { during.logins.clear(); during.sessions.clear(); }, Violated)]
    #[case::was_not_started_anew(|during: &mut Snapshot| during.pods[0].uid = "a".into(), Unchecked)]
    fn a_client_under_a_hostile_password(#[case] change: fn(&mut Snapshot), #[case] verdict: Verdict) {
        let before = moment(BEFORE, 0, [pod("deployment/agents", "a")]);
        let mut during = moment(DURING, 30, [pod("deployment/agents", "b")]);
        change(&mut during);
        assert_eq!(judge_live(&RENDER_06, [record(Experiment::HostilePassword, [before, during])]), verdict);
    }
}
