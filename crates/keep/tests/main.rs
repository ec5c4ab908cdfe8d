//! Keeping, on whole stores.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod erase;
