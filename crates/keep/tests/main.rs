//! Keeping a log, through the public interface.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod archive;
mod backup;
mod import;
#[cfg(feature = "s3")]
mod s3;
mod support;
