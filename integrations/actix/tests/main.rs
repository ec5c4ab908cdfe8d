//! The middleware around applications of actix-web, over real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

mod answers;
mod endings;
mod errors;
mod tokens;
