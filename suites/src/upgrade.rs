//! What an upgrade without a change makes anew.

use harness::manifests::Object;
use harness::rendered::Rendered;

use crate::named::text_files;

/// Whether upgrades apply an object; what is made before the first installation only is never made anew.
pub(crate) fn is_applied_by_upgrades(object: &Object) -> bool {
    let hooks = object.hooks();
    hooks.is_empty() || hooks.iter().any(|hook| hook.ends_with("-upgrade"))
}

/// Whether a chart asks the cluster what exists, which no render without one can tell.
pub(crate) fn looks_up(subject: &Rendered) -> bool {
    subject.charts().any(|chart| text_files(chart).any(|(_, text)| text.contains("lookup ")))
}

#[cfg(test)]
mod tests {
    use harness::manifests::Manifests;
    use rstest::rstest;

    use super::is_applied_by_upgrades;

    #[rstest]
    #[case::ordinary("", true)]
    #[case::first_installation("pre-install", false)]
    #[case::each_upgrade("pre-install,pre-upgrade", true)]
    fn a_hook_of_the_installation_alone_is_not_applied_again(#[case] hooks: &str, #[case] applied: bool) {
        let text = format!("{{kind: Secret, metadata: {{name: a, annotations: {{helm.sh/hook: '{hooks}'}}}}}}");
        let manifests = Manifests::parse(&text, "test").unwrap();
        assert_eq!(is_applied_by_upgrades(manifests.objects().next().unwrap()), applied);
    }
}
