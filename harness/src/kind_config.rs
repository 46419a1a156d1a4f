//! The files of `kind-config`, which this library carries inside it: recipes, cluster configurations, versions.
//!
//! It gives bytes by path and does not know what they mean.

/// Every file, by its path below `kind-config`, in the order of the paths.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/kind_config.rs"));

/// The bytes of a file by its path below `kind-config`, such as `cluster/single-node.yaml`.
pub fn file(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes)
}

/// The files below a folder (`images/etcd/`), by their paths below it.
pub fn files_below(folder: &'static str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(name, bytes)| Some((name.strip_prefix(folder)?, *bytes)))
}
