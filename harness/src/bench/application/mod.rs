//! The workloads of the releases: whether they serve and have settled, what they do about the database, how they start
//! anew.

mod afresh;
mod consumers;
mod copier;
mod front;
mod new_pods;
mod restart;
mod rollout;

pub(super) use self::consumers::NO_CLIENT;
pub(crate) use self::copier::COPIED;
pub use self::copier::Copier;
pub use self::front::{BELOW_MINIMUM, Front, OVER_TLS, WITHOUT_TLS};
pub(super) use self::rollout::{OF_A_RELEASE, TOOL_LABEL};
