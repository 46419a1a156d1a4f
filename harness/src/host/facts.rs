//! What this machine is: user, distribution, capabilities, kernel settings.

use std::fs;

/// Whether this process runs as root.
pub fn is_root() -> bool {
    status_field("Uid:").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"))
}

/// Whether this machine installs Debian packages with apt: Debian, or a distribution that says it is like it.
pub fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| names_debian(&text))
}

fn names_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .any(|value| value.trim_matches('"').split_whitespace().any(|name| name == "debian"))
}

/// A Linux capability, by its number in the kernel's masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Mounting, namespaces, and most of what a container engine does.
    SysAdmin = 21,
    /// Raising resource limits and lowering OOM scores.
    SysResource = 24,
}

impl Capability {
    /// Whether this process, and so anything that it starts, can ever have the capability.
    /// Where the kernel does not say, it is assumed.
    pub fn is_attainable(self) -> bool {
        status_field("CapBnd:").is_none_or(|mask| self.is_in(&mask))
    }

    fn is_in(self, mask: &str) -> bool {
        u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & (1 << self as u32) != 0)
    }
}

fn status_field(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

/// A kernel setting that a node needs to be at least so high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// Its name, as `sysctl` knows it.
    pub name: &'static str,
    /// The least value that serves three nodes.
    pub least: u64,
}

impl Kernel {
    /// What one node's systemd, kubelet and containerd watch is counted per user, and the defaults are soon used up:
    /// the second or third cluster then fails with a message about something else.
    pub const LIMITS: [Self; 2] = [
        Self { name: "fs.inotify.max_user_instances", least: 1024 },
        Self { name: "fs.inotify.max_user_watches", least: 524_288 },
    ];

    fn path(self) -> String {
        format!("/proc/sys/{}", self.name.replace('.', "/"))
    }

    /// The value now; `None` where the kernel has no such setting.
    pub fn value(self) -> Option<u64> {
        fs::read_to_string(self.path()).ok()?.trim().parse().ok()
    }

    /// Whether the value is too low.
    pub fn is_too_low(self) -> bool {
        self.value().is_some_and(|value| value < self.least)
    }

    /// Raises the value to the least that serves.
    ///
    /// # Errors
    /// When this process may not.
    pub fn raise(self) -> std::io::Result<()> {
        fs::write(self.path(), self.least.to_string())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Capability, names_debian};

    #[rstest]
    #[case::debian("ID=debian\nVERSION_ID=\"12\"\n", true)]
    #[case::ubuntu("ID=ubuntu\nID_LIKE=debian\n", true)]
    #[case::mint("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", true)]
    #[case::fedora("ID=fedora\n", false)]
    #[case::named_after_it("ID=debianish\n", false)]
    fn debian_is_told_by_its_identifier(#[case] os_release: &str, #[case] expected: bool) {
        assert_eq!(names_debian(os_release), expected);
    }

    #[rstest]
    #[case::all("000001ffffffffff", true)]
    #[case::without_it("000001fffeffffff", false)]
    #[case::unreadable("what", false)]
    fn a_capability_is_a_bit_of_the_mask(#[case] mask: &str, #[case] expected: bool) {
        assert_eq!(Capability::SysResource.is_in(mask), expected);
    }
}
