//! Rules through their public side.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
mod matching;

mod pack;
mod aws;
mod sigma;
