//! The kind cluster of a name: free, Holdfast's own, stopped, or somebody else's.

use super::super::command::output;
use super::{Diagnosis, State};
use crate::cluster::{CommandError, Found, KindCluster};
use crate::docker::Docker;
use crate::error::Chain;

/// Looks for whatever has the name of the cluster.
pub fn cluster_name(docker: &Docker, cluster: &KindCluster, found: Result<Found, CommandError>) -> Diagnosis {
    let found = match found {
        Ok(found) => found,
        Err(error) => return unknown(&cluster.name, &error),
    };
    // kind names its containers after the cluster; one of another maker is in its way.
    let node = format!("{}-control-plane", cluster.name);
    let format = "{{.Names}} {{.Image}} {{.Label \"io.x-k8s.kind.cluster\"}}";
    let listing =
        output(docker.command().args(["ps", "--all", "--filter", &format!("name={node}"), "--format", format]));
    match listing {
        Ok(listing) => taken(&cluster.name, &found, cluster.is_ours(&found), in_the_way(&listing, &node)),
        Err(error) => unknown(&cluster.name, &error),
    }
}

fn unknown(name: &str, error: &(dyn std::error::Error + 'static)) -> Diagnosis {
    Diagnosis::with(State::Notable, subject(name), Chain(error).to_string(), "look with `docker ps --all`")
}

/// The image of a container that has the name of a node and is none of kind's. Docker's filter takes parts of names.
fn in_the_way<'a>(listing: &'a str, node: &str) -> Option<&'a str> {
    let containers = listing.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    containers.into_iter().find_map(|words| match words[..] {
        [name, image] if name == node => Some(image),
        _ => None,
    })
}

fn subject(name: &str) -> String {
    format!("cluster {name}")
}

fn taken(name: &str, found: &Found, ours: bool, in_the_way: Option<&str>) -> Diagnosis {
    let subject = subject(name);
    if let Some(image) = in_the_way {
        return Diagnosis::with(
            State::Trouble,
            subject,
            format!(
                "a container {name}-control-plane of image {image} has the name of its node, and kind did not make it"
            ),
            format!("remove it with `docker rm {name}-control-plane`, or use another cluster by --name"),
        );
    }
    match found {
        Found::Nothing => Diagnosis::fine(subject, "is not there; `holdfast up` makes it"),
        Found::Running { image } | Found::Stopped { image } | Found::Restarted { image } if !ours => Diagnosis::with(
            State::Trouble,
            subject,
            format!("a kind cluster of that name runs {image}, and Holdfast did not make it"),
            format!("use another cluster by --name, or remove that one with `kind delete cluster --name {name}`"),
        ),
        Found::Running { image } => Diagnosis::fine(subject, format!("runs {image}")),
        Found::Stopped { .. } => Diagnosis::with(
            State::Notable,
            subject,
            "an earlier one is there, and at least one of its nodes does not run",
            "nothing: `holdfast up` replaces it; `holdfast down` removes it",
        ),
        Found::Restarted { .. } => Diagnosis::with(
            State::Notable,
            subject,
            "its nodes were started again after they had been made, which they do not always survive",
            "nothing: `holdfast up` replaces it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{in_the_way, taken};
    use crate::cluster::Found;
    use crate::host::diagnosis::State;

    fn running() -> Found {
        Found::Running { image: "kindest/node:v1.30.0".into() }
    }

    #[rstest]
    #[case::free(Found::Nothing, false, None, State::Fine, "is not there")]
    #[case::ours(running(), true, None, State::Fine, "runs kindest/node:v1.30.0")]
    #[case::somebody_elses(running(), false, None, State::Trouble, "Holdfast did not make it")]
    #[case::somebody_elses_and_stopped(
        Found::Stopped { image: "a".into() }, false, None, State::Trouble, "Holdfast did not make it")]
    #[case::stopped(Found::Stopped { image: "a".into() }, true, None, State::Notable, "does not run")]
    #[case::restarted(Found::Restarted { image: "a".into() }, true, None, State::Notable, "started again")]
    #[case::a_container(Found::Nothing, false, Some("nginx"), State::Trouble, "of image nginx")]
    fn the_name_of_a_cluster_is_free_or_ours_or_taken(
        #[case] found: Found,
        #[case] ours: bool,
        #[case] in_the_way: Option<&str>,
        #[case] state: State,
        #[case] told: &str,
    ) {
        let seen = taken("holdfast", &found, ours, in_the_way);
        assert_eq!(seen.state, state, "{seen:?}");
        assert!(seen.observed.contains(told), "{seen:?}");
        assert_eq!(seen.remedy.is_some(), state != State::Fine, "{seen:?}");
    }

    #[rstest]
    #[case::kinds_own("holdfast-control-plane kindest/node:v1 holdfast\n", None)]
    #[case::another_makers("holdfast-control-plane nginx:1 \n", Some("nginx:1"))]
    #[case::a_longer_name("my-holdfast-control-plane nginx:1 \n", None)]
    #[case::nothing("", None)]
    fn a_container_is_in_the_way_if_it_has_the_name_and_not_the_label(
        #[case] listing: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(in_the_way(listing, "holdfast-control-plane"), expected);
    }
}
