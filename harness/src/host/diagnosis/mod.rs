//! What could be wrong with this machine, each with how to mend it. Looks, and changes nothing.

mod clock;
mod cluster;
mod leftovers;
mod registry;

use std::fs;
use std::process::Command;

use camino::Utf8Path;

pub use self::clock::clocks;
pub use self::cluster::cluster_name;
pub use self::leftovers::{namespaces, private_folders};
pub use self::registry::registries;
use super::command::output;
use super::facts::{Capability, Kernel, is_debian, is_root};
use super::programs::{Program, find_on_path};
use crate::cache::Cache;
use crate::docker::Docker;
use crate::error::Chain;
use crate::tools::{OnPath, Tool};
use crate::versions::{Versions, VersionsError};

const GIB: u64 = 1 << 30;
/// Building every image from nothing: compilers' caches, archives, and the daemon's copies of them.
const DISK_TO_BUILD: u64 = 25 * GIB;
/// A node with four CloudNativePG clusters.
const MEMORY_TO_RUN: u64 = 6 * GIB;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Fine,
    /// Holdfast gets by, for instance because it builds or starts what is missing.
    Notable,
    /// Nothing will come of a live run.
    Trouble,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was looked at, a noun phrase.
    pub subject: String,
    /// How bad it is.
    pub state: State,
    /// What was seen.
    pub observed: String,
    /// What to do about it; `None` if there is nothing to do.
    pub remedy: Option<String>,
}

impl Diagnosis {
    fn fine(subject: impl Into<String>, observed: impl Into<String>) -> Self {
        Self { subject: subject.into(), state: State::Fine, observed: observed.into(), remedy: None }
    }

    fn with(state: State, subject: impl Into<String>, observed: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { subject: subject.into(), state, observed: observed.into(), remedy: Some(remedy.into()) }
    }
}

/// The Docker daemon: one that answers, or whether one could be started.
pub fn daemon(found: Result<&Docker, &(dyn std::error::Error + 'static)>) -> Diagnosis {
    let subject = "Docker daemon";
    match found {
        Ok(docker) => {
            let at = docker.host().unwrap_or("the client's default address");
            Diagnosis::fine(subject, format!("version {} at {at}", docker.version()))
        }
        Err(error) if is_root() && is_debian() && std::env::var_os("DOCKER_HOST").is_none() => Diagnosis::with(
            State::Notable,
            subject,
            Chain(error).to_string(),
            "nothing: `holdfast up` starts a private one and says so",
        ),
        Err(error) => Diagnosis::with(
            State::Trouble,
            subject,
            Chain(error).to_string(),
            "start Docker, or set DOCKER_HOST to one that runs",
        ),
    }
}

/// The rights that a private daemon and privileged containers need.
pub fn privilege() -> Diagnosis {
    let subject = "privilege";
    if !Capability::SysAdmin.is_attainable() {
        return Diagnosis::with(
            State::Notable,
            subject,
            "this process can never have CAP_SYS_ADMIN",
            "use a Docker daemon outside this container, by DOCKER_HOST",
        );
    }
    if !Capability::SysResource.is_attainable() {
        let observed = "this machine lacks CAP_SYS_RESOURCE";
        return Diagnosis::with(
            State::Notable,
            subject,
            observed,
            "nothing: a private daemon runs containers through a shim that does without it",
        );
    }
    Diagnosis::fine(subject, if is_root() { "root" } else { "an ordinary user, who needs a daemon that runs" })
}

/// The version of control groups; Kubernetes still runs on the old one, if it is told to.
pub fn control_groups() -> Diagnosis {
    control_groups_of(Utf8Path::new("/sys/fs/cgroup/cgroup.controllers").is_file())
}

fn control_groups_of(unified: bool) -> Diagnosis {
    let subject = "control groups";
    if unified {
        return Diagnosis::fine(subject, "version 2");
    }
    let remedy = "nothing now; later releases of kind and containerd will refuse it, so plan to boot with version 2";
    Diagnosis::with(State::Notable, subject, "version 1, which Kubernetes calls deprecated", remedy)
}

/// The kernel's limits on watches.
pub fn watches() -> Vec<Diagnosis> {
    let look = |limit: Kernel| {
        let value = limit.value()?;
        if !limit.is_too_low() {
            return Some(Diagnosis::fine(limit.name, value.to_string()));
        }
        let observed = format!("{value}, which a second or third node uses up");
        let remedy = format!("as root: sysctl {}={} (`holdfast up` does it when it is root)", limit.name, limit.least);
        Some(Diagnosis::with(State::Notable, limit.name, observed, remedy))
    };
    Kernel::LIMITS.into_iter().filter_map(look).collect()
}

/// Room for images below the cache folder.
pub fn disk(cache: &Cache) -> Diagnosis {
    let subject = "disk";
    // The cache folder may not exist yet; the nearest folder that does is on the same disk.
    let folder = cache.root().ancestors().find(|path| path.is_dir()).unwrap_or_else(|| Utf8Path::new("/"));
    let answer = output(Command::new("df").args(["-P", "-k", folder.as_str()]));
    let free = answer.ok().and_then(|table| free_in(&table));
    match free {
        None => Diagnosis::with(State::Notable, subject, "its free space cannot be told", "look with `df`"),
        Some(free) if free < DISK_TO_BUILD => Diagnosis::with(
            State::Notable,
            subject,
            format!("{} GiB free below {}", free / GIB, cache.root()),
            format!("building every image takes up to {} GiB; free some, or move XDG_CACHE_HOME", DISK_TO_BUILD / GIB),
        ),
        Some(free) => Diagnosis::fine(subject, format!("{} GiB free below {}", free / GIB, cache.root())),
    }
}

/// The fourth column of `df -Pk`, in bytes.
fn free_in(table: &str) -> Option<u64> {
    table.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Room for a node.
pub fn memory() -> Diagnosis {
    let subject = "memory";
    let Some(available) = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available_in(&text)) else {
        return Diagnosis::with(State::Notable, subject, "what is available cannot be told", "look with `free`");
    };
    let observed = format!("{:.1} GiB available", available as f64 / GIB as f64);
    if available < MEMORY_TO_RUN {
        let remedy =
            format!("a node with its databases takes up to {} GiB; end what is not needed", MEMORY_TO_RUN / GIB);
        return Diagnosis::with(State::Notable, subject, observed, remedy);
    }
    Diagnosis::fine(subject, observed)
}

fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// How the daemon stores images. containerd's store gives archives that older tools cannot load into nodes.
pub fn image_store(docker: &Docker) -> Diagnosis {
    let answer = output(docker.command().args(["info", "--format", "{{.Driver}} {{json .DriverStatus}}"]));
    match answer {
        Ok(store) => image_store_of(&store),
        Err(error) => {
            Diagnosis::with(State::Notable, "image store", Chain(&error).to_string(), "look with `docker info`")
        }
    }
}

fn image_store_of(store: &str) -> Diagnosis {
    let subject = "image store";
    if store.contains("io.containerd.snapshotter") {
        return Diagnosis::with(
            State::Notable,
            subject,
            "containerd's",
            "if loading images into a node fails, turn it off in the daemon's settings (containerd-snapshotter)",
        );
    }
    Diagnosis::fine(subject, store.split_whitespace().next().unwrap_or("unknown"))
}

/// A tool: on PATH at its pinned version, or what is there instead.
///
/// # Errors
/// When the tool has no pin, which is a defect of this build.
pub fn tool(tool: Tool, versions: &Versions) -> Result<Diagnosis, VersionsError> {
    let pinned = tool.version(versions)?;
    let subject = format!("{} {pinned}", tool.program());
    let remedy =
        "nothing where Holdfast makes the cluster: it is built when it is needed; else `holdfast tools` builds it";
    Ok(match tool.anywhere_on_path(versions)? {
        OnPath::Pinned(path) => Diagnosis::fine(subject, path),
        OnPath::Other { path, version } => {
            let version = version.unwrap_or_else(|| "of a version that it does not tell".into());
            Diagnosis::with(State::Notable, subject, format!("{path} is {version}"), remedy)
        }
        OnPath::Absent => Diagnosis::with(State::Notable, subject, "not on PATH", remedy),
    })
}

/// What building needs. The stand-in application and its database are built wherever the other images come from.
pub fn compilers() -> Vec<Diagnosis> {
    let look = |program: Program, remedy: &str| match find_on_path(program.name()) {
        Some(path) => Diagnosis::fine(program.name(), path),
        None => Diagnosis::with(State::Notable, program.name(), "not on PATH", remedy),
    };
    let by_hand = [Program::Go, Program::Cargo].map(|program| look(program, "install it, unless everything is built"));
    let by_package = [Program::Cc, Program::Busybox, Program::Mmdebstrap]
        .map(|program| look(program, "as root on Debian it is installed when it is needed; else install it"));
    by_hand.into_iter().chain(by_package).collect()
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use rstest::rstest;

    use super::{State, available_in, control_groups_of, disk, free_in, image_store_of};
    use crate::cache::Cache;

    #[test]
    fn free_space_is_read_from_the_portable_table() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100 60 40 60% /\n";
        assert_eq!(free_in(table), Some(40 * 1024));
        assert_eq!(free_in("nonsense"), None);
    }

    #[rstest]
    #[case::version_2(true, State::Fine, "version 2")]
    #[case::version_1(false, State::Notable, "version 1, which Kubernetes calls deprecated")]
    fn the_version_of_control_groups_is_told(#[case] unified: bool, #[case] state: State, #[case] told: &str) {
        let seen = control_groups_of(unified);
        assert_eq!((seen.state, seen.observed.as_str()), (state, told));
    }

    #[rstest]
    #[case::dockers_own("overlay2 [[\"Backing Filesystem\",\"extfs\"]]", State::Fine, "overlay2")]
    #[case::containerds(
        "overlayfs [[\"driver-type\",\"io.containerd.snapshotter.v1\"]]",
        State::Notable,
        "containerd's"
    )]
    #[case::none("", State::Fine, "unknown")]
    fn the_kind_of_image_store_is_told(#[case] store: &str, #[case] state: State, #[case] told: &str) {
        let seen = image_store_of(store);
        assert_eq!((seen.state, seen.observed.as_str()), (state, told));
    }

    #[test]
    fn available_memory_is_read_in_bytes() {
        assert_eq!(available_in("MemTotal: 9 kB\nMemAvailable:   2 kB\n"), Some(2048));
    }

    #[test]
    fn a_cache_folder_that_is_not_there_yet_has_a_disk() {
        let seen = disk(&Cache::at(Utf8Path::new("/no/such/folder/yet")));
        assert!(seen.state == State::Fine || seen.remedy.is_some(), "{seen:?}");
        assert!(seen.observed.contains("GiB"), "{seen:?}");
    }
}
