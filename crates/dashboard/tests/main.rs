//! Pages over an API that answers whatever a test wants.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod alerts;
mod connections;
mod event;
mod fake;
mod hostile;
mod keeping;
mod live;
mod overview;
mod people;
mod reviews;
mod search;
mod timeline;
