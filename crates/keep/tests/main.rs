//! Keeping, through the crate's public interface.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod restore;
