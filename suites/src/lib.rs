//! The contract: what a Helm chart that uses PostgreSQL owes the people who run it.
//!
//! One requirement is one file, `<area>/<id>_<statement>.rs`: what it is for, its descriptor, its rendered check, its
//! live check, in that order. [`CATALOG`] lists them in the order of the contract.

pub mod boot;
pub mod ca;
mod clients;
pub mod key;
mod logins;
pub mod mig;
mod named;
mod order;
pub mod own;
mod passwords;
mod pods;
pub mod pool;
mod profiles;
pub mod render;
mod roles;
pub mod rot;
mod script;
pub mod sec;
mod steps;
pub mod sync;
pub mod tls;
mod trigger;
mod upgrade;
mod why;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tidy;

use harness::requirement::Requirement;

pub use self::profiles::profiles;
pub use self::why::why;

/// The version of the contract.
pub const VERSION: &str = "1.0";

/// Every requirement, in the order of the contract.
pub const CATALOG: &[&Requirement] = &[
    // RENDER: what Helm makes of the values.
    &render::RENDER_01,
    &render::RENDER_02,
    &render::RENDER_03,
    &render::RENDER_04,
    &render::RENDER_05,
    &render::RENDER_06,
    &render::RENDER_07,
    &render::RENDER_08,
    &render::RENDER_09,
    &render::RENDER_10,
    &render::RENDER_11,
    &render::RENDER_12,
    &render::RENDER_13,
    &render::RENDER_14,
    // CA: how the database's CA reaches its clients.
    &ca::CA_01,
    &ca::CA_02,
    &ca::CA_03,
    &ca::CA_04,
    &ca::CA_05,
    &ca::CA_06,
    &ca::CA_07,
    &ca::CA_08,
    // TLS: how the database and its clients talk.
    &tls::TLS_01,
    &tls::TLS_02,
    &tls::TLS_03,
    &tls::TLS_04,
    &tls::TLS_05,
    &tls::TLS_06,
    &tls::TLS_07,
    &tls::TLS_08,
    // MIG: the Job that brings the schema up to date.
    &mig::MIG_01,
    &mig::MIG_02,
    &mig::MIG_03,
    &mig::MIG_04,
    &mig::MIG_05,
    &mig::MIG_06,
    &mig::MIG_07,
    &mig::MIG_08,
    &mig::MIG_09,
    // OWN: who owns roles, passwords and databases.
    &own::OWN_01,
    &own::OWN_02,
    &own::OWN_03,
    &own::OWN_04,
    &own::OWN_05,
    &own::OWN_06,
    &own::OWN_07,
    &own::OWN_08,
    &own::OWN_09,
    &own::OWN_10,
    &own::OWN_11,
    // ROT: what becomes of everybody when a credential is rotated.
    &rot::ROT_01,
    &rot::ROT_02,
    &rot::ROT_03,
    &rot::ROT_04,
    &rot::ROT_05,
    &rot::ROT_06,
    &rot::ROT_07,
    &rot::ROT_08,
    &rot::ROT_09,
    &rot::ROT_10,
    &rot::ROT_11,
    &rot::ROT_12,
    // BOOT: a PostgreSQL that the chart brings, its volume and its first password.
    &boot::BOOT_01,
    &boot::BOOT_02,
    &boot::BOOT_03,
    &boot::BOOT_04,
    &boot::BOOT_05,
    &boot::BOOT_06,
    &boot::BOOT_07,
    // SYNC: something that copies the CA to where clients read it.
    &sync::SYNC_01,
    &sync::SYNC_02,
    &sync::SYNC_03,
    &sync::SYNC_04,
    &sync::SYNC_05,
    &sync::SYNC_06,
    &sync::SYNC_07,
    &sync::SYNC_08,
    // KEY: how clients of the application identify themselves.
    &key::KEY_01,
    &key::KEY_02,
    &key::KEY_03,
    &key::KEY_04,
    &key::KEY_05,
    &key::KEY_06,
    // POOL: how many sessions the clients take, and how long they keep them.
    &pool::POOL_01,
    &pool::POOL_02,
    &pool::POOL_03,
    &pool::POOL_04,
    // SEC: what a credential is worth when something else has gone wrong.
    &sec::SEC_01,
    &sec::SEC_02,
    &sec::SEC_03,
    &sec::SEC_04,
    &sec::SEC_05,
    &sec::SEC_06,
];
