//! What restarts pods when a Secret changes.

use harness::graph::Workload;
use harness::manifests::Object;
use harness::rendered::Rendered;

/// What restarts the pods when a Secret changes: an annotation, or a step that the subject declares.
pub(crate) fn restart(subject: &Rendered, workload: &Workload, secret: &str) -> Option<String> {
    by_itself(subject, workload, secret).or_else(|| by_step(subject, workload))
}

/// What restarts the pods without anybody's help.
pub(crate) fn by_itself(subject: &Rendered, workload: &Workload, secret: &str) -> Option<String> {
    let annotations = workload.object().annotations().chain(workload.pod_annotations());
    annotations.into_iter().find_map(|(name, value)| {
        let listed = || value.split(',').any(|one| one.trim() == secret);
        match name
            .strip_prefix("reloader.stakater.com/")
            .or_else(|| name.split_once(".reloader.stakater.com/").map(|(_, rest)| rest))
        {
            Some("auto") if value == "true" => Some(format!("{name}: {value}")),
            Some("reload") if name.starts_with("secret.") && listed() => Some(format!("{name}: {value}")),
            _ if name.starts_with("checksum/") && covers(subject, workload, secret) => Some(name.to_owned()),
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
fn covers(subject: &Rendered, workload: &Workload, secret: &str) -> bool {
    let template = |object: &Object| object.source().map(|source| source.template.clone());
    let rendered = subject.manifests().find("Secret", secret).and_then(template);
    let (Some(of_secret), Some(of_workload)) = (rendered, template(workload.object())) else { return false };
    let file = |path: &str| path.split_once('/').map(|(_, file)| file.to_owned()).unwrap_or_default();
    let text = subject.charts().find_map(|chart| chart.text(&file(&of_workload)));
    let name = of_secret.rsplit('/').next().unwrap_or_default();
    text.is_some_and(|text| text.lines().any(|line| line.contains("checksum/") && line.contains(name)))
}
