//! Steps that people run after a rotation, as far as a check needs them: which workloads a command restarts.

use harness::graph::{Fact, Workload};
use harness::readme::Block;

/// Whether a declared step restarts the pods of a workload; unknown where the step leaves that to a shell or a file.
pub(crate) fn restarts(step: &str, workload: &Workload) -> Fact<bool> {
    let block = Block { language: "sh".into(), text: step.to_owned(), line: 0 };
    let commands = block.commands(&|name| format!("${name}"));
    let told: Vec<Fact<bool>> =
        commands.iter().filter_map(|command| Restart::read(&command.words)?.of(workload)).collect();
    let known = told.contains(&Fact::Known(true)) || told.is_empty() && names(step, workload);
    let open = told.into_iter().find(|one| matches!(one, Fact::Unknown(_)));
    open.filter(|_| !known).unwrap_or(Fact::Known(known))
}

/// Whether a step says kind and name, in whatever words.
fn names(step: &str, workload: &Workload) -> bool {
    let (kind, name) = (workload.object().kind(), workload.object().name());
    let bare = |word: &str| word.trim_matches(|one: char| !one.is_ascii_alphanumeric()).to_owned();
    let words: Vec<String> = step.split([' ', '/', ',', '\n']).map(bare).collect();
    words.iter().any(|word| word == name) && words.iter().any(|word| is_kind(word, kind))
}

/// Whether a word is a kind as kubectl takes it: `deploy`, `deployments`, `deployment.apps`.
fn is_kind(word: &str, kind: &str) -> bool {
    let short = match kind {
        "Deployment" => "deploy",
        "StatefulSet" => "sts",
        "DaemonSet" => "ds",
        "Pod" => "po",
        _ => "",
    };
    let (word, kind) = (word.to_lowercase(), kind.to_lowercase());
    let word = word.split('.').next().unwrap_or_default();
    word == kind || word == format!("{kind}s") || !short.is_empty() && word == short
}

/// A command that restarts pods: `kubectl rollout restart` of workloads, or `kubectl delete` of pods.
struct Restart<'a> {
    of_pods: bool,
    targets: Vec<&'a str>,
    selector: Option<&'a str>,
    all: bool,
    from_a_file: bool,
}

/// Options of kubectl whose value is the next word.
const WITH_A_VALUE: &[&str] = &["-n", "--namespace", "--context", "--kubeconfig", "--field-manager", "--timeout", "-k"];

impl<'a> Restart<'a> {
    fn read(words: &'a [String]) -> Option<Self> {
        let mut restart = Self { of_pods: false, targets: Vec::new(), selector: None, all: false, from_a_file: false };
        let mut words = words.iter().map(String::as_str);
        words.find(|word| *word == "kubectl" || word.ends_with("/kubectl"))?;
        while let Some(word) = words.next() {
            match word {
                "-l" | "--selector" => restart.selector = words.next(),
                "-f" | "--filename" => restart.from_a_file = words.next().is_some(),
                "--all" => restart.all = true,
                option if WITH_A_VALUE.contains(&option) => drop(words.next()),
                option if option.starts_with('-') => {
                    let joined = option.strip_prefix("--selector=").or_else(|| option.strip_prefix("-l"));
                    restart.selector = joined.or(restart.selector);
                }
                target => restart.targets.push(target),
            }
        }
        let verbs = match restart.targets[..] {
            ["rollout", "restart", ..] => 2,
            ["delete", ..] => 1,
            _ => return None,
        };
        restart.of_pods = verbs == 1;
        restart.targets.drain(..verbs);
        Some(restart)
    }

    /// Whether it restarts the pods of a workload. `None`: it is about something else.
    fn of(&self, workload: &Workload) -> Option<Fact<bool>> {
        let (kind, name) = (workload.object().kind(), workload.object().name());
        let kind = if self.of_pods { "Pod" } else { kind };
        if self.from_a_file || self.targets.iter().chain(&self.selector).any(|word| word.contains(['$', '`'])) {
            return Some(Fact::Unknown(format!(
                "the shell or a file tells which workloads a declared step restarts; name {} in it",
                workload.reference()
            )));
        }
        let mut named = self.targets.iter().filter_map(|target| target.split_once('/')).peekable();
        if named.peek().is_some() {
            return Some(Fact::Known(named.any(|(word, one)| is_kind(word, kind) && one == name && !self.of_pods)));
        }
        let (first, names) = self.targets.split_first()?;
        if !first.split(',').any(|word| is_kind(word, kind)) {
            return (!self.of_pods).then_some(Fact::Known(false));
        }
        if !names.is_empty() {
            return Some(Fact::Known(!self.of_pods && names.contains(&name)));
        }
        let labels: Vec<(&str, &str)> =
            if self.of_pods { workload.pod_labels().collect() } else { workload.object().labels().collect() };
        match self.selector {
            Some(selector) => Some(Fact::Known(selects(selector, &labels))),
            // `rollout restart deployment` restarts every one of them; `delete pod` wants to be told which.
            None => Some(Fact::Known(self.all || !self.of_pods)),
        }
    }
}

/// Whether a selector of labels, `app=shop,tier in (web, api)`, takes in an object with these.
fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
    let held = |key: &str| labels.iter().find(|(name, _)| *name == key.trim()).map(|(_, value)| *value);
    parts(selector).into_iter().all(|part| {
        if let Some((key, values)) = part.split_once(" notin ") {
            held(key).is_none_or(|held| !listed(values).any(|value| value == held))
        } else if let Some((key, values)) = part.split_once(" in ") {
            held(key).is_some_and(|held| listed(values).any(|value| value == held))
        } else if let Some((key, value)) = part.split_once("!=") {
            held(key) != Some(value.trim())
        } else if let Some((key, value)) = part.split_once('=') {
            held(key) == Some(value.trim_start_matches('=').trim())
        } else if let Some(key) = part.strip_prefix('!') {
            held(key).is_none()
        } else {
            held(&part).is_some()
        }
    })
}

fn listed(values: &str) -> impl Iterator<Item = &str> {
    values.trim().trim_matches(['(', ')']).split(',').map(str::trim)
}

/// The requirements of a selector; a comma within brackets parts values.
fn parts(selector: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut within = false;
    for one in selector.chars() {
        within = one == '(' || within && one != ')';
        match parts.last_mut() {
            Some(last) if one != ',' || within => last.push(one),
            _ => parts.push(String::new()),
        }
    }
    parts.into_iter().map(|part| part.trim().replace("in(", "in (")).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness::graph::Fact;
    use harness::rendered::Rendered;
    use harness::subject::Subject;
    use rstest::rstest;

    use super::restarts;

    const SHOP: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop, labels: {app: shop, tier: web}}, spec: {template: {metadata: {labels: {run: shop}}, spec: {containers: [{name: a}]}}}}";

    #[rstest]
    #[case::full_kind("kubectl rollout restart deployment/shop", true)]
    #[case::short_kind("kubectl rollout restart deploy/shop -n apps", true)]
    #[case::kind_with_its_group("kubectl -n apps rollout restart deployments.apps shop", true)]
    #[case::several("kubectl rollout restart deployment/other deploy/shop", true)]
    #[case::words("Restart the Deployment `shop`.", true)]
    #[case::two_commands("kubectl rollout restart deploy/other && kubectl rollout restart deploy/shop", true)]
    #[case::kind_of_one_and_name_of_another("kubectl rollout restart deploy/other sts/shop", false)]
    #[case::another_name("kubectl rollout restart deploy/other", false)]
    #[case::another_kind("kubectl rollout restart sts/shop", false)]
    #[case::selector("kubectl rollout restart deployment -l app=shop", true)]
    #[case::selector_of_a_set("kubectl rollout restart deployment --selector 'tier in (web, api),app!=other'", true)]
    #[case::selector_of_others("kubectl rollout restart deployment -lapp=other", false)]
    #[case::selector_of_what_has_no_label("kubectl rollout restart deployment -l '!app'", false)]
    #[case::all_of_a_kind("kubectl rollout restart deploy,sts -n apps", true)]
    #[case::all_of_another_kind("kubectl rollout restart statefulset", false)]
    #[case::pods("kubectl delete pods -l run=shop", true)]
    #[case::pods_of_others("kubectl delete pods -l run=other", false)]
    #[case::a_deletion("kubectl delete deployment -l app=shop", false)]
    fn a_step_restarts(#[case] step: &str, #[case] expected: bool) {
        assert_eq!(restarts_shop(step), Fact::Known(expected));
    }

    #[rstest]
    #[case::selector_of_the_shell("kubectl rollout restart deployment -l app=$RELEASE")]
    #[case::names_of_the_shell("kubectl rollout restart $(kubectl get deployments -o name)")]
    #[case::a_file("kubectl rollout restart -f manifests.yaml")]
    fn a_step_leaves_open_what_it_restarts(#[case] step: &str) {
        assert!(matches!(restarts_shop(step), Fact::Unknown(_)));
    }

    fn restarts_shop(step: &str) -> Fact<bool> {
        let rendered = Rendered::of_manifests(Arc::new(Subject::of_manifests("test")), SHOP).unwrap();
        restarts(step, &rendered.workloads()[0])
    }
}
