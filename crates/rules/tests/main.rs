//! Rules through their public side.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod aws;
mod determinism;
mod engine;
mod imported;
mod matching;
mod meaning;
mod pack;
mod sigma;

mod windows;
