//! The log: append-only, durable in groups, recoverable, provable.

pub mod record;
pub mod segment;
