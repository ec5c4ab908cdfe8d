//! Keeping, through the crate's public interface, on whole stores.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod erase;
mod restore;
