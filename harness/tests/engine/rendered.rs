//! What the rendered lane sees of the reference subjects.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use harness::check::Check;
use harness::graph::{CaProvider, Fact, SslMode};
use harness::helm::{HelmMajor, Helms, Package};
use harness::rendered::{Change, Effect, Rendered};
use harness::subject::Subject;
use harness::verdict::Verdict;
use rstest::rstest;

fn fixture(path: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}

fn helms() -> Arc<Helms> {
    Arc::new(Helms::at_hand().unwrap())
}

fn rendered(subject: &str, overlay: &str) -> Rendered {
    let subject = Arc::new(Subject::read(&fixture(&format!("subjects/{subject}.yaml"))).unwrap());
    let overlay = subject.overlay(overlay).unwrap().clone();
    Rendered::new(subject, &overlay, helms()).unwrap()
}

#[rstest]
#[case::local("local")]
#[case::production("production")]
fn both_deployments_of_agents_verify_with_the_same_ca(#[case] overlay: &str) {
    let agents = rendered("agents", overlay);
    let seen: Vec<_> = agents
        .database_clients()
        .iter()
        .map(|client| (client.ssl_mode(), client.ca().and_then(|ca| ca.trust()), client.credentials()[0].to_string()))
        .collect();
    let one =
        (Fact::Known(SslMode::VerifyFull), Some(("agents-db-ca", "ca.crt")), "secret/agents-db-app[uri]".to_owned());
    assert_eq!(seen, [one.clone(), one]);
}

#[test]
fn a_connection_string_in_a_secret_of_the_release_is_read() {
    let composed = rendered("specimens/composed", "default");
    let [client] = composed.database_clients() else { panic!("expected one") };
    assert_eq!(client.ssl_mode(), Fact::Known(SslMode::VerifyFull));
    assert_eq!(client.ca().unwrap().parameter.as_deref(), Some("sslrootcert"));
}

#[test]
fn hooks_scheduled_jobs_and_init_containers_are_clients_too() {
    let service = rendered("specimens/service", "default");
    let seen: Vec<String> = service
        .database_clients()
        .iter()
        .map(|client| format!("{} {}", client.container().workload(), client.container().name()))
        .collect();
    assert_eq!(
        seen,
        [
            "deployment/service inspect",
            "deployment/service server",
            "cronjob/service-report report",
            "job/service-migrate migrate"
        ]
    );
}

#[test]
fn a_change_is_rendered_and_a_refusal_names_the_value() {
    let agents = rendered("agents", "local");
    let mut check = Check::new();
    let off = agents.with(&Change::set("controllers.enabled", false), &mut check).unwrap();
    assert_eq!(off.rendering().unwrap().database_clients().len(), 1);
    for major in agents.majors() {
        let blank = Change::set("database.caSecret.key", " ");
        let refused = agents.with_helm(major, &blank, &mut check).unwrap();
        assert!(refused.refusal().unwrap().names("database.caSecret.key"), "{major}: {refused}");
    }
    assert!(check.findings().is_empty());
}

#[test]
fn the_same_question_is_put_to_helm_once() {
    let agents = rendered("agents", "local");
    let mut check = Check::new();
    let before = agents.helm_calls();
    let change = Change::set("controllers.enabled", false);
    agents.many(vec![change.clone(), change.clone(), change.clone()], &mut check);
    agents.with(&change, &mut check);
    assert_eq!(agents.helm_calls() - before, 1);
}

#[test]
fn effects_of_many_changes_agree_with_rendering_each_by_itself() {
    let agents = rendered("agents", "local");
    let mut check = Check::new();
    let changes = vec![
        Change::set("controllers.enabled", false),
        Change::set("database.caSecret.key", ""),
        Change::set("database.caSecret.key", "ca.crt"),
        Change::set("noSuchValue", 1),
        Change::set("database.sslmode", "sometimes"),
        Change::set("database.pool.size", 17),
        Change::remove("database.secretRef.name"),
    ];
    let base = agents.rendering().text().to_owned();
    let at_once = agents.effects(changes.clone(), &mut check);
    assert_eq!(at_once.len(), changes.len());
    for (change, effect) in at_once {
        let alone = agents.with(&change, &mut check).unwrap();
        match (effect, alone.rendering(), alone.refusal()) {
            (Effect::Refused(told), None, Some(refusal)) => {
                assert_eq!((told.kind(), told.template()), (refusal.kind(), refusal.template()), "{change}");
            }
            (Effect::Changed, Some(rendering), None) => assert_ne!(rendering.text(), base, "{change}"),
            (Effect::Unchanged, Some(rendering), None) => assert_eq!(rendering.text(), base, "{change}"),
            (effect, ..) => panic!("{change}: {effect:?} at once, alone {alone}"),
        }
    }
}

#[test]
fn a_helm_that_cannot_be_started_leaves_the_check_undecided() {
    let agents = rendered("agents", "local");
    let mut check = Check::new();
    let other = if agents.majors().contains(&HelmMajor::Three) { HelmMajor::Three } else { HelmMajor::Four };
    let helms = harness::helm::HelmProgram { major: other, path: "/nonexistent/helm".into() };
    let broken = Arc::new(Helms::new(vec![helms]).unwrap());
    let subject = Arc::new(agents.subject().clone());
    let error = Rendered::new(subject, agents.overlay(), broken).unwrap_err();
    let message = harness::error::Chain(&error).to_string();
    assert!(message.contains("start /nonexistent/helm: No such file or directory"), "{message}");
    let manifests =
        Rendered::of_manifests(Arc::new(Subject::of_manifests("stdin")), agents.rendering().text()).unwrap();
    assert!(manifests.with(&Change::set("a", 1), &mut check).is_none());
    assert_eq!(check.judge().verdict, Verdict::Unchecked);
}

#[test]
fn a_packaged_chart_is_read_as_its_folder() {
    let folder = fixture("charts/agents");
    let temporary = tempfile::tempdir().unwrap();
    let archive = Utf8Path::from_path(temporary.path()).unwrap().join("agents-0.9.1.tgz");
    let gzip = flate2::write::GzEncoder::new(std::fs::File::create(&archive).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    tar.append_dir_all("agents", &folder).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    assert_eq!(Package::read(&archive).unwrap().digest, Package::read(&folder).unwrap().digest);
    let subject = Subject::of_chart(&archive, &[]).unwrap();
    assert_eq!(subject.name(), "agents");
}

#[test]
fn a_pod_without_its_ca_has_none() {
    let agents = rendered("agents", "local");
    let mut check = Check::new();
    let off = agents.with(&Change::set("database.caSecret.name", ""), &mut check).unwrap();
    assert!(off.rendering().unwrap().database_clients().iter().all(|client| client.ca().is_none()));
    let on = agents.database_clients()[0].ca().unwrap().clone();
    assert!(matches!(on.provider, CaProvider::File(_)) && on.read_only);
}
