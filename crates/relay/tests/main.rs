//! Inputs and streams against real peers, and against receivers that misbehave as their documentation says.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

#[path = "../../../tests/nats-server/server.rs"]
mod server;

mod brokers;
mod chat;
mod http_receivers;
mod mail;
mod nats;
mod receiver;
mod syslog;
