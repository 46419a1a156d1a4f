//! Planted defects: that each is seen by the requirement that it is meant for, and by no other without an argument.
//!
//! A mutant is data; planting it never touches the original. Both lanes plant the same way: the rendered lane judges
//! what Helm renders of it, the live lane installs it on benches of its own.

mod file;
mod live;
mod matrix;
mod plant;
mod rendered;
mod row;
#[cfg(test)]
mod testing;
mod trial;

pub use self::file::{Edit, Mutant, MutantError, MutantFile, MutantLane, ObjectPatch, read_all};
pub use self::live::{LiveError, LiveLane, LiveOutcome};
pub use self::matrix::{Baseline, KillMatrix};
pub use self::plant::{PlantError, Planted, plant};
pub use self::row::{Mark, Row};
pub use self::trial::Trial;
