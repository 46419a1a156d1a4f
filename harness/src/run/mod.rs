//! The run directory: one run's plan, journals, records and reports, in files that outlive every process.
//!
//! The plan is written first and lists everything that must be judged, so that a run that was killed still yields a
//! report, which says what is missing. Each process appends to a journal of its own and nobody reads backwards: what is
//! in the directory is only ever turned into a report.

mod directory;
mod id;
mod journal;
mod plan;

pub use directory::{RunDirectory, RunError};
pub use id::RunId;
pub use journal::{Chronicle, Entry, Event, Journal};
pub use plan::{
    ChartIdentity, Disposition, ImageIdentity, Key, NOT_ASKED_FOR, Plan, PlanItem, PlannedRequirement, ReleaseIdentity,
    Scope, SubjectIdentity, Undecided,
};
