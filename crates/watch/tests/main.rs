//! The watch against a log in memory.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
