//! The layer around axum, over real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

mod answers;
mod endings;
mod services;
mod site;
mod tokens;
