//! What a figure cannot be read without: the machine, how busy it is, and how this program was compiled.

use std::fs;

use jiff::Timestamp;
use serde::Serialize;

/// The machine and the program.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// When it was looked at.
    pub at: Timestamp,
    /// The version of this program.
    pub version: &'static str,
    /// The compiler's optimisation level, `0` to `3`, `s` or `z`.
    pub optimisation: &'static str,
    /// Whether it checks its own arithmetic and assertions, as development builds do.
    pub debug_assertions: bool,
    /// The processors that this process may use.
    pub cores: usize,
    /// What the processor calls itself.
    pub processor: Option<String>,
    /// All memory, in bytes.
    pub memory: Option<u64>,
    /// The memory that is not in use, in bytes.
    pub memory_available: Option<u64>,
    /// The version of the kernel.
    pub kernel: Option<String>,
    /// How busy it is.
    pub load: Option<Load>,
    /// The Helms that render.
    pub helms: Vec<String>,
}

/// How busy a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Processes that ran or wanted to, on average over one minute.
    pub one_minute: f64,
    /// The same over five minutes.
    pub five_minutes: f64,
    /// The same over fifteen minutes.
    pub fifteen_minutes: f64,
}

impl Machine {
    /// This machine, now.
    pub fn look(helms: Vec<String>) -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        let memory = read("/proc/meminfo").unwrap_or_default();
        Self {
            at: Timestamp::now(),
            version: env!("CARGO_PKG_VERSION"),
            optimisation: env!("HOLDFAST_OPT_LEVEL"),
            debug_assertions: cfg!(debug_assertions),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            processor: read("/proc/cpuinfo").and_then(|text| processor_in(&text)),
            memory: kibibytes_in(&memory, "MemTotal:"),
            memory_available: kibibytes_in(&memory, "MemAvailable:"),
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            load: Load::look(),
            helms,
        }
    }
}

impl Load {
    /// How busy this machine is; `None` where it does not tell.
    pub fn look() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/loadavg").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { one_minute: next()?, five_minutes: next()?, fifteen_minutes: next()? })
    }
}

fn processor_in(cpuinfo: &str) -> Option<String> {
    let (_, name) = cpuinfo.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    Some(name.trim().to_owned())
}

fn kibibytes_in(meminfo: &str, field: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{Load, Machine, kibibytes_in, processor_in};

    #[test]
    fn the_load_is_read_from_the_kernel() {
        let load = Load::parse("6.81 5.79 4.43 9/172 28971\n").unwrap();
        assert_eq!((load.one_minute, load.five_minutes, load.fifteen_minutes), (6.81, 5.79, 4.43));
        assert_eq!(Load::parse("who knows"), None);
    }

    #[test]
    fn the_processor_and_the_memory_are_read_from_the_kernel() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Example CPU @ 2.80GHz\nprocessor\t: 1\n";
        assert_eq!(processor_in(cpuinfo).as_deref(), Some("Example CPU @ 2.80GHz"));
        assert_eq!(kibibytes_in("MemTotal:       16 kB\nMemAvailable:    2 kB\n", "MemAvailable:"), Some(2048));
    }

    #[test]
    fn the_program_says_how_it_was_compiled() {
        let machine = Machine::look(Vec::new());
        assert!(["0", "1", "2", "3", "s", "z"].contains(&machine.optimisation), "{}", machine.optimisation);
        assert!(machine.cores > 0);
    }
}
