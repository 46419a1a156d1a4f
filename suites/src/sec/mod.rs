//! SEC: what a credential is worth when something else has gone wrong.
//!
//! A stolen token, a guessed password and an open port are somebody else's mistakes until they meet here. The area asks
//! that each of them leads no further than it must.

mod sec_01_no_credential_is_printed;
mod sec_02_accounts_cannot_list_secrets;
mod sec_03_environments_share_no_password;
mod sec_04_passwords_are_long_and_plain;
mod sec_05_runtime_roles_have_no_attributes;
mod sec_06_the_database_stays_inside;

pub use self::sec_01_no_credential_is_printed::SEC_01;
pub use self::sec_02_accounts_cannot_list_secrets::SEC_02;
pub use self::sec_03_environments_share_no_password::SEC_03;
pub use self::sec_04_passwords_are_long_and_plain::SEC_04;
pub use self::sec_05_runtime_roles_have_no_attributes::SEC_05;
pub use self::sec_06_the_database_stays_inside::SEC_06;
