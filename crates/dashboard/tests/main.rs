//! Pages over an API that is made up, and gives hostile answers.
#![allow(clippy::unwrap_used, reason = "tests")]

mod event;
mod fake;
mod timeline;
