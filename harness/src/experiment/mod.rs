//! Named disturbances, each run once per subject and overlay, leaving a sealed record.
//!
//! Only this module's children change anything on a cluster that a subject runs on. Checks read what they leave.

mod break_credential;
mod campaign;
mod change_first_password;
mod copy_again;
mod diary;
mod documented;
mod fault;
mod first_boot;
mod follow_ca_documentation;
mod forced_mode;
mod foreign_ca;
mod hostile_password;
mod install;
mod install_waiting;
mod mend_deleting_data;
mod mend_keeping_data;
mod migrate;
mod missing_ca;
mod pooler;
mod radius;
mod recreate_credential;
mod reinstall;
mod rendezvous;
mod roll_back_ca;
mod rotate_again;
mod rotate_api_key;
mod rotate_bundle;
mod rotate_ca;
mod rotate_password;
mod rotate_under_fault;
mod rotation;
mod seats;
mod standing;
mod start_together;
mod suits;
mod tenant_install;
mod upgrade;
mod without_ca;
mod witness;

pub use self::break_credential::{CORRECT, CORRECTED, UNREADY};
pub use self::campaign::{Campaign, Line, conduct, conduct_line};
pub use self::change_first_password::{RESTART_CLIENTS, UPGRADED};
pub use self::copy_again::{ACROSS, APPLIED, COPIED_TWICE, RUN};
pub use self::documented::{COMMANDS, THROUGH};
pub use self::first_boot::{NEW_PASSWORD_TAKEN, SETTLED_ON_IT};
pub use self::follow_ca_documentation::{INSTALLED_AS_WRITTEN, ROLLED_BACK_AS_WRITTEN, ROTATED_AS_WRITTEN};
pub use self::install::{PLAINTEXT, SETTLED, VERIFIED};
pub use self::install_waiting::after_waiting;
pub use self::migrate::{AMID_A_ROTATION, BACK, KILL, KILLED, MIGRATED, OFF, PROVIDED, TAKEN, UNPROVIDED};
pub use self::missing_ca::{MISSING_SECRET, MISSING_SECRET_NAME, WRONG_KEY, WRONG_KEY_NAME};
pub use self::radius::Radius;
pub use self::recreate_credential::{BY_ITSELF, BY_UPGRADE, DELETE, MADE_BY, WITHOUT};
pub use self::reinstall::{REINSTALLED, WITH_ANOTHER_PASSWORD};
pub use self::rendezvous::Rendezvous;
pub use self::roll_back_ca::{OLD_PODS_GONE, PRIOR_CA_BACK};
pub use self::rotate_again::{CHANGED_AGAIN, SAME_VALUE};
pub use self::rotate_api_key::{EMPTY_KEY, NEW_KEY, NO_KEY, OLD_KEY};
pub use self::rotate_bundle::{NEW_LEAF_SERVED, OLD_CA_ALONE};
pub use self::rotate_ca::{COPY_FOLLOWS, ON_THE_WIRE};
pub use self::rotate_password::RESTARTED;
pub use self::rotate_under_fault::{FAULT, FAULT_OVER, UNTAKEN};
pub use self::rotation::{
    ACCEPT, CHANGED, DECLARED_STEPS, DRAIN, DRAIN_UNAIDED, DRAINED, FOLLOW, FOLLOW_AFTER_STEPS, FOLLOWED, FRESH_GAP,
    NEW_ACCEPTED, NEW_CREDENTIAL, NEW_THROUGH_POOLER, OLD_CREDENTIAL, OLD_REFUSED, OLD_THROUGH_POOLER, REFUSE,
    STEADY_GAP,
};
pub use self::seats::Seats;
pub use self::standing::{erect, revisit};
pub use self::start_together::STARTED;
pub use self::tenant_install::{RULES_THE_CLUSTER, TENANT_INSTALLED};
pub use self::upgrade::INTENDED;
pub use self::witness::Witness;
