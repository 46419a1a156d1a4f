//! OWN: who owns roles, passwords and databases.
//!
//! A credential has two halves, a Secret and a verifier in the database, and every owner too many lets them part without
//! anybody noticing until the next restart. The area asks that each half has one owner, and that both are the same.

mod own_01_every_credential_has_one_writer;
mod own_02_every_application_has_a_role_of_its_own;
mod own_03_a_role_has_one_engine;
mod own_04_nobody_else_rotates_a_managed_role;
mod own_05_drift_of_a_managed_role_is_corrected;
mod own_06_applications_read_the_authoritative_secret;
mod own_07_a_missing_secret_keeps_the_password;
mod own_08_a_mirror_is_one_way;
mod own_09_secret_and_role_can_be_compared;
mod own_10_a_new_application_has_a_dedicated_secret;
mod own_11_a_database_belongs_to_its_application;
mod pg_hba;
mod statement;
mod vault;

pub use self::own_01_every_credential_has_one_writer::OWN_01;
pub use self::own_02_every_application_has_a_role_of_its_own::OWN_02;
pub use self::own_03_a_role_has_one_engine::OWN_03;
pub use self::own_04_nobody_else_rotates_a_managed_role::OWN_04;
pub use self::own_05_drift_of_a_managed_role_is_corrected::OWN_05;
pub use self::own_06_applications_read_the_authoritative_secret::OWN_06;
pub use self::own_07_a_missing_secret_keeps_the_password::OWN_07;
pub use self::own_08_a_mirror_is_one_way::OWN_08;
pub use self::own_09_secret_and_role_can_be_compared::OWN_09;
pub use self::own_10_a_new_application_has_a_dedicated_secret::OWN_10;
pub use self::own_11_a_database_belongs_to_its_application::OWN_11;
