//! A node over a real socket, as its users meet it.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod abuse;
mod append;
mod auth;
mod connections;
mod differ;
mod disk;
mod export;
mod hostile;
mod house;
mod intake;
mod jwt;
mod keeping;
mod lookup;
mod matrix;
mod node;
mod operations;
mod pages;
mod report;
mod saved;
mod search;
mod session;
mod status;
mod stream;
mod tls;
mod watch;
mod world;
