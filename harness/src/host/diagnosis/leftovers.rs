//! What runs left behind that did not come to their end.

use camino::Utf8Path;

use super::{Diagnosis, State};
use crate::cluster::Leftover;
use crate::redact::PrivateRoom;

const REMEDY: &str = "remove them with `holdfast sweep`";

/// The private folders of dead runs; credentials may be in them.
pub fn private_folders(base: &Utf8Path) -> Diagnosis {
    let folders = PrivateRoom::abandoned(base).iter().map(|room| room.folder().to_string()).collect();
    listed("private folders", folders, "of dead runs, which may hold credentials")
}

/// The namespaces of dead runs on the cluster; `alive` says whether a run of that id lives on this machine.
pub fn namespaces(leftovers: &[Leftover], alive: impl Fn(&str) -> bool) -> Diagnosis {
    let dead = leftovers.iter().filter(|leftover| !alive(&leftover.run));
    listed(
        "the cluster",
        dead.map(|leftover| leftover.remains.to_string()).collect(),
        "of dead runs, which take memory",
    )
}

fn listed(subject: &str, names: Vec<String>, what: &str) -> Diagnosis {
    if names.is_empty() {
        return Diagnosis::fine(subject, "none of a dead run");
    }
    Diagnosis::with(State::Notable, subject, format!("{}: {what}", names.join(", ")), REMEDY)
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::{namespaces, private_folders};
    use crate::cluster::Leftover;
    use crate::host::diagnosis::State;
    use crate::redact::PrivateRoom;

    #[test]
    fn only_namespaces_of_dead_runs_are_leftovers() {
        let leftover = |run: &str| Leftover::namespace(run, format!("hf-{run}"));
        let leftovers = [leftover("dead"), leftover("alive")];
        let seen = namespaces(&leftovers, |run| run == "alive");
        assert_eq!(
            (seen.state, seen.observed.as_str()),
            (State::Notable, "namespace hf-dead: of dead runs, which take memory")
        );
        assert_eq!(namespaces(&leftovers, |_| true).state, State::Fine);
    }

    #[test]
    fn only_the_folder_of_a_dead_run_is_a_leftover() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        let room = PrivateRoom::create(base, "20260801-1200-abcd").unwrap();
        assert_eq!(private_folders(base).state, State::Fine);
        let folder = room.folder().to_owned();
        drop(room);
        let seen = private_folders(base);
        assert_eq!(seen.state, State::Notable);
        assert!(seen.observed.starts_with(folder.as_str()), "{seen:?}");
    }
}
