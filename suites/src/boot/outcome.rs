//! What becomes of a changed password on a volume that has one already, as far as manifests and documentation tell.

use harness::check::Check;
use harness::graph::{Container, RefKind, VolumeSource, Workload};
use harness::helm::PackageFile;
use harness::readme::Readme;
use harness::rendered::Rendered;
use harness::subject::Bundled;

/// It is refused: a template compares it with what is on the cluster.
pub(super) const REFUSED: &str = "refused while rendering on the cluster";
/// It reaches the role.
pub(super) const APPLIED: &str = "applied to the role in the database";
/// It is documented, and people mend it.
pub(super) const DOCUMENTED: &str = "left to people, with a documented remedy that names 28P01";
/// Nobody says anything.
pub(super) const SILENT: &str = "nothing: the role keeps the old password, and nobody says so";

/// What becomes of a changed password.
pub(super) fn of(subject: &Rendered, plan: &Bundled, check: &mut Check) -> &'static str {
    if refuses(subject, plan) {
        REFUSED
    } else if subject.workloads().iter().any(|workload| applies(workload, subject)) {
        APPLIED
    } else if is_documented(subject, plan, check) {
        DOCUMENTED
    } else {
        SILENT
    }
}

/// Whether a template looks the old password up and fails where the new one differs.
fn refuses(subject: &Rendered, plan: &Bundled) -> bool {
    let Some(value) = &plan.password_value else { return false };
    let name = value.rsplit('.').next().unwrap_or(value);
    let files = subject.charts().flat_map(|chart| chart.templates().filter_map(PackageFile::text));
    files.into_iter().any(|text| text.contains("lookup ") && text.contains("fail ") && text.contains(name))
}

/// Whether something that a workload runs gives the role its password: in its words, or in a script that it mounts.
fn applies(workload: &Workload, subject: &Rendered) -> bool {
    let says = |text: &str| {
        let text = text.to_uppercase();
        (text.contains("ALTER ROLE") || text.contains("ALTER USER")) && text.contains("PASSWORD")
    };
    let in_words = |container: &Container| {
        let probes =
            ["lifecycle"].iter().filter_map(|field| container.get(field)).any(|value| says(&value.to_string()));
        probes || container.words().iter().any(|(_, word)| says(&word.to_string()))
    };
    workload.containers().iter().any(in_words) || runs_a_script(workload, subject, &says)
}

/// Whether a script of a ConfigMap that speaks so is run: its name occurs in what a container is told to run.
fn runs_a_script(workload: &Workload, subject: &Rendered, says: &dyn Fn(&str) -> bool) -> bool {
    let maps = workload.volumes().iter().flat_map(|volume| &volume.sources).filter_map(|source| match source {
        VolumeSource::Keys { kind: RefKind::ConfigMap, name, .. } => Some(name),
        _ => None,
    });
    let scripts: Vec<&str> = maps
        .flat_map(|name| subject.graph().store().entries(RefKind::ConfigMap, name))
        .filter(|(_, text)| text.known().is_some_and(says))
        .map(|(key, _)| key)
        .collect();
    workload.containers().iter().any(|container| {
        let told = container.words().into_iter().map(|(_, word)| word.to_string());
        let told: Vec<String> = told.chain(container.get("lifecycle").map(ToString::to_string)).collect();
        scripts.iter().any(|script| told.iter().any(|one| one.contains(script)))
    })
}

/// Whether the README has commands under the remedy's heading, and names the code that people see.
fn is_documented(subject: &Rendered, plan: &Bundled, check: &mut Check) -> bool {
    let Some(text) = subject.chart().and_then(|chart| chart.readme()).and_then(PackageFile::text) else { return false };
    if plan.remedy_keeping_data.is_none() {
        return false;
    }
    let remedy = super::remedy(subject, plan.remedy_keeping_data.as_deref(), "the documented remedy", check);
    remedy.is_some_and(|remedy| !remedy.commands.is_empty()) && Readme::parse(text).mentions("28P01")
}
