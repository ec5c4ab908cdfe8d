//! Keeping a log, through the public interface, on real parts: stores in directories and over file systems in memory,
//! and a clock that is moved.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "tests damage files behind the seam's back")]

mod archive;
mod backup;
mod erase;
mod import;
mod restore;
mod retention;
#[cfg(feature = "s3")]
mod s3;
mod support;
