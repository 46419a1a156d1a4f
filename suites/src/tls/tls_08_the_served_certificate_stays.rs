//! TLS-08: the application serves the intended certificate, and nothing but TLS.
//!
//! An application that serves TLS itself takes its certificate from the Secret that the operator names, or from one that
//! the chart generates. Generated in a template it is another one at each upgrade, and every client that trusts the old
//! one is locked out; and a plain port that was left open undoes it all. What is on the wire the live lane sees, at every
//! replica, before and after an upgrade, and a chart that looks up what exists is left to it.

use harness::bench::{BELOW_MINIMUM, OVER_TLS, WITHOUT_TLS};
use harness::check::Check;
use harness::expectation::{equal_to, not_empty, one_of, that};
use harness::experiment::INTENDED;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{RefKind, Workload};
use harness::manifests::Object;
use harness::record::{AFTER, Asked, BEFORE, Experiment, Records};
use harness::rendered::{Attempt, Change, Rendered, Rendering};
use harness::requirement::{Lane, Level, Requirement};

use super::ports::judge_ports;
use crate::pods::behind;
use crate::upgrade::{is_applied_by_upgrades, looks_up};

/// The application serves the intended certificate, and nothing but TLS.
pub const TLS_08: Requirement = Requirement {
    id: "TLS-08",
    title: "The application serves the intended certificate, and nothing but TLS",
    level: Level::Must,
    source: "S4: TLS initialisation, \"HTTPS-only\", \"TLS 1.3\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::TlsServed],
    experiments: &[Experiment::Upgrade],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "mount the Secret that the operator names, else one that is generated once, outside of templates; close the \
             plain port",
    rendered: Some(rendered),
    live: Some(live),
};

/// A Secret that nobody has.
const OWN: &str = "holdfast-own-certificate";

fn rendered(subject: &Rendered, check: &mut Check) {
    let Some(plan) = &subject.subject().file().tls else {
        let hint = "the subject claims tls.served and does not say where; write `tls` in the subject file";
        return check.undecided(Place::object("the certificate"), "where it is served", hint);
    };
    let servers = behind(subject.rendering(), &plan.service);
    if servers.is_empty() {
        let hint = "no workload is behind it; correct `tls.service` in the subject file";
        return check.undecided(Place::object(format!("service/{}", plan.service)), "who serves TLS", hint);
    }
    let named = plan.secret_value.as_deref().and_then(|path| subject.value_text(path));
    if let Some(intended) = named.or(plan.generated_secret.as_deref()) {
        for server in &servers {
            let certificates = certificates(server, subject.rendering(), intended);
            check.expect(*server, "Secrets with a certificate", &certificates, equal_to(vec![intended.to_owned()]));
        }
    }
    if let Some(path) = &plan.secret_value {
        let change = Change::set(path.as_str(), OWN);
        if let Some(Attempt::Rendered(rendering)) = subject.with(&change, check) {
            let generated = plan.generated_secret.as_deref().unwrap_or(OWN);
            for server in behind(&rendering, &plan.service) {
                let mut held = certificates(server, &rendering, OWN);
                held.extend(certificates(server, &rendering, generated));
                held.dedup();
                check.expect(
                    server,
                    "Secrets with a certificate, where one is named",
                    &held,
                    equal_to(vec![OWN.to_owned()]),
                );
            }
        }
    }
    judge_generator(subject, plan.generated_secret.as_deref(), check);
    judge_ports(subject, &plan.service, &servers, check);
    if let Some(minimum) = &plan.minimum {
        judge_minimum(&servers, minimum, check);
    }
}

/// The Secrets that a server mounts whose keys are a certificate's, and the intended one whatever its keys.
fn certificates(server: &Workload, rendering: &Rendering, intended: &str) -> Vec<String> {
    let is_one = |name: &str, key: Option<&str>| {
        let keys = rendering.graph().store().keys(RefKind::Secret, name).unwrap_or_default();
        name == intended || key == Some("tls.key") || keys.iter().any(|key| key == "tls.key")
    };
    let references = server.references();
    let secrets = references.iter().filter(|reference| reference.kind == RefKind::Secret);
    let mut found: Vec<String> = secrets
        .filter(|reference| is_one(&reference.name, reference.key.as_deref()))
        .map(|reference| reference.name.clone())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What a template generates is another certificate at each upgrade.
fn judge_generator(subject: &Rendered, generated: Option<&str>, check: &mut Check) {
    let Some(name) = generated else { return };
    let Some(secret) = subject.manifests().find("Secret", name) else { return };
    let Some(Attempt::Rendered(again)) = subject.again(check) else { return };
    let now = again.manifests().find("Secret", name).map(Object::value);
    let what = "the certificate after an upgrade without a change";
    // A controller that renders without a cluster finds nothing, and runs the hooks of an installation at each sync.
    let by_helm = !subject.subject().claims(Feature::Gitops);
    if now == Some(secret.value()) || by_helm && !is_applied_by_upgrades(secret) {
        check.expect(secret, what, &"the same", equal_to("the same"));
    } else if by_helm && looks_up(subject) {
        check.undecided(
            secret,
            what,
            "generated, and the chart looks up what exists; the live lane upgrades on a cluster",
        );
    } else {
        check.expect(secret, what, &"another one", equal_to("the same"));
    }
}

/// What a variable says of the lowest version; without one only a handshake tells.
fn judge_minimum(servers: &[&Workload], minimum: &str, check: &mut Check) {
    for container in servers.iter().flat_map(|server| server.containers()) {
        let names = |name: &str| {
            let words: Vec<&str> = name.split('_').collect();
            words.contains(&"TLS") && words.contains(&"VERSION") && words.iter().any(|word| word.starts_with("MIN"))
        };
        for variable in container.env().iter().filter(|variable| names(&variable.name)) {
            let Some(told) = variable.value.known() else { continue };
            let version = told.to_uppercase().replace("TLS", "").replace(['V', '_'], "");
            let allowed: &[&str] = if minimum == "1.3" { &["1.3"] } else { &["1.2", "1.3"] };
            check.expect(
                variable,
                format!("the lowest version, {}", variable.name),
                &version.as_str(),
                one_of(allowed),
            );
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(upgrade) = records.of(Experiment::Upgrade) else { return };
    let (before, after) = (upgrade.at(BEFORE), upgrade.at(AFTER));
    let intended = before.answers.get(INTENDED);
    let kept = after.answers.get(INTENDED);
    check.expect(
        Place::object("the Secret"),
        "the certificate that is meant, after an upgrade",
        &kept,
        equal_to(intended),
    );
    for seen in [before, after] {
        let over_tls: Vec<&Asked> = seen.asked.iter().filter(|asked| asked.how == OVER_TLS).collect();
        let pods: Vec<&str> = over_tls.iter().map(|asked| asked.pod.as_str()).collect();
        check.control(Place::object("the application"), "replicas that were asked", &pods[..], not_empty());
        for asked in over_tls {
            let status = that("a status", |answer: &str| answer.parse::<u16>().is_ok());
            let reached = check.control(asked, "an answer over TLS", asked.answer().as_str(), status);
            if reached {
                let what = format!("the certificate that is served, {}", seen.moment);
                check.expect(asked, what, &asked.leaf.as_ref(), equal_to(intended));
            }
        }
        for asked in seen.asked.iter().filter(|asked| [WITHOUT_TLS, BELOW_MINIMUM].contains(&asked.how.as_str())) {
            let state = if is_turned_away(asked) { TURNED_AWAY } else { "answered" };
            check.expect(asked, format!("a question {}", asked.how), &state, equal_to(TURNED_AWAY));
        }
    }
}

const TURNED_AWAY: &str = "turned away";

/// Whether a question was not even heard. Over TLS every status is an answer, also one that asks for a key; without TLS
/// a server may say in plaintext that it speaks TLS only: 400, as most do, or 426.
fn is_turned_away(asked: &Asked) -> bool {
    match asked.status {
        None => true,
        Some(status) => asked.how == WITHOUT_TLS && [400, 426].contains(&status),
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::*;
    use crate::testing::{judge_live, moment, record};

    fn asked(how: &str, status: Option<u16>, leaf: Option<&str>) -> Asked {
        Asked {
            pod: "server-a".into(),
            workload: "deployment/server".into(),
            how: how.into(),
            status,
            leaf: leaf.map(str::to_owned),
            ..Asked::default()
        }
    }

    /// An answer over TLS, one without, one over an older version, and the certificate that is meant.
    type Seen = (Option<u16>, Option<u16>, Option<u16>, &'static str);

    #[rstest]
    #[case::as_it_should_be((Some(401), None, None, "one"), "one", Holds)]
    #[case::told_in_plaintext_to_speak_tls((Some(401), Some(400), None, "one"), "one", Holds)]
    #[case::asked_for_a_key_in_plaintext((Some(401), Some(401), None, "one"), "one", Violated)]
    #[case::asked_for_a_key_over_an_older_version((Some(401), None, Some(401), "one"), "one", Violated)]
    #[case::refused_over_an_older_version_as_a_bad_request((Some(401), None, Some(400), "one"), "one", Violated)]
    #[case::another_certificate_after_an_upgrade((Some(401), None, None, "other"), "other", Violated)]
    #[case::a_certificate_that_is_not_meant((Some(401), None, None, "other"), "one", Violated)]
    #[case::nobody_answers((None, None, None, "one"), "one", Unchecked)]
    fn a_server_of_tls(#[case] after: Seen, #[case] meant: &str, #[case] expected: Verdict) {
        let seen = |name: &str, seconds, (over, without, below, leaf): Seen, meant: &str| {
            let mut seen = moment(name, seconds, []);
            seen.asked = vec![
                asked(OVER_TLS, over, over.is_some().then_some(leaf)),
                asked(WITHOUT_TLS, without, None),
                asked(BELOW_MINIMUM, below, None),
            ];
            seen.answers.insert(INTENDED.into(), meant.into());
            seen
        };
        let before = seen(BEFORE, 0, (Some(401), None, None, "one"), "one");
        let upgrade = record(Experiment::Upgrade, [before, seen(AFTER, 30, after, meant)]);
        assert_eq!(judge_live(&TLS_08, [upgrade]), expected);
    }
}
