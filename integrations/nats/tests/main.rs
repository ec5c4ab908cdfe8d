//! Against a real server, which is killed in the middle.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

#[path = "../../../tests/nats-server/server.rs"]
mod server;

mod consuming;
mod failing;
mod publishing;
mod support;
