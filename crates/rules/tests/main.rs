//! Rules through their public side.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod aws;
mod imported;
mod matching;
mod sigma;
