//! POOL: how many sessions the clients take, and how long they keep them.

mod pool_01_a_full_roll_fits_the_server;
mod pool_02_sessions_have_an_age_limit;
mod settings;

pub use self::pool_01_a_full_roll_fits_the_server::POOL_01;
pub use self::pool_02_sessions_have_an_age_limit::POOL_02;
