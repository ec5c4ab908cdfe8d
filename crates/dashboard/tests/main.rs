//! Pages over an API that answers whatever a test wants.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod fake;
mod live;
mod overview;
mod people;
