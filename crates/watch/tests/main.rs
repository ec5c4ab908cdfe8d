//! The watch against a log in memory.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod alerts;
mod floods;
mod kills;
mod node;
mod reload;
