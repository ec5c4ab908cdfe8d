//! Keeping the log, on real directories and with a clock that is moved.
#![allow(clippy::unwrap_used, reason = "tests")]

mod archive;
mod import;
