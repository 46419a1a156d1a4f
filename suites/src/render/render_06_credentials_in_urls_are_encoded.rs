//! RENDER-06: credentials in URLs are percent-encoded.
//!
//! A password with an `@` or a `/` ends the host or the user of a URL that was glued together, and `openssl rand
//! -base64` makes such passwords in two installations of five. `urlquery` is made for what follows the question mark: it
//! writes a space as a plus sign. Kubernetes glues too, and so does a shell: `$(DB_PASSWORD)` and `${DB_PASSWORD}` are
//! put into a URL as they are. So a plain password shows which URLs hold it, those of a cache or a queue as well as the
//! database's, a hostile one must parse back equal there, and no URL may expand a Secret.

use std::collections::BTreeMap;

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, that};
use harness::finding::{Locate as _, Place};
use harness::graph::{Dsn, DsnStyle, Fact, RefKind, Text, percent_decoded};
use harness::helm::{Refusal, ValuePath};
use harness::record::{BEFORE, DURING, Experiment, Records};
use harness::rendered::{Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};

use super::written::{passwords, passwords_by_url, written_texts};
use crate::clients::clients_of;
use crate::passwords::{PLAIN_PASSWORD, password_values, plain_password, renderings_with_passwords, with_passwords};

/// Credentials in URLs are percent-encoded.
pub const RENDER_06: Requirement = Requirement {
    id: "RENDER-06",
    title: "Credentials in URLs are percent-encoded",
    level: Level::Must,
    source: "S4: database URL helper",
    since: "1.0",
    revision: 2,
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
        for written in written_texts(container) {
            for password in passwords(&written.text) {
                let put_in = written.put_in(&password, container);
                let as_it_is = put_in.iter().find_map(|part| part.clone().known());
                let open = put_in.into_iter().find_map(|part| match part {
                    Fact::Unknown(hint) => Some(hint),
                    Fact::Known(_) => None,
                });
                match (as_it_is, open) {
                    (None, Some(hint)) => check.undecided(&written.place, "a Secret within a URL", hint),
                    (state, _) => {
                        check.expect(&written.place, "a Secret within a URL", &state, equal_to(None::<String>));
                        examined = true;
                    }
                }
            }
        }
    }
    examined |= hostile_passwords(subject, check);
    if !examined {
        check.not_applicable("nothing that is rendered puts a Secret or a password of the values into a URL");
    }
}

/// Looks whether every URL that holds a password of the values parses back equal; says whether there was one.
fn hostile_passwords(subject: &Rendered, check: &mut Check) -> bool {
    let plain: Vec<Urls> = renderings_with_passwords(subject, check).iter().map(|(_, one)| urls(one)).collect();
    let passwords = password_values(subject);
    let mut holders: Vec<(&String, &ValuePath)> = Vec::new();
    for (holder, (_, held)) in plain.iter().flatten() {
        let Some(held) = held.as_deref().filter(|held| held.starts_with(PLAIN_PASSWORD)) else { continue };
        // Each value has a password of its own, so that what a URL holds tells whose it is.
        let own = passwords.iter().enumerate().find(|(number, _)| held.starts_with(&plain_password(*number)));
        holders.extend(own.map(|(_, path)| (holder, path)));
    }
    if holders.is_empty() {
        return false;
    }
    let mut examined = false;
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
        for (holder, _) in holders.iter().filter(|(_, own)| change.paths().any(|path| path == *own)) {
            // A missing one is read as none.
            let (at, held) = found.get(*holder).cloned().unwrap_or((Place::object(holder.as_str()), None));
            let what = "the password that a URL parser reads";
            check.expect(at, what, &held.as_deref(), equal_to(Some(HOSTILE_PASSWORD)));
            examined = true;
        }
    }
    examined
}

fn live(records: &Records, check: &mut Check) {
    let Some(hostile) = records.of(Experiment::HostilePassword) else { return };
    let (before, during) = (hostile.at(BEFORE), hostile.at(DURING));
    for workload in clients_of(hostile, check) {
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

/// URLs by what holds them, with their place and the password that a parser reads.
type Urls = BTreeMap<String, (Place, Option<String>)>;

/// The URLs that a rendering holds: of any scheme, and PostgreSQL's wherever its clients have them from.
fn urls(rendering: &Rendering) -> Urls {
    let mut found = Urls::new();
    let of_postgres = |dsn: &Dsn| {
        let password = dsn.password.as_ref().and_then(|text| text.known()).map(str::to_owned);
        (dsn.style != DsnStyle::KeyValue).then_some(password)
    };
    for (holder, at, text) in texts(rendering) {
        let known = passwords_by_url(text.known().unwrap_or_default());
        for (number, password) in known.into_iter().enumerate() {
            let which = if number == 0 { holder.clone() } else { format!("{holder}, URL {}", number + 1) };
            found.insert(which, (at.clone(), password.map(|written| percent_decoded(&written))));
        }
        if let Some(password) = Dsn::parse(&text).as_ref().and_then(of_postgres) {
            found.insert(holder, (at, password));
        }
    }
    for client in rendering.database_clients() {
        for url in client.dsns() {
            if let Some(password) = of_postgres(&url.dsn) {
                found.insert(format!("{} {}", client.place(), url.holder), (url.place.clone(), password));
            }
        }
    }
    found
}

/// What a rendering writes into variables, commands, Secrets and ConfigMaps, by what holds it.
fn texts(rendering: &Rendering) -> Vec<(String, Place, Text)> {
    let mut found = Vec::new();
    for container in rendering.containers() {
        for variable in container.env().iter().filter(|variable| variable.written.is_some()) {
            let holder = format!("{} env {}", container.place(), variable.name);
            found.push((holder, variable.place.clone(), variable.value.clone()));
        }
        for (field, word) in container.words() {
            found.push((format!("{} {field}", container.place()), container.at(&field), word));
        }
    }
    for (kind, name) in [("Secret", RefKind::Secret), ("ConfigMap", RefKind::ConfigMap)] {
        for object in rendering.manifests().of_kind(kind) {
            for (key, text) in rendering.graph().store().entries(name, object.name()) {
                let holder = format!("{}[{key}]", object.reference());
                found.push((holder, object.at(&format!("stringData.{key}")), text.clone()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness::record::{BEFORE, DURING, Experiment, Snapshot};
    use harness::rendered::Rendered;
    use harness::subject::Subject;
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::{RENDER_06, urls};
    use crate::testing::{judge_live, judge_manifests, moment, pod, record};

    const PASSWORD: &str = "{name: P, valueFrom: {secretKeyRef: {name: db, key: password}}}";
    const FOLDER: &str = "volumeMounts: [{name: db, mountPath: /run/db}]";

    #[rstest]
    #[case::by_kubernetes("env: [PASSWORD, {name: URL, value: 'postgres://app:$(P)@db/app'}]", Violated)]
    #[case::by_a_shell("env: [PASSWORD], command: [sh, -c, 'URL=postgres://app:${P}@db/app exec app']", Violated)]
    #[case::out_of_a_file(
        "FOLDER, command: [sh, -c, 'exec app postgres://app:$(cat /run/db/password)@db/app']",
        Violated
    )]
    #[case::of_whatever_a_secret_holds(
        "envFrom: [{secretRef: {name: other}}], env: [{name: URL, value: 'postgres://app:$(P)@db/app'}]",
        Unchecked
    )]
    #[case::encoded_before(
        "env: [PASSWORD], command: [sh, -c, 'P=$(encode \"$P\"); exec app postgres://app:$P@db/app']",
        Unchecked
    )]
    #[case::out_of_a_command("command: [sh, -c, 'exec app postgres://app:$(encode P)@db/app']", Unchecked)]
    #[case::by_the_application("env: [PASSWORD, {name: URL, value: 'postgres://app:${P}@db/app'}]", Unchecked)]
    #[case::as_a_word("env: [{name: URL, value: 'amqp://app:x@queue'}]", Holds)]
    #[case::in_a_comment(
        "env: [PASSWORD], command: [sh, -c, \"# postgres://app:$P@db/app\\nexec app\"]",
        NotApplicable
    )]
    #[case::nowhere("env: [{name: URL, value: 'https://queue:8080/a@b'}]", NotApplicable)]
    fn a_password_comes_into_a_url(#[case] container: &str, #[case] verdict: Verdict) {
        let container = container.replace("PASSWORD", PASSWORD).replace("FOLDER", FOLDER);
        let manifests = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{template: {{spec: {{volumes: [{{name: \
             db, secret: {{secretName: db}}}}], containers: [{{name: a, {container}}}]}}}}}}}}"
        );
        assert_eq!(judge_manifests(&RENDER_06, &manifests), verdict);
    }

    #[rstest]
    #[case::in_a_variable("REDIS_URL", "redis://:p%40ss@cache:6379/0", &["p@ss"])]
    #[case::cut_short_by_a_raw_one("AMQP_URL", "amqp://app:p@s/s:w#r?d%+ &@queue", &["p"])]
    #[case::behind_another("URLS", "https://example.org mongodb://app:secret@a:1,b:2/db", &["secret"])]
    #[case::of_the_database_by_its_own_rules("DATABASE_URL", "postgres://db/app?user=app&password=p%40ss", &["p@ss"])]
    #[case::none("URL", "https://example.org/a@b", &[])]
    fn a_url_holds_a_password(#[case] name: &str, #[case] url: &str, #[case] expected: &[&str]) {
        let pod = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, env: [{{name: {name}, value: '{url}'}}]}}]}}}}"
        );
        let secret =
            format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, stringData: {{{name}: '{url}'}}}}");
        for text in [pod, secret] {
            let rendered = Rendered::of_manifests(Arc::new(Subject::of_manifests("test")), &text).unwrap();
            let held: Vec<String> = urls(rendered.rendering()).into_values().filter_map(|(_, held)| held).collect();
            assert_eq!(held, expected, "{text}");
        }
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
