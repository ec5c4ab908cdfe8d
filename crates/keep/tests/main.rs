//! Keeping a log, through the public interface, on real parts: a store over a file system in memory, and a clock that
//! is moved.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod retention;
