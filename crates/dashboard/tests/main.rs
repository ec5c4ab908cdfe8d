//! Pages over an API that answers whatever a test wants.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod search;
