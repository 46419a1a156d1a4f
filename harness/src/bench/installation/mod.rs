//! What is installed on a bench and how: the charts and whoever brings what they need, in one namespace or two.

mod annex;
mod documented;
mod given;
mod inputs;
mod kubeconfig;
mod namespaced;
mod release;
mod resolved;
mod smoke;
mod standing;
mod unseen;
mod variants;

pub(crate) use self::documented::Ran;
pub use self::documented::{CaProcedures, Procedure, Programs};
pub(super) use self::inputs::random;
pub(crate) use self::inputs::unguessed;
pub use self::resolved::{
    CaInputs, Change, CredentialSecret, Installation, InstallationError, ModeVariable, Release, TrustSecret,
};
