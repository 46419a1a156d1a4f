//! What restarts pods when a Secret changes.

use harness::check::Check;
use harness::graph::Workload;
use harness::manifests::Object;
use harness::rendered::{Attempt, Rendered, Rendering};

use crate::passwords::renderings_with_passwords;

/// What restarts the pods when a Secret changes: an annotation, or a step that the subject declares.
pub(crate) fn restart(subject: &Rendered, workload: &Workload, secret: &str, check: &mut Check) -> Option<String> {
    by_itself(subject, workload, secret, check).or_else(|| by_step(subject, workload))
}

/// What restarts the pods without anybody's help.
pub(crate) fn by_itself(subject: &Rendered, workload: &Workload, secret: &str, check: &mut Check) -> Option<String> {
    let annotations = workload.object().annotations().chain(workload.pod_annotations());
    annotations.into_iter().find_map(|(name, value)| {
        let listed = || value.split(',').any(|one| one.trim() == secret);
        match name
            .strip_prefix("reloader.stakater.com/")
            .or_else(|| name.split_once(".reloader.stakater.com/").map(|(_, rest)| rest))
        {
            Some("auto") if value == "true" => Some(format!("{name}: {value}")),
            Some("reload") if name.starts_with("secret.") && listed() => Some(format!("{name}: {value}")),
            _ if name.starts_with("checksum/") => {
                let covers = names_the_template(subject, workload, secret)
                    || follows_the_secret(subject, workload, secret, name, check);
                covers.then(|| name.to_owned())
            }
            _ => None,
        }
    })
}

fn by_step(subject: &Rendered, workload: &Workload) -> Option<String> {
    let steps = &subject.subject().file().restart;
    let (kind, name) = (workload.object().kind().to_lowercase(), workload.object().name());
    let names = |step: &&String| step.split([' ', '/']).any(|word| word == name) && step.to_lowercase().contains(&kind);
    steps.iter().find(names).map(|step| format!("the declared step `{step}`"))
}

/// Whether the workload's template takes in the template that renders the Secret; of another Secret it knows nothing.
fn names_the_template(subject: &Rendered, workload: &Workload, secret: &str) -> bool {
    let template = |object: &Object| object.source().map(|source| source.template.clone());
    let rendered = subject.manifests().find("Secret", secret).and_then(template);
    let (Some(of_secret), Some(of_workload)) = (rendered, template(workload.object())) else { return false };
    let file = |path: &str| path.split_once('/').map(|(_, file)| file.to_owned()).unwrap_or_default();
    let text = subject.charts().find_map(|chart| chart.text(&file(&of_workload)));
    let name = of_secret.rsplit('/').next().unwrap_or_default();
    text.is_some_and(|text| text.lines().any(|line| line.contains("checksum/") && line.contains(name)))
}

/// Whether the annotation changes with the Secret when a password of the values does: a named template hides from the
/// workload's own what it takes in. What changes at each rendering anyway says nothing.
fn follows_the_secret(
    subject: &Rendered,
    workload: &Workload,
    secret: &str,
    annotation: &str,
    check: &mut Check,
) -> bool {
    let own = (content(subject.rendering(), secret), annotated(subject.rendering(), workload, annotation));
    if own.0.is_none() {
        return false;
    }
    let changed = renderings_with_passwords(subject, check);
    let follows = |(_, other): &(_, Rendering)| {
        content(other, secret) != own.0 && annotated(other, workload, annotation) != own.1
    };
    if !changed.iter().any(follows) {
        return false;
    }
    let again = subject.again(check);
    again.as_ref().and_then(Attempt::rendering).is_some_and(|again| annotated(again, workload, annotation) == own.1)
}

/// What a Secret holds.
fn content(rendering: &Rendering, secret: &str) -> Option<String> {
    let secret = rendering.manifests().find("Secret", secret)?;
    Some(["data", "stringData"].map(|field| format!("{:?}", secret.get(field))).concat())
}

/// An annotation of the pods of a workload.
fn annotated(rendering: &Rendering, workload: &Workload, annotation: &str) -> Option<String> {
    let reference = workload.reference();
    let workload = rendering.workloads().iter().find(|other| other.reference() == reference)?;
    workload.pod_annotations().find(|(name, _)| *name == annotation).map(|(_, value)| value.to_owned())
}
