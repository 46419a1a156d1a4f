//! One run from its plan to its report: what is asked for, what must be judged, and who judges it.
//!
//! The plan is written before anything is judged, so that a run that is killed at any moment is known to be incomplete.
//! Nothing here knows a requirement by name: the contract is handed in.

mod checking;
mod clerk;
mod execute;
mod live;
mod names;
mod planning;
mod selection;
mod shared;
mod standing;

use std::sync::Arc;

use camino::Utf8PathBuf;

pub use self::checking::{Checked, check};
pub use self::execute::{ConformanceError, Outcome, run};
pub use self::live::judge_live;
pub use self::planning::live_overlay;
pub use self::selection::{ContractError, OverlayError, Selection, SelectionError, expect_contract, expect_overlays};
pub use self::shared::{SharedError, SharedRun, ShelfError};
pub use self::standing::{StandingError, leave_standing};
use crate::bench::Programs;
use crate::cluster::{Cluster, CommandError};
use crate::helm::Helms;
use crate::profile::Profile;
use crate::requirement::Requirement;
use crate::subject::{StandIn, Subject};
use crate::waiver::Waiver;

/// What a run is asked for.
pub struct Request {
    /// The contract, in its order.
    pub catalog: &'static [&'static Requirement],
    /// The contract's version.
    pub contract: &'static str,
    /// What is under test.
    pub subjects: Vec<Arc<Subject>>,
    /// Which requirements.
    pub selection: Selection,
    /// Which overlays; empty: all of them.
    pub overlays: Vec<String>,
    /// What a gate demands that the subjects claim or show.
    pub profile: Option<Profile>,
    /// What the owner of the gate accepts for a time.
    pub waivers: Vec<Waiver>,
    /// Whether a SHOULD binds like a MUST.
    pub strict: bool,
    /// Whether rotations under faults are left out, which take as long as all the rest.
    pub without_faults: bool,
    /// The Helms that render.
    pub helms: Arc<Helms>,
    /// What the live lane needs; absent: it is not run, for this reason.
    pub stage: Result<Stage, String>,
    /// Where run directories are.
    pub base: Utf8PathBuf,
    /// The command line, for the report.
    pub command: Vec<String>,
}

/// What the live lane needs.
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// The programs that install, and that documented commands call.
    pub programs: Programs,
    /// What is known about the cluster, for the report.
    pub facts: std::collections::BTreeMap<String, String>,
}

impl Stage {
    /// Gives our images the references under which a subject's pods ask for them, where the nodes are ours.
    ///
    /// # Errors
    /// When the nodes do not have it, or do not answer.
    pub async fn lend_images(&self, subject: &Subject) -> Result<(), CommandError> {
        let handle = self.cluster.handle();
        let Some(nodes) = &handle.nodes else { return Ok(()) };
        for stand_in in StandIn::ALL {
            if let Some(image) = handle.image(stand_in) {
                nodes.tag(image, &references(subject, stand_in)).await?;
            }
        }
        Ok(())
    }
}

/// The references of a subject that one of our images stands behind.
pub fn references(subject: &Subject, stand_in: StandIn) -> Vec<String> {
    let images = subject.images().iter().filter(|image| image.stands_for == stand_in.name());
    images.map(|image| image.reference.clone()).collect()
}
