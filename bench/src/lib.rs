//! Measures the log beside the machine's own limit and beside what people use today.
//!
//! Every system gets the same events, as JSON text, from [`generator`], in groups that are each
//! durable before the next begins. [`limits`] says what this machine could do at best, [`peers`]
//! hold the other systems and [`table`] prints what came out.
//!
//! Searching and HTTP are measured on a running node from outside ([`node`]): [`bulk`] loads it, [`asking`] puts
//! the [`questions`] to it and to the peers with [`values`] that exist, [`delay`] sees how soon an event is
//! found, [`single`] sends single events from many callers, and [`pages`] loads the dashboard.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock and writes real files; that is what it measures"
)]

pub mod asking;
pub mod bulk;
pub mod dashboard;
pub mod delay;
pub mod generator;
pub mod history;
pub mod http;
pub mod import;
pub mod keep;
pub mod layer;
pub mod limits;
pub mod measure;
pub mod node;
pub mod ours;
pub mod pages;
pub mod peers;
pub mod questions;
mod random;
pub mod record;
pub mod search;
pub mod single;
pub mod table;
pub mod values;
mod vocabulary;
pub mod watch;
