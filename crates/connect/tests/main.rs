//! Whole lines against what others have published.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod intake;
mod ocsf;
mod schema;
