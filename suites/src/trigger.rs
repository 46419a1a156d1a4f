//! What restarts pods when a Secret changes.

use harness::check::Check;
use harness::graph::{Fact, Workload};
use harness::manifests::Object;
use harness::rendered::{Attempt, Rendered, Rendering};

use crate::passwords::renderings_with_passwords;
use crate::steps::restarts;

/// What restarts the pods when a Secret changes: an annotation, or a step that the subject declares. Unknown: a step
/// leaves open what it restarts.
pub(crate) fn restart(
    subject: &Rendered,
    workload: &Workload,
    secret: &str,
    check: &mut Check,
) -> Option<Fact<String>> {
    by_itself(subject, workload, secret, check).map(Fact::Known).or_else(|| by_step(subject, workload))
}

/// What restarts the pods without anybody's help: Reloader, or a checksum in their own annotations. One of the workload
/// itself replaces no pod.
pub(crate) fn by_itself(subject: &Rendered, workload: &Workload, secret: &str, check: &mut Check) -> Option<String> {
    let mut annotations = workload.object().annotations().chain(workload.pod_annotations());
    if let Some((name, value)) = annotations.find(|(name, value)| reloads(name, value, secret)) {
        return Some(format!("{name}: {value}"));
    }
    let mut checksums = workload.pod_annotations().map(|(name, _)| name).filter(|name| name.starts_with("checksum/"));
    let found = checksums.find(|name| {
        names_the_template(subject, workload, secret, name)
            || follows_the_secret(subject, workload, secret, name, check)
    });
    found.map(str::to_owned)
}

/// Whether an annotation has Reloader restart the pods when a Secret changes that they take.
pub(crate) fn reloads(name: &str, value: &str, secret: &str) -> bool {
    match name {
        "reloader.stakater.com/auto" | "secret.reloader.stakater.com/auto" => value == "true",
        "secret.reloader.stakater.com/reload" => value.split(',').any(|one| one.trim() == secret),
        _ => false,
    }
}

fn by_step(subject: &Rendered, workload: &Workload) -> Option<Fact<String>> {
    let steps = &subject.subject().file().restart;
    let told: Vec<(&String, Fact<bool>)> = steps.iter().map(|step| (step, restarts(step, workload))).collect();
    let known = told.iter().find(|(_, told)| *told == Fact::Known(true));
    if let Some((step, _)) = known {
        return Some(Fact::Known(format!("the declared step `{step}`")));
    }
    told.into_iter().find_map(|(_, told)| match told {
        Fact::Unknown(hint) => Some(Fact::Unknown(hint)),
        Fact::Known(_) => None,
    })
}

/// Whether the workload's template takes the template that renders the Secret into an annotation; of another Secret it
/// knows nothing.
fn names_the_template(subject: &Rendered, workload: &Workload, secret: &str, annotation: &str) -> bool {
    let template = |object: &Object| object.source().map(|source| source.template.clone());
    let rendered = subject.manifests().find("Secret", secret).and_then(template);
    let (Some(of_secret), Some(of_workload)) = (rendered, template(workload.object())) else { return false };
    let file = of_workload.split_once('/').map_or("", |(_, file)| file);
    let text = subject.charts().find_map(|chart| chart.text(file));
    let below = of_secret.split_once("/templates/").map_or("", |(_, below)| below);
    text.is_some_and(|text| text.lines().any(|line| line.contains(annotation) && quotes(line, below)))
}

/// Whether a line of a template has the path of a template between quotation marks: `(print .. "/secret.yaml")`.
fn quotes(line: &str, template: &str) -> bool {
    let path = |quoted: &str| quoted.trim_start_matches("%s").trim_start_matches('/') == template;
    !template.is_empty() && line.split(['"', '`']).any(path)
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

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::quotes;
    use crate::sync::SYNC_07;
    use crate::testing::{copying, judge_manifests};

    #[rstest]
    #[case::whatever_the_pods_take("reloader.stakater.com/auto: 'true'", Holds)]
    #[case::every_secret("secret.reloader.stakater.com/auto: 'true'", Holds)]
    #[case::every_config_map("configmap.reloader.stakater.com/auto: 'true'", Violated)]
    #[case::a_config_map_of_that_name("configmap.reloader.stakater.com/reload: app-ca", Violated)]
    #[case::this_secret("secret.reloader.stakater.com/reload: 'other, app-ca'", Holds)]
    fn reloader_watches(#[case] annotation: &str, #[case] verdict: Verdict) {
        let script = "ca=$(kubectl get secret db-ca -o 'jsonpath={.data.ca\\.crt}')\nkubectl patch secret app-ca -p \"{\\\"data\\\":{\\\"ca.crt\\\":\\\"$ca\\\"}}\"";
        let consumer = format!(
            "\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a, annotations: {{{annotation}}}}}, spec: \
             {{template: {{spec: {{containers: [{{name: a, env: [{{name: CA, valueFrom: {{secretKeyRef: {{name: app-ca, key: \
             ca.crt}}}}}}]}}]}}}}}}}}"
        );
        assert_eq!(judge_manifests(&SYNC_07, &format!("{}{consumer}", copying("", script))), verdict);
    }

    #[rstest]
    #[case::of_the_folder("checksum/a: {{ include (print $.Template.BasePath \"/secret.yaml\") . | sha256sum }}", true)]
    #[case::put_together(
        "checksum/a: {{ include (printf \"%s/secret.yaml\" .Template.BasePath) . | sha256sum }}",
        true
    )]
    #[case::another_of_the_same_end(
        "checksum/a: {{ include (print $.Template.BasePath \"/other-secret.yaml\") . }}",
        false
    )]
    #[case::one_of_that_name_elsewhere(
        "checksum/a: {{ include (print $.Template.BasePath \"/cache/secret.yaml\") . }}",
        false
    )]
    fn a_line_takes_in_a_template(#[case] line: &str, #[case] expected: bool) {
        assert_eq!(quotes(line, "secret.yaml"), expected);
    }
}
