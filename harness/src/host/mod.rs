//! The machine that Holdfast runs on: what it has, what it lacks, and how what is missing is put there.
//!
//! Nothing is changed without a sentence about it first. It knows nothing of images or clusters.

mod command;
pub mod diagnosis;
mod facts;
pub(crate) mod leash;
mod pressure;
mod programs;
mod signals;

pub(crate) use self::command::last_lines;
pub use self::command::{CommandError, output, output_within};
pub use self::facts::{Capability, Kernel, is_debian, is_root};
pub use self::pressure::CpuPressure;
pub use self::programs::{Program, ProgramsError, ensure, find_beside, find_on_path};
pub use self::signals::interrupted;
