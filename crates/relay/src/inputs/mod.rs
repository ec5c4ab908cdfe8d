//! What comes in: each input is a task that ends when it is told to.

pub mod nats;
pub mod syslog;
