//! The recorder on real threads and files, with transports that fail in every way they may.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "tests look at files and clocks themselves")]

mod closing;
mod durable;
mod failing;
mod full;
mod harness;
mod kill;
mod load;
