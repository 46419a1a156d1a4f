//! Planted defects: that each is seen by the requirement that it is meant for, and by no other without an argument.
//!
//! A mutant is data; planting it never touches the original. The live lane plants the same way.

mod file;
mod matrix;
mod plant;

pub use self::file::{Edit, Mutant, MutantError, MutantFile, MutantLane, ObjectPatch, read_all};
pub use self::matrix::{KillMatrix, Row, matrix};
pub use self::plant::{PlantError, Planted, plant};
