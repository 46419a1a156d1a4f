//! What goes wrong while a password is rotated, and what that means for whoever judges the rotation.
//!
//! A rotation is judged without a fault first; that is what its requirements need. A fault asks for more than every
//! cluster gives: a second instance, or the right to stop the operator. Where it cannot be had, the rotation without it
//! still counts, and the judgement says what it was not tried under.

use crate::bench::Installation;
use crate::record::Experiment;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Every pod of the application is killed.
    ClientsKilled,
    /// The pod of the primary is deleted.
    PrimaryLost,
    /// The primary hands over to the other instance.
    SwitchedOver,
    /// Every pod of the pooler is killed.
    PoolerKilled,
    /// The kubelet of every node is stopped for a while.
    KubeletStopped,
    /// The API server is killed, and comes back.
    ApiServerKilled,
    /// The operator is scaled to zero, and back.
    OperatorGone,
}

impl Experiment {
    /// Whether it is a rotation with a fault, which is judged where it could be run.
    pub fn is_under_fault(self) -> bool {
        self.fault().is_some()
    }

    /// Whether nothing else may be at work on the cluster meanwhile.
    pub(super) fn runs_alone(self) -> bool {
        matches!(self.fault(), Some(Fault::KubeletStopped | Fault::ApiServerKilled | Fault::OperatorGone))
    }

    /// Whether a subject has what its fault befalls: without a pooler there is none to kill.
    pub fn befalls(self, installation: &Installation) -> bool {
        self.fault() != Some(Fault::PoolerKilled) || installation.pooler.is_some()
    }

    pub(super) fn fault(self) -> Option<Fault> {
        match self {
            Self::RotateKillingClients => Some(Fault::ClientsKilled),
            Self::RotateLosingPrimary => Some(Fault::PrimaryLost),
            Self::RotateSwitchingOver => Some(Fault::SwitchedOver),
            Self::RotateKillingPooler => Some(Fault::PoolerKilled),
            Self::RotateWithoutKubelet => Some(Fault::KubeletStopped),
            Self::RotateKillingApiServer => Some(Fault::ApiServerKilled),
            Self::RotateWithoutOperator => Some(Fault::OperatorGone),
            _ => None,
        }
    }
}
