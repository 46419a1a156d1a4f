//! Whether the registries that publish the pinned images can be reached, by the daemon that would pull from them.

use std::thread;

use super::{Diagnosis, State};
use crate::docker::Docker;
use crate::images::{PullError, Puller, Workshop, one_of_each_registry};
use crate::progress::Silent;

/// Asks each registry for one of the pinned images.
///
/// # Errors
/// When a reference is malformed, which is a defect of this build.
pub fn registries(docker: &Docker, workshop: &Workshop) -> Result<Diagnosis, PullError> {
    let asked = one_of_each_registry(workshop.recipes().versions())?;
    let puller = Puller { docker, cache: workshop.store().cache(), mirror: None, progress: &Silent };
    let answers: Vec<(&str, bool)> = thread::scope(|scope| {
        let ask = |pinned| {
            scope.spawn({
                let puller = &puller;
                move || puller.answers(pinned)
            })
        };
        let threads: Vec<_> = asked.iter().map(|pinned| (pinned.registry(), ask(*pinned))).collect();
        threads.into_iter().map(|(registry, thread)| (registry, thread.join().unwrap_or(false))).collect()
    });
    let node = workshop.artefact("node");
    Ok(reached(&answers, node.is_ok_and(|node| workshop.store().has(&node))))
}

/// `built`: whether the images were built on this machine already.
fn reached(answers: &[(&str, bool)], built: bool) -> Diagnosis {
    let subject = "container registries";
    let those = |wanted: bool| -> Vec<&str> {
        answers.iter().filter(|(_, answers)| *answers == wanted).map(|(registry, _)| *registry).collect()
    };
    let silent = those(false);
    if silent.is_empty() {
        return Diagnosis::fine(subject, format!("{} answer", those(true).join(", ")));
    }
    let remedy = if built {
        "nothing: the images were built on this machine, and are in the cache folder"
    } else {
        "nothing, if the package registries of Go, Rust and Debian answer: images are then built on this machine, \
         which takes about 20 min. Else let the daemon out, by a route or by its proxy settings"
    };
    Diagnosis::with(State::Notable, subject, format!("the daemon gets no image from {}", silent.join(", ")), remedy)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::reached;
    use crate::host::diagnosis::State;

    #[rstest]
    #[case::all([true, true], false, State::Fine, "a.example, b.example answer", None)]
    #[case::one([true, false], false, State::Notable, "no image from b.example", Some("let the daemon out"))]
    #[case::none([false, false], false, State::Notable, "no image from a.example, b.example", Some("about 20 min"))]
    #[case::none_is_needed([false, false], true, State::Notable, "no image from", Some("nothing: the images were built"))]
    fn silent_registries_are_named(
        #[case] answers: [bool; 2],
        #[case] built: bool,
        #[case] state: State,
        #[case] told: &str,
        #[case] remedy: Option<&str>,
    ) {
        let seen = reached(&[("a.example", answers[0]), ("b.example", answers[1])], built);
        assert_eq!(seen.state, state, "{seen:?}");
        assert!(seen.observed.contains(told), "{seen:?}");
        assert_eq!(seen.remedy.is_some(), remedy.is_some(), "{seen:?}");
        assert!(seen.remedy.unwrap_or_default().contains(remedy.unwrap_or_default()));
    }
}
