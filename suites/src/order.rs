//! In which order Helm and Argo CD make the objects of a release.
//!
//! Helm runs the hooks of `pre-install` before every ordinary object, by weight and then by name. Argo CD has phases, and
//! waves within a phase, each of which waits until the one before is healthy; where an object names no phase, it takes
//! Helm's hooks for phases, and their weights for waves. Nobody knows which of both applies a chart, so what one of them
//! does counts; but Argo CD is asked only about objects that speak to it.

use std::cmp::Ordering;

use harness::manifests::Object;

const PHASE: &str = "argocd.argoproj.io/hook";
const WAVE: &str = "argocd.argoproj.io/sync-wave";

/// The phase and the wave of an object that says nothing.
const ORDINARY: (i64, i64) = (0, 0);

/// Whether an object is an ordinary one of its release: no hook of Helm, and none that Argo CD runs before the others.
pub(crate) fn is_ordinary(object: &Object) -> bool {
    object.hooks().is_empty() && !phases(object).contains(&"PreSync")
}

/// Whether an object is made, and a Job is over, before the ordinary objects of its release.
///
/// A hook of `pre-upgrade` alone is not: it finds what the installation has made.
pub(crate) fn is_before_its_release(object: &Object) -> bool {
    is_first_of_helm(object) || is_first_of_argo_cd(object)
}

/// Whether a Job runs only when everything else of its release is ready, where somebody waits for that.
pub(crate) fn is_after_its_release(object: &Object) -> bool {
    let phases = phases(object);
    let by_argo_cd = phases.contains(&"PostSync") && !phases.contains(&"PreSync") && !phases.contains(&"Sync");
    by_argo_cd || object.hooks().contains(&"post-install") && !is_first_of_helm(object)
}

/// Whether one object is made, and over if it is a Job, before another one is made.
pub(crate) fn comes_before(one: &Object, other: &Object) -> bool {
    let by_helm = is_first_of_helm(one) && (!is_first_of_helm(other) || in_order(one, other).is_lt());
    let by_argo_cd = (speaks_to_argo_cd(one) || speaks_to_argo_cd(other)) && position(one) < position(other);
    by_helm || by_argo_cd
}

/// Whether an object is there when a Job runs that is itself before its release. Of the same weight and name, and of the
/// same wave, Jobs come last.
pub(crate) fn is_there_for(object: &Object, job: &Object) -> bool {
    let by_helm = !is_first_of_helm(job) || is_first_of_helm(object) && in_order(object, job).is_le();
    let by_argo_cd = !is_first_of_argo_cd(job) || position(object) <= position(job);
    by_helm && by_argo_cd
}

fn is_first_of_helm(object: &Object) -> bool {
    object.hooks().contains(&"pre-install")
}

fn is_first_of_argo_cd(object: &Object) -> bool {
    speaks_to_argo_cd(object) && position(object) < ORDINARY
}

fn speaks_to_argo_cd(object: &Object) -> bool {
    [PHASE, WAVE].iter().any(|name| object.annotation(name).is_some())
}

/// The phases of Argo CD that an object names.
fn phases(object: &Object) -> Vec<&str> {
    object.annotation(PHASE).unwrap_or_default().split(',').map(str::trim).filter(|phase| !phase.is_empty()).collect()
}

/// The first phase and the wave in which Argo CD makes an object.
fn position(object: &Object) -> (i64, i64) {
    let (named, hooks) = (phases(object), object.hooks());
    let first = |before: bool, at: bool, after: bool| match (before, at, after) {
        (true, ..) => -1,
        (false, false, true) => 1,
        _ => 0,
    };
    let phase = if named.is_empty() {
        let any = |start: &str| {
            hooks.iter().any(|hook| *hook == format!("{start}-install") || *hook == format!("{start}-upgrade"))
        };
        first(any("pre"), false, any("post"))
    } else {
        first(named.contains(&"PreSync"), named.contains(&"Sync"), named.contains(&"PostSync"))
    };
    let wave = object.annotation(WAVE).and_then(|wave| wave.trim().parse().ok());
    (phase, wave.unwrap_or_else(|| object.hook_weight()))
}

/// The order in which Helm runs the hooks of one event: by weight, then by name.
fn in_order(one: &Object, other: &Object) -> Ordering {
    (one.hook_weight(), one.name()).cmp(&(other.hook_weight(), other.name()))
}

#[cfg(test)]
mod tests {
    use harness::manifests::Manifests;
    use rstest::rstest;

    use super::{comes_before, is_after_its_release, is_before_its_release, is_there_for};

    const PRE_SYNC: &str = "argocd.argoproj.io/hook: PreSync";
    const POST_SYNC: &str = "argocd.argoproj.io/hook: PostSync";
    const PRE: &str = "helm.sh/hook: 'pre-install,pre-upgrade'";

    fn annotated(annotations: [&str; 2]) -> Manifests {
        let object = |(name, annotations): (&str, &str)| {
            format!("{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, annotations: {{{annotations}}}}}}}")
        };
        let [one, other] = annotations;
        Manifests::parse(&[("a", one), ("b", other)].map(object).join("\n---\n"), "test").unwrap()
    }

    #[rstest]
    #[case::of_helm(PRE, true, false)]
    #[case::of_an_upgrade_alone("helm.sh/hook: pre-upgrade", false, false)]
    #[case::of_helm_afterwards("helm.sh/hook: 'post-install,pre-upgrade'", false, true)]
    #[case::of_argo_cd(PRE_SYNC, true, false)]
    #[case::of_argo_cd_afterwards(POST_SYNC, false, true)]
    #[case::of_argo_cd_among_the_others("argocd.argoproj.io/hook: Sync", false, false)]
    #[case::of_an_early_wave("argocd.argoproj.io/sync-wave: '-1'", true, false)]
    #[case::of_helm_with_a_late_wave("helm.sh/hook: pre-install, argocd.argoproj.io/sync-wave: '3'", true, false)]
    #[case::no_hook("other: x", false, false)]
    fn a_hook_is(#[case] annotations: &str, #[case] before: bool, #[case] after: bool) {
        let manifests = annotated([annotations, ""]);
        let object = manifests.objects().next().unwrap();
        assert_eq!((is_before_its_release(object), is_after_its_release(object)), (before, after));
    }

    #[rstest]
    #[case::an_ordinary_object(PRE_SYNC, "", true, false)]
    #[case::an_ordinary_object_of_helm(PRE, "", true, false)]
    #[case::one_of_a_later_wave(
        PRE_SYNC,
        "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: '1'",
        true,
        false
    )]
    #[case::one_of_an_earlier_wave(
        PRE_SYNC,
        "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: '-1'",
        false,
        true
    )]
    #[case::one_of_the_same_wave(PRE_SYNC, PRE_SYNC, false, true)]
    #[case::a_hook_of_helm_that_argo_cd_takes_for_its_own(PRE_SYNC, PRE, false, true)]
    #[case::a_hook_of_argo_cd_that_helm_takes_for_nothing(PRE, PRE_SYNC, true, false)]
    #[case::a_weight_that_argo_cd_takes_for_a_wave(
        PRE_SYNC,
        "helm.sh/hook: pre-install, helm.sh/hook-weight: '5'",
        true,
        false
    )]
    #[case::one_of_a_higher_weight(PRE, "helm.sh/hook: pre-install, helm.sh/hook-weight: '5'", true, false)]
    fn beside_a_job_is(#[case] job: &str, #[case] object: &str, #[case] late: bool, #[case] there: bool) {
        let manifests = annotated([job, object]);
        let [job, object] = &manifests.objects().collect::<Vec<_>>()[..] else { panic!("expected two") };
        assert_eq!((comes_before(job, object), is_there_for(object, job)), (late, there));
    }
}
