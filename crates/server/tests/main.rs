//! A node over a real socket, as its users meet it.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod append;
mod auth;
mod disk;
mod hostile;
mod house;
mod jwt;
mod lookup;
mod node;
mod search;
mod stream;
mod tls;
