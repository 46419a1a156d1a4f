//! RENDER-06: credentials in URLs are percent-encoded.
//!
//! A password with an `@` or a `/` ends the host or the user of a URL that was glued together, and `openssl rand
//! -base64` makes such passwords in two installations of five. `urlquery` is made for what follows the question mark: it
//! writes a space as a plus sign. Kubernetes glues too, and so does a shell: `$(DB_PASSWORD)` and `${DB_PASSWORD}` are
//! put into a URL as they are. So a plain password shows which URLs hold it, a hostile one must parse back equal there,
//! and no URL may expand a Secret.

use std::collections::BTreeMap;

use harness::check::Check;
use harness::expectation::{equal_to, not_empty, that};
use harness::finding::{Locate as _, Place};
use harness::graph::{Dsn, DsnStyle, Fact, RefKind};
use harness::helm::Refusal;
use harness::record::{BEFORE, DURING, Experiment, Records};
use harness::rendered::{Rendered, Rendering, renders};
use harness::requirement::{Lane, Level, Requirement};

use super::written::{passwords, written_texts};
use crate::clients::clients_of;
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

#[cfg(test)]
mod tests {
    use harness::record::{BEFORE, DURING, Experiment, Snapshot};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Unchecked, Violated};
    use rstest::rstest;

    use super::RENDER_06;
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
