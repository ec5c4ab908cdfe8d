//! The SDK against the real things: a trail in this process, and a node over a real socket.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![expect(
    clippy::disallowed_methods,
    reason = "real processes, real sockets and real time are what these tests are about"
)]

mod embedded;
mod files;
mod outage;
mod trail;
