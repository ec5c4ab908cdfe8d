//! Keeping a log, through the public interface.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "tests damage files behind the seam's back")]

mod backup;
#[cfg(feature = "s3")]
mod s3;
mod support;
