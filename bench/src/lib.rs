//! Measures the log beside the machine's own limit and beside what people use today.
//!
//! Every system gets the same events, as JSON text, from [`generator`], in groups that are each
//! durable before the next begins. [`limits`] says what this machine could do at best, [`peers`]
//! hold the other systems and [`table`] prints what came out.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock and writes real files; that is what it measures"
)]

pub mod generator;
pub mod limits;
pub mod measure;
pub mod ours;
pub mod peers;
mod random;
pub mod table;
mod vocabulary;
