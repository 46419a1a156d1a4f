//! The engine on the project's own charts and Helms.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rendered;
