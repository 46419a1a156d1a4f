//! Which Helms are at hand: those of the cache folder, at the pinned versions, else those that were handed out together
//! with this program, else those on PATH. Nothing is built here.

use camino::Utf8PathBuf;

use super::program::{HelmProgram, Helms};
use super::{HelmError, HelmMajor};
use crate::cache::Cache;
use crate::host::{find_beside, find_on_path};
use crate::images::Workshop;
use crate::tools::Tool;
use crate::versions::Versions;

impl Helms {
    /// The Helms at hand, Helm 4 first, rendering for the pinned Kubernetes version.
    ///
    /// # Errors
    /// There is neither Helm 3 nor Helm 4.
    pub fn at_hand() -> Result<Self, HelmError> {
        let workshop = Cache::locate().ok().and_then(|cache| Workshop::open(cache).ok());
        let finished = |tool: Tool| -> Option<Utf8PathBuf> {
            let path = workshop.as_ref()?.path(tool.artefact()).ok()?.join(tool.program());
            path.is_file().then_some(path)
        };
        let place = |tool, name| finished(tool).or_else(|| find_beside(name)).or_else(|| find_on_path(name));
        let mut programs: Vec<HelmProgram> = Vec::new();
        for (tool, name, major) in [(Tool::Helm4, "helm4", HelmMajor::Four), (Tool::Helm3, "helm3", HelmMajor::Three)] {
            programs.extend(place(tool, name).map(|path| HelmProgram { major, path }));
        }
        // Asking for a version costs as much as a render, so it is asked only where a major version is missing.
        if programs.len() < 2
            && let Some(path) = find_on_path(Tool::Helm4.program())
        {
            let other = HelmProgram::at(&path)?;
            if programs.iter().all(|known| known.major != other.major) {
                programs.push(other);
            }
        }
        let helms = Self::new(programs)?;
        let kubernetes =
            Versions::pinned().ok().and_then(|versions| versions.pin("kubernetes.version").ok().map(str::to_owned));
        Ok(match kubernetes {
            Some(version) => helms.for_kubernetes(&version),
            None => helms,
        })
    }
}
